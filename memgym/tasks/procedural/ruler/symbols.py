"""The keys, values and names that RULER's tasks hide: words, numbers, uuids, variable names, coded words.

Everything drawn here belongs to one split: items are numbered, and a split draws only numbers of its own remainder
modulo three. So no answer of one split is an answer in another, whatever the seed and the index.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from string import ascii_lowercase, ascii_uppercase
from uuid import UUID

import numpy as np

from memgym.tasks.base import SPLITS

Draw = Callable[[np.random.Generator, int, str], list[str]]
"""``(rng, n, split) -> n`` distinct symbols of ``split``."""


def numbers(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct numbers of 7 digits."""
    return list(map(str, _ordinals(rng, n, split, 1_000_000, 10_000_000)))


def long_numbers(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct numbers of 10 digits."""
    return list(map(str, _ordinals(rng, n, split, 10**9, 10**10)))


def short_numbers(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct numbers of 5 digits."""
    return list(map(str, _ordinals(rng, n, split, 10_000, 100_000)))


def uuids(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` random UUIDs (version 4)."""
    raw = rng.integers(256, size=(n, 16), dtype=np.uint8)
    raw[:, 15] = raw[:, 15] % (255 // len(SPLITS)) * len(SPLITS) + SPLITS.index(split)
    return [str(UUID(bytes=row.tobytes(), version=4)) for row in raw]


def compounds(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct words of the form adjective-noun."""
    adjectives, nouns, _ = lexicon()
    ordinals = _ordinals(rng, n, split, 0, len(adjectives) * len(nouns))
    return [f"{adjectives[i // len(nouns)]}-{nouns[i % len(nouns)]}" for i in ordinals]


def variables(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct names of 5 capital letters."""
    return [_spell(i, ascii_uppercase, 5) for i in _ordinals(rng, n, split, 0, 26**5)]


def coded_words(rng: np.random.Generator, n: int, split: str) -> list[str]:
    """Return ``n`` distinct words of 6 random letters."""
    return [_spell(i, ascii_lowercase, 6) for i in _ordinals(rng, n, split, 0, 26**6)]


@cache
def lexicon() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the adjectives, nouns and verbs of the ``wonderwords`` package that consist of small letters only."""
    folder = files("wonderwords") / "assets"
    adjectives, nouns, verbs = (
        tuple(sorted({word.strip() for word in text.splitlines() if re.fullmatch("[a-z]+ ?", word)}))
        for text in ((folder / f"{kind}list.txt").read_text("utf-8") for kind in ("adjective", "noun", "verb"))
    )
    return adjectives, nouns, verbs


@cache
def lexicon_digest() -> str:
    """Return a hash of :func:`lexicon`, which may change with the version of ``wonderwords``."""
    return hashlib.sha256(repr(lexicon()).encode()).hexdigest()


def _ordinals(rng: np.random.Generator, n: int, split: str, low: int, high: int) -> list[int]:
    """Return ``n`` distinct ints in [low, high) whose remainder is the split's, in random order."""
    first = low + (SPLITS.index(split) - low) % len(SPLITS)
    size = len(range(first, high, len(SPLITS)))
    return (first + len(SPLITS) * rng.choice(size, n, replace=False)).tolist()


def _spell(ordinal: int, alphabet: str, letters: int) -> str:
    word = []
    for _ in range(letters):
        ordinal, i = divmod(ordinal, len(alphabet))
        word.append(alphabet[i])
    return "".join(word)
