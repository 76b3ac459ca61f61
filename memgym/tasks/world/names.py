"""Invented names of people, towns, companies and the like, so that world knowledge cannot help.

Every name holds at least one invented word, put together from syllables. The letters of a word, as code points, add up
to a number whose remainder modulo three tells the split it belongs to: **no invented word occurs in two splits**,
whatever the seed, the episode or the task.
"""

from __future__ import annotations

from random import Random

import numpy as np

from memgym.checks import check_number
from memgym.errors import unknown
from memgym.tasks.base import SPLITS

_SYLLABLES = tuple(
    "ba be bo bra bre da de do dra dri fe fi flo ga ge gla go gri ha he ja jo ka ke kel kla ko kre la le li lo lu "
    "ma me mi mo na ne no nu pa pi plo pra ra re ri ro ru sa se si ska so sta su ta te ti to tra tu va ve vi vo vra "
    "wa we wi ya yo za ze zo tha tho sha she sho".split()
)
# Two letters or more, so that few invented words are words of a real language.
_ENDINGS = tuple(
    "lin rin mar dor ven ris lan dra nel vash ston wick mund bek zan tis gar mel nor phen quin rax shel thor vik yan "
    "dell fen holm rast lode mire kett bran sk rth nd lm".split()
)
_NOUNS = tuple(
    "Lantern Orchard Harbour Clockmaker Winter Mirror Garden Staircase Ferry Lighthouse Carpenter Bridge Silence "
    "Harvest Shadow Compass Window Tower Letter Journey Storm Meadow Stranger Watchman Thread Kingdom Inheritance "
    "Weaver Feather Monument".split()
)
_ADJECTIVES = tuple(
    "Quiet Golden Broken Distant Hidden Burning Hollow Crimson Restless Forgotten Patient Frozen Borrowed Wandering "
    "Gentle Crooked Faithful Sunken Narrow Tender".split()
)
_FORMS: dict[str, tuple[str, ...]] = {
    "person": ("{w} {r}", "{w} {r}", "{r} {w}"),
    "town": tuple(
        "Upper {r}|Lower {r}|East {r}|West {r}|Old {r}|New {r}|Port {r}|Fort {r}|{r} Bay|{r} Hill".split("|")
    ),
    "river": tuple("River {r}|{r} Brook|{r} Creek|{r} Beck|{r} Water|Little {r}|Black {r}|White {r}".split("|")),
    "film": (
        *("The {n} of {r}", "The {a} {n} of {r}", "A {n} for {r}", "{r} by Night", "Return to {r}"),
        *("The {a} {r}", "Letters from {r}", "{r} at Dawn"),
    ),
    "book": (
        *("The {r} Papers", "Notes on {r}", "The {n} at {r}", "The {r} Diaries", "A {a} Year near {r}"),
        *("The {n} behind {r}", "The Road to {r}", "{r} Remembered"),
    ),
    "company": tuple(
        "{r} Works|{r} Holdings|{r} Group|{r} Brothers|{r} Partners|{r} House|{r} Enterprises|{r} Union".split("|")
    ),
    "university": tuple("{r} University|{r} College|{r} Institute|{r} Academy|{r} Polytechnic|{r} Seminary".split("|")),
    "team": tuple("{r} United|{r} Athletic|{r} Wanderers|{r} Rovers|{r} Albion|Sporting {r}|Dynamo {r}".split("|")),
    "band": tuple("{r} Quartet|{r} Ensemble|{r} Trio|{r} Revival|Electric {r}|{r} Orchestra|{r} Collective".split("|")),
    "region": tuple("Greater {r}|Northern {r}|Southern {r}|Inner {r}|Outer {r}|{r} March".split("|")),
    "lake": tuple("Lake {r}|{r} Lagoon|{r} Sound|Gulf of {r}|{r} Firth".split("|")),
    "mountain": tuple("Mount {r}|{r} Ridge|{r} Peak|{r} Heights|{r} Fell".split("|")),
}
# Kinds whose names may be one invented word alone, where no other name is built on that word.
_BARE = frozenset({"town", "region"})
_FAMILY_SIZES = (2, 3, 4)
_THREE_SYLLABLES = 0.2

KINDS = tuple(_FORMS)
"""What :meth:`Inventor.name` can name."""


def _remainder(text: str) -> int:
    return sum(map(ord, text)) % len(SPLITS)


_WEIGHTED_SYLLABLES = tuple((syllable, _remainder(syllable)) for syllable in _SYLLABLES)
_ENDINGS_BY_REMAINDER = tuple(
    tuple(ending for ending in _ENDINGS if _remainder(ending) == remainder) for remainder in range(len(SPLITS))
)


def fast_random(rng: np.random.Generator) -> Random:
    """Return a generator of the standard library seeded from ``rng``: several times faster for single draws."""
    return Random(int(rng.integers(2**63)))


class Inventor:
    """Invents words and names; none is given out twice, and none occurs in another split.

    Args:
        rng: the source of chance; names follow from its state and the order of calls.
        split: one of ``SPLITS``.
        similarity: the share of inventions that become a family: 2 to 4 names of a kind that share their invented
            word ("Upper Velmaris", "Velmaris Bay"), given out one after the other. No name of a family is contained in
            another.

    Raises:
        ConfigError: the split is unknown, or the similarity is not in [0, 1].
    """

    def __init__(self, rng: Random, split: str, similarity: float = 0.0):
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        check_number("similarity", similarity, 0, 1)
        self._rng = rng
        self._split = SPLITS.index(split)
        self._similarity = similarity
        self._words: set[str] = set()
        self._names: set[str] = set()
        self._waiting: dict[str, list[str]] = {kind: [] for kind in KINDS}

    def word(self) -> str:
        """Return a new word in lower case, of 6 to 13 letters."""
        rng, size = self._rng, len(_WEIGHTED_SYLLABLES)
        while True:
            count = 3 if rng.random() < _THREE_SYLLABLES else 2
            parts = [_WEIGHTED_SYLLABLES[int(rng.random() * size)] for _ in range(count)]
            needed = (self._split - sum(remainder for _, remainder in parts)) % len(SPLITS)
            word = "".join([syllable for syllable, _ in parts]) + rng.choice(_ENDINGS_BY_REMAINDER[needed])
            if word not in self._words:
                self._words.add(word)
                return word

    def name(self, kind: str) -> str:
        """Return a new name of a ``kind`` from ``KINDS``, such as ``town``.

        Raises:
            ConfigError: the kind is unknown.
        """
        if kind not in _FORMS:
            raise unknown("kind of name", kind, KINDS)
        waiting = self._waiting[kind]
        if not waiting:
            waiting.extend(self._family(kind))
        return waiting.pop()

    def _family(self, kind: str) -> list[str]:
        root = self.word().capitalize()
        if self._rng.random() < self._similarity:
            return [self._compose(kind, root) for _ in range(self._rng.choice(_FAMILY_SIZES))]
        return [root if kind in _BARE else self._compose(kind, root)]

    def _compose(self, kind: str, root: str) -> str:
        rng = self._rng
        while True:
            form = rng.choice(_FORMS[kind])
            name = form.replace("{r}", root)
            if "{w}" in form:
                name = name.replace("{w}", self.word().capitalize())
            if "{n}" in form:
                name = name.replace("{n}", rng.choice(_NOUNS))
            if "{a}" in form:
                name = name.replace("{a}", rng.choice(_ADJECTIVES))
            if name not in self._names:
                self._names.add(name)
                return name
