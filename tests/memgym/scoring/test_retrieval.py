"""Retrieval and citation scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.scoring.retrieval import citation_precision, citation_recall, precision_at_k, recall_at_k, reciprocal_rank

ids = st.lists(st.sampled_from("abcdef"), max_size=8)
relevants = st.sets(st.sampled_from("abcdef"), min_size=1)


def test_known_values():
    ranked, relevant = ["x", "a", "y", "b"], {"a", "b", "c"}
    assert [recall_at_k(ranked, relevant, k) for k in (1, 2, 4, 9)] == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert [precision_at_k(ranked, relevant, k) for k in (1, 2, 4, 8)] == pytest.approx([0, 1 / 2, 1 / 2, 1 / 4])
    assert reciprocal_rank(ranked, relevant) == 1 / 2
    assert reciprocal_rank(["x"], relevant) == 0.0
    assert citation_precision(["a", "x"], relevant) == 1 / 2
    assert citation_precision([], relevant) == 0.0
    assert citation_recall(["a", "x", "a"], relevant) == pytest.approx(1 / 3)


def test_repeated_ids_count_once():
    assert recall_at_k(["a", "a", "b"], {"a", "b"}, 2) == 1.0
    assert reciprocal_rank(["x", "x", "a"], {"a"}) == 1 / 2
    assert citation_precision(["x", "a", "a"], {"a"}) == 1 / 2


@given(ids, relevants, st.integers(1, 8))
def test_properties(ranked, relevant, k):
    assert 0 <= recall_at_k(ranked, relevant, k) <= recall_at_k(ranked, relevant, k + 1) <= 1
    assert recall_at_k(ranked, relevant, len(ranked) + 1) == citation_recall(ranked, relevant)
    assert precision_at_k(ranked, relevant, k) * k == pytest.approx(recall_at_k(ranked, relevant, k) * len(relevant))
    assert (reciprocal_rank(ranked, relevant) == 1.0) == (ranked[:1] != [] and ranked[0] in relevant)
    assert (citation_precision(ranked, relevant) > 0) == (citation_recall(ranked, relevant) > 0)


def test_no_relevant_ids():
    for score in (
        lambda: recall_at_k(["a"], [], 1),
        lambda: precision_at_k(["a"], [], 1),
        lambda: reciprocal_rank(["a"], []),
        lambda: citation_precision(["a"], []),
        lambda: citation_recall(["a"], []),
    ):
        with pytest.raises(ValueError, match="known evidence"):
            score()
    with pytest.raises(ValueError, match="k must be at least 1"):
        recall_at_k(["a"], ["a"], 0)
