"""Keys, values and names: their form, and that no two splits share any."""

from __future__ import annotations

import re
from itertools import combinations
from uuid import UUID

import numpy as np
import pytest

from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler import symbols


def draw(kind, n):
    return {split: kind(np.random.default_rng(0), n, split) for split in SPLITS}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (symbols.numbers, r"[1-9]\d{6}"),
        (symbols.short_numbers, r"[1-9]\d{4}"),
        (symbols.uuids, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        (symbols.compounds, r"[a-z]+-[a-z]+"),
        (symbols.variables, r"[A-Z]{5}"),
        (symbols.coded_words, r"[a-z]{6}"),
    ],
)
def test_symbols_are_distinct_and_belong_to_one_split(kind, form):
    # so many that independent draws would meet (uuids apart)
    drawn = draw(kind, 20_000)
    for words in drawn.values():
        assert len(set(words)) == 20_000
        assert all(re.fullmatch(form, word) for word in words[:200])
    for one, other in combinations(drawn.values(), 2):
        assert not set(one) & set(other)


def test_the_splits_share_out_all_short_numbers():
    drawn = draw(symbols.short_numbers, 30_000)
    assert sorted(word for words in drawn.values() for word in words) == list(map(str, range(10_000, 100_000)))


def test_uuids_are_version_4_and_tell_their_split():
    for number, words in enumerate(draw(symbols.uuids, 500).values()):
        assert all(UUID(word).version == 4 and UUID(word).bytes[15] % 3 == number for word in words)


def test_the_word_lists_are_clean():
    adjectives, nouns, verbs = symbols.lexicon()
    assert len(adjectives) > 800
    assert len(nouns) > 6_000
    assert len(verbs) > 900
    for words in (adjectives, nouns, verbs):
        assert list(words) == sorted(set(words))
        assert all(re.fullmatch("[a-z]+", word) for word in words)
