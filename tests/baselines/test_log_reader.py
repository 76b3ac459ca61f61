"""``LogReader`` understands what ``trajectory`` tells, and nothing that other tasks tell."""

from __future__ import annotations

import numpy as np

from baselines import Lexical, LogReader
from memgym.playing import Job, play
from memgym.policy import Policy
from memgym.registration import make
from memgym.tasks import make_task

READS = {"task": "trajectory", "section_tokens": 1000, "memory_tokens": 2000, "split": "test"}


def mean_answer(policy: Policy, **options: object) -> float:
    """Return the mean score of answers over five episodes."""
    played = list(play(policy, make("memgym/Longcontext-v1", **(READS | options)), [Job(0, i) for i in range(5)]))
    assert not any(one.error for one in played)
    return float(
        np.mean([answer["scores"]["answer"] for one in played for s in one.steps for answer in s.info["answers"]])
    )


def test_it_answers_nearly_everything_from_its_notes() -> None:
    assert mean_answer(LogReader()) > 0.95


def test_the_difficulties_are_in_order() -> None:
    options = {"memory_tokens": 1024, "phases": ("read",)}
    easy, medium, hard = (mean_answer(Lexical(), difficulty=d, **options) for d in ("easy", "medium", "hard"))
    assert easy > medium > hard


def test_it_recognises_its_task_alone() -> None:
    episode = make_task("trajectory").episode("test", 0)
    assert all(
        LogReader.recognises(text) for text in (*map(str, episode.sessions), *(q.text for q in episode.questions))
    )
    for other in ("persona", "conflict", "whereabouts", "multihop"):
        episode = make_task(other).episode("test", 0)
        assert not any(LogReader.recognises(text) for text in (episode.text(), *(q.text for q in episode.questions)))
