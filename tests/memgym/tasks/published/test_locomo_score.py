"""LoCoMo's official score, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("nltk")

from memgym.tasks.published.locomo.score import locomo_score, multi_answer_f1, stemmed_f1, tokens


def test_tokens_are_normalised_and_stemmed_as_nltk_does():
    assert tokens("The dogs, and a cat's running!") == ["dog", "cat", "run"]
    assert tokens("1,000 days") == ["1000", "day"]  # Porter's own algorithm gives "dai"
    assert tokens("enjoyed always apology") == ["enjoy", "alway", "apolog"]
    assert tokens("and the a") == []


@pytest.mark.parametrize(
    ("prediction", "reference", "category", "expected"),
    [
        ("May 7, 2023", "7 May 2023", "temporal", 1.0),
        ("adopted dogs", "adopting a dog", "single-hop", 1.0),
        ("dog", "a dog and a cat", "single-hop", 2 / 3),
        ("", "a dog", "single-hop", 0.0),
        ("painting, pottery", "pottery, painting, camping", "multi-hop", 2 / 3),
        ("pottery and camping", "pottery, camping", "multi-hop", 2 / 3),  # one part against each gold part
        ("likely no", "Likely no; she wants to be a counsellor", "open-domain", 1.0),
        ("likely no", "Likely no; she wants to be a counsellor", "single-hop", 4 / 9),
        ("It is not mentioned.", "anything", "adversarial", 1.0),
        ("No information available", "anything", "adversarial", 1.0),
        ("I do not know", "anything", "adversarial", 0.0),
        ("anything", "anything", "adversarial", 0.0),
    ],
)
def test_official_score(prediction, reference, category, expected):
    assert locomo_score(prediction, reference, category) == pytest.approx(expected)


words = st.lists(st.sampled_from(["dogs", "cat", "the", "running", "7", "may,", "x"]), max_size=5).map(" ".join)


@given(words, words)
def test_properties(prediction, reference):
    assert stemmed_f1(prediction, reference) == pytest.approx(stemmed_f1(reference, prediction))
    assert 0.0 <= multi_answer_f1(prediction, reference) <= 1.0
    if tokens(reference):
        assert stemmed_f1(reference, reference) == 1.0
