"""Valet plays ``preference`` without the gold, in both environments, with its own answers and without."""

from __future__ import annotations

import pytest

from baselines import Valet
from memgym.playing import Job, play
from memgym.registration import make
from memgym.tasks import make_task

PLACES = [
    ("memgym/MemoryBank-v1", {}),
    ("memgym/MemoryBank-v1", {"phases": ("extract", "update", "retrieve")}),
    ("memgym/Longcontext-v1", {"section_tokens": 500, "memory_tokens": 1000, "answer_format": "boxed"}),
    ("memgym/Longcontext-v1", {"phases": ("read",), "section_tokens": 500, "memory_tokens": 1000}),
]


@pytest.mark.parametrize(("env_id", "options"), PLACES, ids=str)
@pytest.mark.parametrize("difficulty", ["easy", "medium"])
def test_it_is_right_wherever_there_is_room(env_id: str, options: dict, difficulty: str) -> None:
    env = make(env_id, task="preference", difficulty=difficulty, split="validation", **options)
    for played in play(Valet(), env, [Job(0, index) for index in range(2)]):
        assert played.error is None, played.error
        answers = [answer for step in played.steps for answer in step.info["answers"]]
        assert answers
        assert [answer["scores"]["answer"] for answer in answers] == [1.0] * len(answers)


def test_it_recognises_its_own_task_alone() -> None:
    episode = make_task("preference").episode("test", 0)
    assert all(Valet.recognises(question.text) for question in episode.questions)
    assert all(Valet.recognises(str(session)) for session in episode.sessions)
    for name in ("persona", "multihop", "conflict", "icl", "whereabouts", "ruler"):
        other = make_task(name).episode("test", 0)
        assert not any(Valet.recognises(question.text) for question in other.questions)
        assert not Valet.recognises(other.text())
