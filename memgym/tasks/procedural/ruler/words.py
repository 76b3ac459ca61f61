"""Aggregation: the common words of a list, and the frequent words of a coded text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from memgym.episodes import Section
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.procedural.ruler.parts import Parts, Subtask
from memgym.tokens import TokenCounter

COMMON = 10
COMMON_QUESTION = f"The text is a numbered list of words. Which {COMMON} words are the most common in it?"
REPEATS = (30, 3)
"""How often a common and an uncommon word occur ..."""
SHORT_REPEATS = (6, 1)
"""... and how often in texts of fewer than 4,096 tokens."""

ZETA_2 = np.pi**2 / 6
NOISE_WORD = "..."
FREQUENT = 3


class CommonWords(Subtask):
    """A shuffled, numbered list in which ten words are common and all others are not.

    The words are those of ``wonderwords``; texts too long for them (some 80,000 tokens) are made of adjective-noun
    words instead. The common words belong to the split; the uncommon ones may occur in any.
    """

    def __init__(self, length: int, counter: TokenCounter):
        super().__init__(length, counter)
        self._repeats = SHORT_REPEATS if length < 4096 else REPEATS
        self._words = sorted(set(chain(*symbols.lexicon())))
        self._compound = counter.count(numbered(self._words * self._repeats[1])) < length

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the list and the question for its ten common words."""
        common, uncommon = self._vocabulary(rng, split)

        def listing(size: int) -> list[str]:
            return common * self._repeats[0] + uncommon[:size] * self._repeats[1]

        words = listing(fit_size(lambda size: self.counter.count(numbered(listing(size))), self.length))
        order = rng.permutation(len(words)).tolist()
        return Parts(
            sections=(Section("context", numbered([words[i] for i in order])),),
            question=COMMON_QUESTION,
            answers=tuple(common),
            evidence=("context",),
        )

    def _vocabulary(self, rng: np.random.Generator, split: str) -> tuple[list[str], list[str]]:
        if self._compound:
            words = symbols.compounds(rng, COMMON + self.length // 8, split)
            return words[:COMMON], words[COMMON:]
        own = self._words[SPLITS.index(split) :: len(SPLITS)]
        given = f"{COMMON_QUESTION} {ABSTENTION}"  # neither the question nor an abstention must give answers away
        own = [word for word in own if word not in given]
        common = [own[i] for i in rng.choice(len(own), COMMON, replace=False)]
        others = [word for word in self._words if word not in common]
        return common, [others[i] for i in rng.permutation(len(others))]


class FrequentWords(Subtask):
    """A coded text whose words follow Zipf's law with exponent 2: the word of rank k occurs ⌊N k⁻² / ζ(2)⌋ times.

    The word of rank 1 is written as dots; asked for are the three next.
    """

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the coded text and the question for its three most frequent words."""
        words = [NOISE_WORD, *symbols.coded_words(rng, self.length // 50 - 1, split)]

        def text(ranks: np.ndarray) -> str:
            return " ".join([words[rank] for rank in ranks.tolist()])

        size = fit_size(lambda size: self.counter.count(text(zipf_ranks(size, len(words)))), self.length)
        return Parts(
            sections=(Section("context", text(rng.permutation(zipf_ranks(size, len(words))))),),
            question=(
                "The text consists of coded words; the dots are noise and do not count. "
                "Which three coded words occur most often in it?"
            ),
            answers=tuple(words[1 : 1 + FREQUENT]),
            evidence=("context",),
        )


def numbered(words: Sequence[str]) -> str:
    """Return ``1. first 2. second ...``."""
    return " ".join([f"{i}. {word}" for i, word in enumerate(words, 1)])


def zipf_ranks(size: int, vocabulary: int) -> np.ndarray:
    """Return the ranks, from 0, of the words of a text of about ``size`` words, each as often as it occurs."""
    ranks = np.arange(1, vocabulary + 1)
    return np.repeat(ranks - 1, (size / (ranks**2 * ZETA_2)).astype(int))


def fit_size(tokens_of: Callable[[int], int], length: int) -> int:
    """Return the size at which ``tokens_of``, nearly linear in the size, comes nearest to ``length``."""
    base, size = tokens_of(0), 64
    for _ in range(4):
        size = max(1, round(size * (length - base) / (tokens_of(size) - base)))
    return size
