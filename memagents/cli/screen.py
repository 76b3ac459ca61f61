"""What a person sees while a model writes: that it does, and a reply as it comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from memagents.reasoning import OPEN, spoken
from memgym.shown import plain

_DOING = {
    "extract": "looking for what is worth keeping",
    "update": "changing the memories",
    "retrieve": "choosing memories",
    "answer": "writing",
}


class Screen:
    """A terminal on which models are seen writing; where there is none, nothing is shown.

    Attributes:
        shown: what of the reply has been shown already.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self.shown = ""

    @contextmanager
    def watch(self, phase: str) -> Iterator[Callable[[str], None] | None]:
        """Show that a phase is played, until its end; and an answer as it is written."""
        if not self._console.is_terminal:
            yield None
            return
        self.shown = ""
        doing = _DOING.get(phase, phase)
        with self._console.status(f"{doing} …") as status:

            def hear(text: str) -> None:
                said = (spoken(text) or "").rstrip("\ufffd")  # the beginning of a character
                if phase != "answer" or OPEN.startswith(said):
                    status.update(f"{doing} … {len(text)} characters")
                elif said.startswith(self.shown):
                    status.stop()
                    sys.stdout.write(plain(said[len(self.shown) :], lines=True))
                    sys.stdout.flush()
                    self.shown = said

            try:
                yield hear
            except BaseException:
                if self.shown:  # what is said of it begins a line
                    print(flush=True)
                raise

    def rest(self, reply: str) -> str:
        """Return what of a reply is still to be shown, and forget what was."""
        shown, self.shown = self.shown, ""
        if reply.startswith(shown):
            return reply[len(shown) :]
        return f"\n{reply}"
