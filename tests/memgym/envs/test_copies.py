"""At any moment of an episode a copy plays on exactly as the original does, and neither touches the other."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest

import memgym
from memgym.bank import MemoryBank
from memgym.registration import ENVIRONMENTS

BANK, LONG = "memgym/MemoryBank-v1", "memgym/Longcontext-v1"
COPIES: list[Callable[[gym.Env], gym.Env]] = [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))]
each_copy = pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle"])

PROCEDURAL: list[tuple[str, dict[str, Any]]] = [
    *((BANK, {"task": task, "difficulty": "easy"}) for task in ("persona", "conflict", "icl", "multihop")),
    (BANK, {"task": "persona", "difficulty": "easy", "memory_tokens": 300, "answer_format": "json"}),
    (BANK, {"task": "whereabouts", "phases": ["update"], "reader": "extractive", "updater": "deduplicate"}),
    (LONG, {"task": "ruler", "subtask": "niah_single_2", "length": 4096, "counter": "words"}),
    (LONG, {"task": "ruler2", "subtask": "mv_niah_hard", "length": 2048}),
    (LONG, {"task": "curriculum", "stages": [{"task": "whereabouts"}], "memorizer": "baselines:Recency"}),
    (LONG, {"task": "persona", "difficulty": "easy", "vector_reward": True, "reveal_gold": True}),
]
FILES = [
    (LONG, {"task": "memagent", "path": "eval_50.json.gz"}),
    (LONG, {"task": "hotpotqa", "path": "hotpotqa_dev.jsonl.gz", "documents": 8}),
    (LONG, {"task": "musique", "path": "musique_train_small.jsonl.gz"}),
    (LONG, {"task": "ruler", "subtask": "qa_2", "length": 4096, "path": "hotpotqa_dev.jsonl.gz"}),
    (LONG, {"task": "ruler_jsonl", "path": "eval_fwe_16384.json.gz"}),
    (BANK, {"task": "locomo", "path": "locomo4.json.gz", "questions": "single"}),
    (BANK, {"task": "longmemeval", "path": "longmemeval_small.jsonl.gz"}),
]


def play(env: gym.Env, observation: str, steps: int | None = None) -> tuple[list[Any], str]:
    """Play so many steps, or to the end; return what happened, and the last observation."""
    happened: list[Any] = []
    while observation and (steps is None or len(happened) < steps):
        action = memgym.PhasePolicy().act(observation)
        observation, reward, *_, info = env.step(action)
        happened.append((observation, list(reward) if hasattr(reward, "__len__") else reward, info))
    return happened, observation


def check(env: gym.Env, copied: Callable[[gym.Env], gym.Env], seed: int = 0) -> None:
    unused = copied(env)
    assert unused.reset(seed=seed)[0] == env.reset(seed=seed)[0]
    observation, _ = env.reset(seed=seed)
    for done in (0, 1, 2, 3):
        _, now = play(env, observation, done)
        if not now:
            break
        first, second = copied(env), copied(env)
        expected, _ = play(env, now)
        assert play(first, now)[0] == expected
        assert play(second, now)[0] == expected
        assert first.reset()[0] == second.reset()[0] == env.reset()[0]  # the same draw of the next episode
        observation, _ = env.reset(seed=seed)


@each_copy
@pytest.mark.parametrize("env_id", [env_id for env_id in ENVIRONMENTS if "128k" not in env_id])
def test_every_registered_id(env_id: str, copied: Callable[[gym.Env], gym.Env]) -> None:
    check(gym.make(env_id, render_mode="ansi"), copied)


@each_copy
@pytest.mark.parametrize(("env_id", "kwargs"), PROCEDURAL, ids=lambda value: str(value)[:70])
def test_procedural_tasks_and_settings(
    env_id: str, kwargs: dict[str, Any], copied: Callable[[gym.Env], gym.Env]
) -> None:
    check(memgym.make(env_id, **kwargs), copied)


@each_copy
@pytest.mark.parametrize(("env_id", "kwargs"), FILES, ids=lambda value: str(value)[:70])
def test_tasks_that_read_files(
    data_dir: Any,
    monkeypatch: pytest.MonkeyPatch,
    env_id: str,
    kwargs: dict[str, Any],
    copied: Callable[[gym.Env], gym.Env],
) -> None:
    monkeypatch.setenv("MEMGYM_DATA", str(data_dir))
    env = memgym.make(env_id, **kwargs)
    observation, _ = env.reset(options={"index": 1})
    _, now = play(env, observation, 1)
    twin = copied(env)
    assert play(twin, now, 6)[0] == play(env, now, 6)[0]
    assert twin.task.fingerprint() == env.task.fingerprint()


@each_copy
def test_a_copy_leaves_the_original_alone(copied: Callable[[gym.Env], gym.Env]) -> None:
    env = memgym.make(BANK, difficulty="easy")
    observation, _ = env.reset(seed=1)
    _, now = play(env, observation, 3)
    kept = env.bank.get_all()
    play(copied(env), now)
    assert env.bank.get_all() == kept


def test_the_rollouts_of_a_group_begin_alike_and_apart() -> None:
    """What operators play before the agent's first step is worked out once for an index, and shared by none."""
    env = memgym.make("memgym/RMMReranker-v1", difficulty="easy")
    twins = [env, *(env.spawn() for _ in range(3))]
    first = [twin.reset(options={"index": 2}) for twin in twins]
    assert all(opening == first[0] for opening in first)
    twins[0].bank.delete("m1")
    assert "m1" in twins[1].bank
    assert env.spawn().reset(options={"index": 2}) == first[0]
    fresh = memgym.make("memgym/RMMReranker-v1", difficulty="easy").reset(options={"index": 2})
    assert fresh == first[0]


def test_the_rollouts_of_a_group_share_the_searches_until_their_banks_differ(monkeypatch) -> None:
    searched: list[str] = []
    original = MemoryBank.search_many

    def counted(bank: MemoryBank, queries: Any, k: int = 5) -> Any:
        searched.extend(queries)
        return original(bank, queries, k)

    monkeypatch.setattr(MemoryBank, "search_many", counted)
    env = memgym.make("memgym/RMMReranker-v1", difficulty="easy").unwrapped
    paid = []
    for one in (env, env.spawn(), env.spawn()):
        observation, _ = one.reset(options={"index": 2})
        steps, _ = play(one, observation)
        paid.append(steps)
    assert paid[0] == paid[1] == paid[2]
    questions = [question.text for question in env.episode.questions]
    assert [searched.count(text) for text in questions] == [1] * len(questions)
    before = env.potentials()
    other = env.spawn()
    other.reset(options={"index": 2})
    for record in other.bank.get_all()[::2]:
        other.bank.delete(record.id)
    assert other.potentials() != before == env.potentials()
