"""Short questions with four options, each of which can be solved from itself alone.

They stand where RULER v2 has those of MMLU. None asks for knowledge: they are about the order of words and numbers,
sums that a sentence tells, and who or what comes first by what the question itself says of invented people and towns.
The right options belong to one split, see :mod:`memgym.tasks.procedural.ruler.symbols`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.world.names import Inventor, fast_random

LETTERS = "ABCD"
ORDINALS = ("first", "second", "third", "fourth")
_SIZES = ("largest", "second largest", "second smallest", "smallest")
_THINGS = tuple("shells stamps marbles buttons coins apples nails tiles candles bricks".split())
_NEAR = (1, 2, 10, 20)
"""How far wrong results are from the right one, above or below."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its options on one line, the text of the right option, and those of the wrong ones."""

    text: str
    answer: str
    wrong: tuple[str, ...]


class Items:
    """Invents questions of five kinds, all equally likely.

    Args:
        rng: the source of chance.
        split: to which the right options belong.
    """

    def __init__(self, rng: np.random.Generator, split: str):
        self._rng, self._split = rng, split
        self._draw = fast_random(rng)
        self._inventor = Inventor(self._draw, split)
        self._kinds = (self._alphabet, self._size, self._sum, self._oldest, self._tallest)

    def next(self) -> Item:
        """Return a new question."""
        return self._draw.choice(self._kinds)()

    def _alphabet(self) -> Item:
        words: list[str] = []
        while len({word[0] for word in words}) < len(LETTERS):  # no two begin alike, so that hyphens do not matter
            words = symbols.compounds(self._rng, len(LETTERS), self._split)
        rank = self._draw.randrange(len(LETTERS))
        return self._item(
            f"Which of these words comes {ORDINALS[rank]} in alphabetical order?", words, sorted(words)[rank]
        )

    def _size(self) -> Item:
        numbers = symbols.short_numbers(self._rng, len(LETTERS), self._split)
        rank = self._draw.randrange(len(LETTERS))
        ranked = sorted(numbers, key=int, reverse=True)
        return self._item(f"Which of these numbers is the {_SIZES[rank]}?", numbers, ranked[rank])

    def _sum(self) -> Item:
        draw, who, thing = self._draw, self._name(), self._draw.choice(_THINGS)
        result = SPLITS.index(self._split) + len(SPLITS) * draw.randrange(40, 330)  # 120 to 991
        part = draw.randrange(11, 100)
        if draw.random() < 0.5:
            told = f"{who} had {result - part} {thing} and found {part} more."
        else:
            told = f"{who} had {result + part} {thing} and lost {part} of them."
        below = draw.randrange(len(LETTERS))  # the right one has any rank
        lower, higher = draw.sample(_NEAR, below), draw.sample(_NEAR, len(LETTERS) - 1 - below)
        options = [result, *(result - step for step in lower), *(result + step for step in higher)]
        return self._item(f"{told} How many {thing} did {who} have then?", list(map(str, options)), str(result))

    def _oldest(self) -> Item:
        towns = [self._name() for _ in LETTERS]
        years = self._draw.sample(range(1100, 1900), len(towns))
        told = [f"{town} in {year}" for town, year in zip(towns, years, strict=True)]
        rank = self._draw.choice((0, -1))
        _, answer = sorted(zip(years, towns, strict=True))[rank]
        return self._item(
            f"{towns[0]} was founded in {years[0]}, {told[1]}, {told[2]} and {told[3]}. "
            f"Which of these towns is the {'oldest' if rank == 0 else 'youngest'}?",
            towns,
            answer,
        )

    def _tallest(self) -> Item:
        people = [self._name() for _ in LETTERS]
        told = [f"{tall} is taller than {small}" for tall, small in pairwise(people)]
        self._draw.shuffle(told)
        rank = self._draw.randrange(len(people))
        asked = ("tallest", "second tallest", "second shortest", "shortest")[rank]
        return self._item(f"{told[0]}, {told[1]} and {told[2]}. Who is the {asked}?", people, people[rank])

    def _name(self) -> str:
        return self._inventor.word().capitalize()

    def _item(self, asked: str, options: Sequence[str], answer: str) -> Item:
        shuffled = self._draw.sample(options, len(options))
        listed = " ".join(f"{letter}. {option}" for letter, option in zip(LETTERS, shuffled, strict=True))
        return Item(f"{asked} {listed}", answer, tuple(option for option in shuffled if option != answer))
