"""``LogReader`` understands what ``trajectory`` tells, and nothing that other tasks tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baselines import Lexical, LogReader, Recency
from memgym.playing import Job, play
from memgym.policy import Policy
from memgym.registration import make
from memgym.tasks import make_task

BANK, LONG = "memgym/MemoryBank-v1", "memgym/Longcontext-v1"
READS = {"section_tokens": 1000, "memory_tokens": 2000}
FINDS = {"phases": ("extract", "update", "retrieve")}


def mean_answer(policy: Policy, env_id: str, episodes: int = 5, **options: Any) -> float:
    """Return the mean score of answers over the first test episodes."""
    env = make(env_id, task="trajectory", split="test", **options)
    played = list(play(policy, env, [Job(0, i) for i in range(episodes)]))
    assert not any(one.error for one in played)
    assert not any(step.info["action_error"] for one in played for step in one.steps)
    return float(
        np.mean([answer["scores"]["answer"] for one in played for s in one.steps for answer in s.info["answers"]])
    )


@pytest.mark.parametrize("difficulty", ["easy", "medium"])
def test_it_answers_nearly_everything_from_its_notes(difficulty: str) -> None:
    assert mean_answer(LogReader(), LONG, difficulty=difficulty, **READS) > 0.95


@pytest.mark.parametrize("difficulty", ["easy", "medium"])
def test_it_answers_nearly_everything_from_its_records(difficulty: str) -> None:
    ours = mean_answer(LogReader(), BANK, difficulty=difficulty)
    assert ours > 0.95
    for other in (Lexical(), Recency()):
        assert mean_answer(other, BANK, difficulty=difficulty) < 0.5 * ours


@pytest.mark.parametrize(("env_id", "options"), [(LONG, {"phases": ("read",), **READS}), (BANK, FINDS)])
def test_what_it_keeps_states_what_is_asked(env_id: str, options: dict[str, Any]) -> None:
    assert mean_answer(LogReader(), env_id, **options) > 0.95


def test_it_goes_on_where_its_notes_do_not_fit() -> None:
    full = mean_answer(LogReader(), LONG, difficulty="medium", **READS)
    assert 0 < mean_answer(LogReader(), LONG, difficulty="medium", section_tokens=1000, memory_tokens=400) < full


def test_it_leaves_records_of_others_to_lexical() -> None:
    for phases in (("retrieve",), ("update", "retrieve"), ("retrieve", "answer")):
        assert mean_answer(LogReader(), BANK, phases=phases) == mean_answer(Lexical(), BANK, phases=phases)


def test_the_difficulties_are_in_order() -> None:
    options: dict[str, Any] = {"section_tokens": 1000, "memory_tokens": 1024, "phases": ("read",)}
    easy, medium, hard = (mean_answer(Lexical(), LONG, difficulty=d, **options) for d in ("easy", "medium", "hard"))
    assert easy > medium > hard


def test_it_recognises_its_task_alone() -> None:
    episode = make_task("trajectory").episode("test", 0)
    assert all(
        LogReader.recognises(text) for text in (*map(str, episode.sessions), *(q.text for q in episode.questions))
    )
    for other in ("persona", "conflict", "whereabouts", "multihop"):
        episode = make_task(other).episode("test", 0)
        assert not any(LogReader.recognises(text) for text in (episode.text(), *(q.text for q in episode.questions)))
