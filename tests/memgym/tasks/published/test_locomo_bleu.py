"""BLEU-1 against NLTK and by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.tasks.published.locomo.bleu import bleu1

phrases = st.lists(st.sampled_from(["ada", "rome", "x", "y"]), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("7 May 2023", "7 may 2023", 1.0),
        ("on 7 May 2023", "7 May 2023", 3 / 4),
        ("May 2023", "7 May 2023", math.exp(1 - 3 / 2)),
        ("the the the", "the cat", 1 / 3),  # clipped
        ("Rome.", "Rome", 1 / 2),  # the full stop is a token
        ("", "Rome", 0.0),
        ("Rome", "", 0.0),
        ("Paris", "Rome", 0.0),
    ],
)
def test_known_values(prediction, reference, expected):
    assert bleu1(prediction, reference) == pytest.approx(expected)


@given(phrases, phrases)
def test_as_nltk_computes_it(prediction, reference):
    bleu = pytest.importorskip("nltk.translate.bleu_score")
    if set(prediction) & set(reference):  # without a common word NLTK warns and smooths
        expected = bleu.sentence_bleu([reference], prediction, weights=(1,))
        assert bleu1(" ".join(prediction), " ".join(reference)) == pytest.approx(expected)
