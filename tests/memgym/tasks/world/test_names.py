from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.errors import ConfigError
from memgym.tasks.base import SPLITS
from memgym.tasks.world.names import KINDS, Inventor, fast_random


def split_of(word: str) -> str:
    """Return the only split in which an invented word can occur."""
    return SPLITS[sum(map(ord, word.lower())) % len(SPLITS)]


@given(st.integers(0, 2**32), st.sampled_from(SPLITS))
def test_words_belong_to_one_split_and_never_repeat(seed, split):
    inventor = Inventor(Random(seed), split)
    words = [inventor.word() for _ in range(50)]
    assert len(set(words)) == 50
    assert {split_of(word) for word in words} == {split}
    assert all(word.isalpha() and word.islower() and 6 <= len(word) <= 13 for word in words)


@pytest.mark.parametrize("similarity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_names_are_new_and_none_holds_another(kind, similarity):
    inventor = Inventor(Random(3), "train", similarity)
    names = [inventor.name(kind) for _ in range(300)]
    assert len(set(names)) == 300
    assert not [(a, b) for a in names for b in names if a != b and f" {a} " in f" {b} "]
    assert all(any(split_of(word) == "train" for word in name.split()) for name in names)


def test_similarity_makes_families():
    def shared(similarity):
        inventor = Inventor(Random(1), "test", similarity)
        names = [set(inventor.name("person").split()) for _ in range(200)]
        return sum(bool(a & b) for a, b in pairwise(names))

    assert shared(0.0) == 0
    assert 40 < shared(0.4) < shared(1.0)


def test_enough_names_for_a_million_tokens():
    inventor = Inventor(Random(0), "validation", 0.5)
    assert len({inventor.name("person") for _ in range(40_000)}) == 40_000


def test_bad_arguments_are_named():
    with pytest.raises(ConfigError, match="split 'dev'"):
        Inventor(Random(0), "dev")
    with pytest.raises(ConfigError, match="'similarity'"):
        Inventor(Random(0), "train", 2)
    with pytest.raises(ConfigError, match="kind of name 'planet'"):
        Inventor(Random(0), "train").name("planet")


def test_fast_random_follows_from_the_generator():
    assert fast_random(np.random.default_rng(4)).random() == fast_random(np.random.default_rng(4)).random()
