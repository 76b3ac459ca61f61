from __future__ import annotations

import pytest
from hypothesis import strategies as st

from memgym.envs.scores import AnswerScorer, StepScores
from memgym.episodes import Question
from memgym.errors import ConfigError
from memgym.protocol.actions import Answer
from memgym.tasks import make_task

PHRASES = st.lists(st.sampled_from(["a", "b", "bb", "c.", "the", "B"]), max_size=3).map(" ".join)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def test_a_component_earned_twice_counts_with_its_mean() -> None:
    scores = StepScores()
    scores.add("answer", 1)
    scores.add("answer", 0.0)
    scores.add("format", True)
    means = scores.means(("format", "answer", "recall"))
    assert means == {"format": 1.0, "answer": 0.5, "recall": 0.0}
    assert list(means) == ["format", "answer", "recall"]
    assert all(type(value) is float for value in means.values())


def test_an_unusable_answer_scores_nothing() -> None:
    """Even where the task would give the empty string points."""
    scorer = AnswerScorer(make_task("multihop"), None)
    question = Question("q", "?", ("the",))  # normalises to nothing
    assert scorer.score(question, Answer("")) == {"answer": 1.0, "f1": 0.0, "sub_em": 0.0}
    assert scorer.score(question, None) == {"answer": 0.0, "f1": 0.0, "sub_em": 0.0}
    assert scorer.judge is None


def test_a_bad_judge_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="judge"):
        AnswerScorer(make_task("multihop"), {"prompt": "strict"})


def test_an_answer_beyond_the_limit_is_cut_before_it_is_scored() -> None:
    scorer = AnswerScorer(make_task("conflict"), None)
    question = Question("q", "?", ("Lisbon",))
    assert scorer.bounded(question, Answer("Lisbon", ("m1",))) == (Answer("Lisbon", ("m1",)), False)
    cut, flagged = scorer.bounded(question, Answer("word " * 100))
    assert flagged
    assert len(cut.text) <= 256
