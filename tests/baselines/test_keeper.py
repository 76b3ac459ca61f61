"""A memory by rules for ``lifecycle``: what it keeps, and of which tasks it says that they are its own."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from baselines import KeepAll, Keeper, Lexical
from baselines.keeper import _day
from memgym.envs.ledger import NAMES
from memgym.playing import Job, play
from memgym.policy import Policy
from memgym.registration import make
from memgym.tasks import make_task

BANK, LONG = "memgym/MemoryBank-v1", "memgym/Longcontext-v1"


def scores(policy: Policy, env_id: str, episodes: int, **options: Any) -> dict[str, float]:
    """Return the means of the answers, and of the rewards of the last steps."""
    env = make(env_id, task="lifecycle", split="test", **options)
    answers, rewards = [], []
    for played in play(policy, env, [Job(0, index) for index in range(episodes)]):
        assert played.error is None
        assert not any(step.info["action_error"] for step in played.steps)
        answers += [answer["scores"]["answer"] for step in played.steps for answer in step.info["answers"]]
        rewards.append(played.steps[-1].info["rewards"])
    return {name: np.mean([paid[name] for paid in rewards]) for name in rewards[0]} | {"answer": np.mean(answers)}


@pytest.mark.parametrize("difficulty", ["easy", "medium"])
def test_the_rewards_for_the_lives_of_facts_can_all_be_had(difficulty: str) -> None:
    paid = scores(Keeper(), BANK, 8, difficulty=difficulty)
    assert paid["answer"] > 0.99
    assert min(paid[name] for name in NAMES) > 0.98
    beside = scores(KeepAll(), BANK, 8, difficulty=difficulty)
    assert all(paid[name] > beside[name] for name in NAMES if name not in ("extraction_recall", "faithfulness"))


def test_it_manages_records_that_others_made_without_keys() -> None:
    paid = scores(Keeper(), "memgym/MemoryR1Manager-v1", 20, phases=["update"], sessions=5, questions=3, related_k=5)
    assert paid["answer"] > 0.99
    assert min(paid[name] for name in ("memory_recall", "memory_precision", "extraction_recall", "deletion")) > 0.98


@pytest.mark.parametrize("show_question", [True, False])
def test_it_reads_long_texts_in_pieces(show_question: bool) -> None:
    options = {"section_tokens": 120, "memory_tokens": 600, "show_question": show_question}
    assert scores(Keeper(), LONG, 6, **options)["answer"] == 1.0


@pytest.mark.parametrize(
    ("day", "month", "today", "meant"),
    [
        ("29", "February", date(2023, 11, 12), date(2024, 2, 29)),
        ("29", "February", date(2024, 3, 5), date(2028, 2, 29)),
        ("5", "March", date(2024, 3, 5), date(2024, 3, 5)),
        ("4", "March", date(2024, 3, 5), date(2025, 3, 4)),
        ("31", "June", date(2024, 3, 5), None),
        ("5", "Foo", date(2024, 3, 5), None),
    ],
)
def test_a_day_is_the_next_of_that_name(day: str, month: str, today: date, meant: date | None) -> None:
    assert _day({"day": day, "month": month, "year": None}, today) == meant


def test_the_difficulties_are_in_order() -> None:
    easy, medium, hard = (scores(Lexical(), BANK, 20, difficulty=d)["answer"] for d in ("easy", "medium", "hard"))
    assert easy > medium > hard


def test_it_recognises_its_own_task_and_no_other() -> None:
    for difficulty in ("easy", "hard"):
        episode = make_task("lifecycle", difficulty=difficulty).episode("train", 3)
        assert all(Keeper.recognises(str(session)) for session in episode.sessions)
        assert all(Keeper.recognises(question.text) for question in episode.questions)
    others = ("persona", "multihop", "conflict", "icl", "whereabouts", "ruler")
    for episode in (make_task(name).episode("train", index) for name in others for index in range(3)):
        assert not Keeper.recognises(episode.text())
        assert not any(Keeper.recognises(question.text) for question in episode.questions)
