"""Researcher: it understands every question of ``multihop``, and notes what leads to the answer."""

from __future__ import annotations

import pytest

from baselines import Researcher
from baselines.researcher import understood
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.registration import make
from memgym.tasks import make_task


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_every_question_is_understood(difficulty: str) -> None:
    task = make_task("multihop", difficulty=difficulty, length=4_000, questions=8)
    for index in range(20):
        episode = task.episode("test", index)
        for question in episode.questions:
            asked = understood(question.text)
            assert asked is not None, question.text
            assert all(name in question.text for name in asked.names)
            hops = len(asked.chain) if len(asked.names) == 1 else len(asked.names)
            assert hops == len(question.evidence), question.text
    assert understood("Where is the lantern?") is None


@pytest.mark.parametrize(("task", "sections"), [("multihop", 700), ("multihop", 40), ("conflict", 100)])
def test_it_answers_where_everything_of_a_sort_fits(task: str, sections: int) -> None:
    kwargs = {"task": task, "difficulty": "easy", "section_tokens": sections, "memory_tokens": 1024}
    result = evaluate("baselines:Researcher", Suite("one", "", (SuiteEntry("x", "memgym/Longcontext-v1", kwargs),)))
    scores = [answer.scores["answer"] for e in result.episodes for step in e.steps for answer in step.answers]
    assert scores == [1.0] * len(scores)


def test_the_budget_is_kept_and_what_leads_to_the_answer_comes_first() -> None:
    env = make("memgym/Longcontext-v1", task="multihop", difficulty="easy", section_tokens=500, memory_tokens=120)
    observation, _ = env.reset(options={"index": 0})
    policy, done, overflow = Researcher(), False, False
    while not done:
        observation, _, done, _, info = env.step(policy.act(observation))
        overflow |= info.get("overflow", False)
    assert not overflow
