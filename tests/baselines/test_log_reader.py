"""``LogReader`` understands what ``trajectory`` tells, and nothing that other tasks tell."""

from __future__ import annotations

import numpy as np

from baselines import LogReader
from memgym.playing import Job, play
from memgym.registration import make
from memgym.tasks import make_task

READS = {"task": "trajectory", "section_tokens": 1000, "memory_tokens": 2000, "split": "test"}


def test_it_answers_nearly_everything_from_its_notes() -> None:
    env = make("memgym/Longcontext-v1", **READS)
    played = list(play(LogReader(), env, [Job(0, index) for index in range(5)]))
    assert not any(one.error for one in played)
    scores = [answer["scores"]["answer"] for one in played for step in one.steps for answer in step.info["answers"]]
    assert np.mean(scores) > 0.95


def test_it_recognises_its_task_alone() -> None:
    episode = make_task("trajectory").episode("test", 0)
    assert all(
        LogReader.recognises(text) for text in (*map(str, episode.sessions), *(q.text for q in episode.questions))
    )
    for other in ("persona", "conflict", "whereabouts", "multihop"):
        episode = make_task(other).episode("test", 0)
        assert not any(LogReader.recognises(text) for text in (episode.text(), *(q.text for q in episode.questions)))
