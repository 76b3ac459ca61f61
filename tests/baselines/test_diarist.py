"""A memory manager by rules: what it keeps of ``persona`` under a budget, beside keeping everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baselines import Diarist, KeepAll
from memgym import PhasePolicy
from memgym.registration import make

MANAGES = {"task": "persona", "phases": ["extract", "update", "retrieve"]}


def kept(policy: PhasePolicy, episodes: int, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the answer score and the recall of the memory at the end of each episode."""
    env = make("memgym/MemoryBank-v1", **MANAGES, **options)
    answers, recalls = [], []
    for index in range(episodes):
        observation, _ = env.reset(options={"index": index})
        done, scores = False, []
        while not done:
            observation, _, done, _, info = env.step(policy.act(observation))
            assert not info.get("action_error"), info
            scores += [answer["scores"]["answer"] for answer in info.get("answers", ())]
        answers.append(np.mean(scores))
        recalls.append(env.potentials()["memory_recall"])
    return np.array(answers), np.array(recalls)


@pytest.mark.parametrize(("difficulty", "budget"), [("easy", 600), ("medium", 900)])
def test_who_keeps_what_holds_beats_who_keeps_everything_under_a_budget(difficulty: str, budget: int) -> None:
    answers, recall = kept(Diarist(), 12, difficulty=difficulty, memory_tokens=budget)
    other_answers, other_recall = kept(KeepAll(), 12, difficulty=difficulty, memory_tokens=budget)
    assert (recall > other_recall + 0.4).all()
    assert answers.mean() > other_answers.mean() + 0.4
    assert (answers >= other_answers).all()


def test_it_understands_what_it_is_told() -> None:
    _, recall = kept(Diarist(), 20, difficulty="easy")
    assert recall.min() > 0.95
