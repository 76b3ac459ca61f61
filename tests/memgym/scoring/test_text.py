"""SQuAD and HotpotQA text scores: known cases and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.scoring.text import best_over, contains, exact_match, f1, normalize, sub_em

words = st.lists(st.sampled_from(["ada", "the", "a", "Rome", "7,000", "yes", "no", "--", "born", "U.S."]), max_size=6)
phrases = words.map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Quick, brown\tfox!", "quick brown fox"),
        ("a an the", ""),
        ("Theatre and another", "theatre and another"),  # articles are whole words
        ("U.S.", "us"),
        ("7,000", "7000"),
        ("", ""),
        ("«Été»", "«été»"),  # only ASCII punctuation is dropped, as in the official script
    ],
)
def test_normalize(text, expected):
    assert normalize(text) == expected


@given(st.text())
def test_normalize_is_idempotent(text):
    once = normalize(text)
    # Dropping an article can only join words, never make a new one; lower-casing is stable but for rare letters.
    assert normalize(once) == once or not text.isascii()


@pytest.mark.parametrize(
    ("prediction", "reference", "em", "overlap", "sub"),
    [
        ("the Eiffel Tower", "Eiffel Tower.", 1.0, 1.0, 1.0),
        ("Eiffel Tower in Paris", "Eiffel Tower", 0.0, 2 / 3, 1.0),
        ("Eiffel", "Eiffel Tower", 0.0, 2 / 3, 0.0),
        ("Paris", "Rome", 0.0, 0.0, 0.0),
        ("yes", "no", 0.0, 0.0, 0.0),
        ("yes it is", "yes", 0.0, 0.0, 1.0),  # HotpotQA: a mismatch with a closed answer is no overlap
        ("no idea", "noanswer", 0.0, 0.0, 0.0),
        ("yes", "Yes.", 1.0, 1.0, 1.0),
        ("a b b", "b c", 0.0, 0.5, 0.0),
        ("", "Rome", 0.0, 0.0, 0.0),
        ("Rome", "", 0.0, 0.0, 0.0),
        ("", "", 1.0, 0.0, 0.0),
    ],
)
def test_scores(prediction, reference, em, overlap, sub):
    assert exact_match(prediction, reference) == em
    assert f1(prediction, reference) == pytest.approx(overlap)
    assert sub_em(prediction, reference) == sub


@given(phrases, phrases)
def test_properties(prediction, reference):
    assert f1(prediction, reference) == pytest.approx(f1(reference, prediction))
    assert 0.0 <= f1(prediction, reference) <= 1.0
    assert exact_match(prediction, reference) == exact_match(reference, prediction)
    if exact_match(prediction, reference) and normalize(reference):
        assert f1(prediction, reference) == 1.0
        assert sub_em(prediction, reference) == 1.0
    if contains(prediction, reference):
        assert sub_em(prediction, reference) == 1.0
    assert sub_em("", reference) == 0.0


def test_contains_whole_words():
    assert contains("She lives in New York City.", "new york")
    assert not contains("There are 13.", "3")
    assert not contains("anything", "the")
    assert sub_em("There are 13.", "3") == 1.0


def test_best_over():
    assert best_over(exact_match, "Ada", ["Bob", "ada"]) == 1.0
    assert best_over(f1, "Ada L", ["Bob", "Ada"]) == pytest.approx(2 / 3)
