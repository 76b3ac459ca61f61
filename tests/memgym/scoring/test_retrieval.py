"""Retrieval and citation scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.scoring.retrieval import citation_precision, recall, reciprocal_rank

ids = st.lists(st.sampled_from("abcdef"), max_size=8)
relevants = st.sets(st.sampled_from("abcdef"), min_size=1)


def test_known_values():
    ranked, relevant = ["x", "a", "y", "b"], {"a", "b", "c"}
    assert [recall(ranked[:k], relevant) for k in (1, 2, 4, 9)] == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert reciprocal_rank(ranked, relevant) == 1 / 2
    assert reciprocal_rank(["x"], relevant) == 0.0
    assert citation_precision(["a", "x"], relevant) == 1 / 2
    assert citation_precision([], relevant) == 0.0


def test_repeated_ids_count_once():
    assert recall(["a", "x", "a"], {"a", "b", "c"}) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "x", "a"], {"a"}) == 1 / 2
    assert citation_precision(["x", "a", "a"], {"a"}) == 1 / 2


@given(ids, relevants, st.integers(1, 8))
def test_properties(ranked, relevant, k):
    assert 0 <= recall(ranked[:k], relevant) <= recall(ranked[: k + 1], relevant) <= 1
    assert (reciprocal_rank(ranked, relevant) == 1.0) == (ranked[:1] != [] and ranked[0] in relevant)
    assert (citation_precision(ranked, relevant) > 0) == (recall(ranked, relevant) > 0)


def test_no_relevant_ids():
    for score in (recall, reciprocal_rank, citation_precision):
        with pytest.raises(ValueError, match="known evidence"):
            score(["a"], [])
