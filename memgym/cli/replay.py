"""``memgym replay``: a recorded episode, step by step in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from memgym.cli.results import Terms
from memgym.cli.terminal import make_console, to_int
from memgym.errors import DataError, MemgymError, unknown
from memgym.leaderboard.diagnose import Evidence, diagnose
from memgym.leaderboard.files import read_result
from memgym.leaderboard.trace import Trace, TracedStep, trace, unjudged_env
from memgym.shown import cut, plain

HELP = "Enter goes on, b goes back, a number goes to that step, q ends."
LONGEST = 20_000
"""So many letters of a text are shown."""
MOST_CHANGES = 200
"""So many changes of a memory are shown of a step."""
STYLES = {"ADD": ("+", "green"), "UPDATE": ("~", "yellow"), "DELETE": ("-", "red")}


def replay_file(path: Path, key: tuple[str | None, int, int], terms: Terms, whole: bool) -> None:
    """Show an episode of a result file.

    Args:
        path: of the file.
        key: entry (None for the first), trial and index of the episode.
        terms: of the replay.
        whole: whether all steps are printed at once; else a person steps through them.

    Raises:
        ConfigError: there is no such entry.
        DataError: the file has no such episode, or cannot be replayed here.
    """
    result = read_result(path)
    terms.check([result.header])
    name, trial, index = key
    entries = {entry.name: entry for entry in result.header.entries}
    if name is None:
        name = next(iter(entries))
    if name not in entries:
        raise unknown(f"entry of {path}:", name, entries)
    found = result.select(lambda other, _: other == (name, trial, index))
    if not found:
        raise DataError(f"{path}: entry {name!r} has no episode {index}, trial {trial}")
    try:
        env = unjudged_env(result.header, entries[name], terms.trust, terms.overrides, terms.round)
        shown = _Shown(trace(env, found[0]))
    except MemgymError as error:
        raise type(error)(f"{path}: {error}") from None
    console = make_console(soft_wrap=not make_console().is_terminal)
    if shown.trace.differs:
        console.print("A reward comes out differently here: 'memgym verify' says which.")
    if whole:
        for number in range(len(shown.trace.steps)):
            shown.print(console, number)
    else:
        _step_through(console, shown)


def _step_through(console: Console, shown: _Shown) -> None:
    last = len(shown.trace.steps) - 1
    number = 0
    console.print(HELP)
    while True:
        shown.print(console, number)
        try:
            typed = input(f"{number + 1}/{last + 1}> ").strip()
        except EOFError:
            return
        if typed == "q" or (not typed and number == last):
            return
        if typed.isdecimal():
            number = to_int(typed) - 1
        elif typed in ("", "b"):
            number += -1 if typed else 1
        else:
            console.print(HELP)
        number = max(0, min(last, number))


class _Shown:
    """A trace, ready to be printed."""

    def __init__(self, traced: Trace):
        self.trace = traced
        self._lost = {loss.step: loss.place for loss in diagnose(traced)}
        self._wanted = [Evidence(traced.support, question) for question in traced.episode.questions]

    def print(self, console: Console, number: int) -> None:
        """Print a step: what is shown, what is done, what becomes of the memory, and how an answer scored."""
        step = self.trace.steps[number]
        by = "the policy" if step.by_agent else "the environment"
        console.rule(plain(f"step {number + 1} of {len(self.trace.steps)}: {step.phase}, by {by}"), align="left")
        turns = {turn for question in self.trace.episode.questions for turn in question.evidence}
        for block in step.observation.blocks:
            if block.tag == "budget":
                continue
            gold = block.attributes.get("id") in turns
            told = " ".join(value for name, value in block.attributes.items() if name != "format")
            head = Text(plain(f"{'» ' if gold else ''}{block.tag} {told}".rstrip()), "bold green" if gold else "dim")
            console.print(head)
            console.print(Padding(Text(_whole(block.text)), (0, 0, 0, 2)))
        console.print(Text("action", "bold"))
        console.print(Padding(Text(_whole(step.action) or "(none)"), (0, 0, 0, 2)))
        if step.error:
            console.print(Text(plain(f"not usable: {step.error}"), "red"))
        self._print_changes(console, step)
        self._print_answer(console, step, self._lost.get(number, ""))

    def _print_changes(self, console: Console, step: TracedStep) -> None:
        for change in step.changes[:MOST_CHANGES]:
            sign, style = STYLES[change.op]
            record = change.new or change.old
            assert record is not None
            mark = "» " if any(wanted.touches(record) for wanted in self._wanted) else ""
            old = f"   (was: {change.old.text})" if change.op == "UPDATE" and change.old else ""
            told = f"{sign} {mark}{change.id} {cut(record.text, LONGEST)}{cut(old, LONGEST)}"
            console.print(Text(plain(told), style))
        if len(step.changes) > MOST_CHANGES:
            console.print(Text(f"… and {len(step.changes) - MOST_CHANGES:,} more changes", "dim"))
        if step.changes:
            console.print(Text(f"the memory has {len(step.memory)} items", "dim"))

    def _print_answer(self, console: Console, step: TracedStep, lost: str) -> None:
        if step.question is None or step.scores is None:
            return
        right = " | ".join(step.question.answers)
        score = step.scores["answer"]
        console.print(Text(plain(f"right: {right}"), "green"))
        told = f"answered {cut(step.answer or '', LONGEST)!r}: {score:.2f}" + (f", lost: {lost}" if lost else "")
        console.print(Text(plain(told), "red" if lost else "green"))


def _whole(text: str) -> str:
    return plain(cut(text, LONGEST), lines=True)
