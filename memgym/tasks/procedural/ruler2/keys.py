"""Lines that are found by a key: the multi-key and multi-value tasks of RULER v2.

A text holds nothing but such lines. In ``mk_niah`` each has a key of its own, in ``mv_niah`` four share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from memgym.episodes import Fact, Section
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.procedural.ruler.haystack import fill, hide, random_places, section_of, sections
from memgym.tasks.procedural.ruler.niah import NEEDLE, question
from memgym.tasks.procedural.ruler.parts import Parts, Subtask
from memgym.tasks.procedural.ruler2.items import ORDINALS, Items
from memgym.tokens import TokenCounter

SHARED = {"mk": 1, "mv": 4}
"""How many lines have the same key."""
_SHORTEST = 12
"""Tokens of a line, at least."""


class Needles(Subtask):
    """``basic``: sentences that give a word a number of 10 digits, or four; asked for are the numbers of one word."""

    def __init__(self, shared: int, length: int, counter: TokenCounter):
        super().__init__(length, counter)
        self._shared = shared

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the needles, eight to a section, and the question for those of one key."""
        others = self.length // _SHORTEST + 128
        key, *keys = symbols.compounds(rng, 1 + others // self._shared + 1, split)
        values = symbols.long_numbers(rng, self._shared + others, split)
        own = [NEEDLE.format(kind="numbers", key=key, value=value) for value in values[: self._shared]]
        pairs = zip(_repeated(keys, self._shared), values[self._shared :], strict=False)
        rest = (NEEDLE.format(kind="numbers", key=k, value=value) for k, value in pairs)

        room = self.length - self.counter.count("\n".join(["", *own]))
        lines = fill(lambda n: list(islice(rest, n)), room, self.counter)
        lines = [lines[i] for i in rng.permutation(len(lines))]
        lines, found = hide(own, lines, random_places(rng, len(own), len(lines)))
        sources = [section_of(line) for line in found]
        return Parts(
            sections=sections(lines, "\n"),
            question=question("numbers", [key], len(own)),
            answers=tuple(values[: self._shared]),
            evidence=tuple(dict.fromkeys(sources)),
            match="all",
            facts=tuple(
                Fact(key, "special magic number", value, source) for value, source in zip(values, sources, strict=False)
            ),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the questions with a number.

    Args:
        text: of the question; ``{number}`` and ``{place}`` stand for which is asked for.
        solve: whether the right option is asked for, and not the question itself.
        one: whether only one of the questions with the number is asked for.
    """

    text: str
    solve: bool = False
    one: bool = True


ASKS = {
    "mk_niah_easy": Ask("Copy Question {number} of the text, with its options, on one line."),
    "mk_niah_medium": Ask(
        "First copy Question {number} of the text, with its options. Then solve it: write what the right option says, "
        "without its letter and without the other options, on the last line.",
        solve=True,
    ),
    "mk_niah_hard": Ask(
        "Solve Question {number} of the text. Write only what the right option says, without its letter.", solve=True
    ),
    "mv_niah_easy": Ask("Copy all four questions of the text that have the number {number}, one a line.", one=False),
    "mv_niah_medium": Ask(
        "First copy all four questions of the text that have the number {number}, in their order. Then, after an empty "
        "line, copy the {place} of them alone."
    ),
    "mv_niah_hard": Ask(
        "Four questions of the text have the number {number}. Copy the {place} of them, with its options, and no other."
    ),
}


class NumberedQuestions(Subtask):
    """``easy`` to ``hard``: questions with a number of 7 digits each; one is to be copied or solved.

    A question is a section of its own. Which is the n-th of those with a number follows from the first n of them, so
    all these are the evidence.
    """

    running = False

    def __init__(self, subtask: str, length: int, counter: TokenCounter):
        super().__init__(length, counter)
        self._ask, self._shared = ASKS[subtask], SHARED[subtask[:2]]

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the questions, and what is asked of those with one number."""
        number, *numbers = symbols.numbers(rng, 1 + self.length // _SHORTEST // self._shared + 128, split)
        items = Items(rng, split)
        own = [items.next() for _ in range(self._shared)]
        needles = [f"Question {number}: {item.text}" for item in own]
        keys = _repeated(numbers, self._shared)

        room = self.length - self.counter.count("\n\n".join(["", *needles]))
        lines = fill(
            lambda n: [f"Question {key}: {items.next().text}" for key in islice(keys, n)],
            room,
            self.counter,
            joiner="\n\n",
        )
        lines = [lines[i] for i in rng.permutation(len(lines))]
        lines, found = hide(needles, lines, random_places(rng, len(needles), len(lines)))
        place = int(rng.integers(self._shared))
        asked = own[place : place + 1] if self._ask.one else own
        needed = place + 1 if self._ask.one else self._shared
        sources = [f"q{line + 1}" for line in found[:needed]]
        return Parts(
            sections=tuple(Section(f"q{i}", line) for i, line in enumerate(lines, 1)),
            question=self._ask.text.format(number=number, place=ORDINALS[place]),
            answers=tuple(item.answer if self._ask.solve else item.text for item in asked),
            evidence=tuple(sources),
            match="any" if self._ask.one else "all",
            facts=tuple(
                Fact(f"Question {number}", "text", item.text, source, names=(number,))
                for item, source in zip(own, sources, strict=False)
            ),
            others=asked[0].wrong if self._ask.solve else tuple(item.text for item in own if item not in asked),
        )


def _repeated(keys: Iterable[str], times: int) -> Iterator[str]:
    """Yield each key so many times."""
    return (key for key in keys for _ in range(times))
