"""Needles in a haystack: RULER's eight retrieval tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from memgym.episodes import Fact
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.procedural.ruler.haystack import NOISE_ENDS, fill, hide, noise, random_places, section_of, sections
from memgym.tasks.procedural.ruler.parts import Parts, Subtask
from memgym.tasks.procedural.ruler.prose import sentences
from memgym.tokens import TokenCounter

NEEDLE = "One of the special magic {kind} for {key} is: {value}."
DEPTHS = np.round(np.linspace(0, 100, 40)) / 100
"""The places of needles in prose, as shares of its sentences."""

_DRAWS: dict[str, symbols.Draw] = {"words": symbols.compounds, "numbers": symbols.numbers, "uuids": symbols.uuids}


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the eight tasks.

    Args:
        haystack: ``noise``, ``essay`` or ``needle``.
        key: the kind of key; ``words`` or ``uuids``.
        value: the kind of value; ``numbers`` or ``uuids``.
        keys: how many keys are hidden.
        values: how many values each key has.
        queries: how many of the keys are asked for.
    """

    haystack: str
    key: str
    value: str
    keys: int = 1
    values: int = 1
    queries: int = 1


VARIANTS = {
    "niah_single_1": Variant("noise", "words", "numbers"),
    "niah_single_2": Variant("essay", "words", "numbers"),
    "niah_single_3": Variant("essay", "words", "uuids"),
    "niah_multikey_1": Variant("essay", "words", "numbers", keys=4),
    "niah_multikey_2": Variant("needle", "words", "numbers"),
    "niah_multikey_3": Variant("needle", "uuids", "uuids"),
    "niah_multivalue": Variant("essay", "words", "numbers", values=4),
    "niah_multiquery": Variant("essay", "words", "numbers", keys=4, queries=4),
}


class Niah(Subtask):
    """Hides sentences that give keys a value, and asks for the values of some keys."""

    def __init__(self, variant: Variant, length: int, counter: TokenCounter):
        super().__init__(length, counter)
        self._variant = variant
        self._joiner = " " if variant.haystack == "essay" else "\n"

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return a haystack with needles and the question for them."""
        v = self._variant
        size = v.keys * v.values
        keys, values = self._symbols(rng, split)
        owners = [i // v.values for i in range(size)]
        order = rng.permutation(size).tolist()
        needles = [NEEDLE.format(kind=v.value, key=keys[owners[i]], value=values[i]) for i in order]
        room = self.length - self.counter.count("\n".join(["", *needles]))
        lines = self._haystack(rng, room, zip(keys[v.keys :], values[size:], strict=True))
        lines, found = hide(needles, lines, self._places(rng, size, len(lines)))

        asked = rng.choice(v.keys, v.queries, replace=False).tolist()
        source = {i: section_of(line) for i, line in zip(order, found, strict=True)}
        answers = [i for key in asked for i in range(size) if owners[i] == key]
        relation = f"special magic {v.value[:-1]}"
        return Parts(
            sections=sections(lines, self._joiner),
            question=question(v.value, [keys[key] for key in asked], len(answers)),
            answers=tuple(values[i] for i in answers),
            evidence=tuple(dict.fromkeys(source[i] for i in answers)),
            facts=tuple(Fact(keys[owners[i]], relation, values[i], source[i]) for i in answers),
        )

    def _symbols(self, rng: np.random.Generator, split: str) -> tuple[list[str], list[str]]:
        """Return distinct keys and values: first those of the needles, then those of a haystack of needles."""
        v = self._variant
        others = self.length // 12 + 128 if v.haystack == "needle" else 0
        return _DRAWS[v.key](rng, v.keys + others, split), _DRAWS[v.value](rng, v.keys * v.values + others, split)

    def _haystack(self, rng: np.random.Generator, room: int, others: Iterable[tuple[str, str]]) -> list[str]:
        if self._variant.haystack == "essay":
            return fill(partial(sentences, rng), room, self.counter, joiner=self._joiner)
        if self._variant.haystack == "noise":
            return fill(noise, room, self.counter, ends=NOISE_ENDS)
        needles = (NEEDLE.format(kind=self._variant.value, key=key, value=value) for key, value in others)
        return fill(lambda n: list(islice(needles, n)), room, self.counter)

    def _places(self, rng: np.random.Generator, needles: int, lines: int) -> list[int]:
        if self._variant.haystack == "essay":
            return (np.sort(rng.choice(DEPTHS, needles, replace=False)) * lines).astype(int).tolist()
        return random_places(rng, needles, lines)


def question(kind: str, keys: list[str], answers: int) -> str:
    """Return the question for the values of the keys, in singular if there is one answer."""
    if answers == 1:
        return f"Which special magic {kind[:-1]} does the text give for {keys[0]}?"
    named = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])}, and {keys[-1]}"
    return f"Which special magic {kind} does the text give for {named}? Give them all."
