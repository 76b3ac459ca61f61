from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.envs.scores import AnswerScorer, StepScores, memory_quality
from memgym.episodes import Fact, Question
from memgym.errors import ConfigError
from memgym.protocol.actions import Answer
from memgym.scoring.phrases import contains
from memgym.tasks import make_task

PHRASES = st.lists(st.sampled_from(["a", "b", "bb", "c.", "the", "B"]), max_size=3).map(" ".join)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def slow_quality(questions: list[Question], facts: list[Fact] | None, lines: list[str]) -> dict[str, float]:
    """Look every phrase up in every line."""

    def held(phrase: str) -> bool:
        return any(contains(line, phrase) for line in lines)

    if facts is not None:
        wanted = [fact.value for fact in facts]
        recall = mean([held(phrase) for phrase in wanted])
    else:
        asked = [question for question in questions if question.answerable]
        wanted = [answer for question in asked for answer in question.answers]
        recall = mean(
            [
                mean([held(answer) for answer in question.answers])
                if question.match == "all"
                else float(any(held(answer) for answer in question.answers))
                for question in asked
            ]
        )
    useful = sum(any(contains(line, phrase) for phrase in wanted) for line in lines)
    return {"memory_recall": recall, "memory_precision": useful / len(lines) if lines else 0.0}


QUESTIONS = st.builds(
    Question,
    st.just("q"),
    st.just("?"),
    st.lists(PHRASES, min_size=1, max_size=3).map(tuple),
    match=st.sampled_from(["any", "all"]),
    answerable=st.booleans(),
)
FACTS = st.builds(Fact, st.just("s"), st.just("r"), PHRASES, st.just("t"))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(QUESTIONS, max_size=3), st.none() | st.lists(FACTS, max_size=3), st.lists(PHRASES, max_size=5))
def test_memory_quality_against_a_slow_one(
    questions: list[Question], facts: list[Fact] | None, lines: list[str]
) -> None:
    fast = memory_quality(questions, facts, lines)
    assert fast == pytest.approx(slow_quality(questions, facts, lines))


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
