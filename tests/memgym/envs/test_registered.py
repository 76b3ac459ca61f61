"""What holds for every registered id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import CustomSpaceError
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from memgym import PhasePolicy
from memgym.registration import ENVIRONMENTS, make

every_id = pytest.mark.parametrize("env_id", ENVIRONMENTS)

EXPECTED_WARNINGS: dict[str, str] = {}
"""Text of a warning of Gymnasium's checkers to the reason why it is right to live with it. There is none."""

Step = tuple[str, float, bool]


def trajectory(env: gym.Env, seed: int, steps: int) -> list[Step]:
    """Play the operators from a seeded reset on, as a vector environment does: what follows an end is a reset."""
    observation, _ = env.reset(seed=seed)
    played: list[Step] = [(observation, 0.0, False)]
    while len(played) <= steps:
        if played[-1][2]:
            observation, _ = env.reset()
            played.append((observation, 0.0, False))
        else:
            observation, reward, done, _, _ = env.step(PhasePolicy().act(played[-1][0]))
            played.append((observation, float(reward), done))
    return played


def episode_length(env: gym.Env, seed: int) -> int:
    observation, _ = env.reset(seed=seed)
    for length in range(1, 10_000):
        observation, _, done, _, _ = env.step(PhasePolicy().act(observation))
        if done:
            return length
    raise AssertionError("the episode does not end")


@every_id
def test_gymnasium_finds_no_fault(env_id: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(gym.make(env_id, render_mode="ansi", disable_env_checker=True).unwrapped)
        env = gym.make(env_id)  # wrapped in the passive checker, which looks at the first step
        env.reset(seed=0)
        env.step("x")
    unexpected = [str(w.message) for w in caught if not any(text in str(w.message) for text in EXPECTED_WARNINGS)]
    assert unexpected == []


@every_id
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_vectors_equal_single_environments(env_id: str, asynchronous: bool) -> None:
    seeds = [11, 12]
    makers: list[Callable[[], gym.Env]] = [partial(make, env_id)] * len(seeds)
    steps = episode_length(make(env_id), seeds[0]) + 3  # over the end of an episode, into the next
    single = [trajectory(make(env_id), seed, steps) for seed in seeds]
    envs = AsyncVectorEnv(makers, shared_memory=False, context="spawn") if asynchronous else SyncVectorEnv(makers)
    try:
        observations, _ = envs.reset(seed=seeds)
        for t in range(1, steps + 1):
            assert observations == tuple(played[t - 1][0] for played in single)
            actions = tuple(PhasePolicy().act(text) if text else "" for text in observations)
            observations, rewards, terminated, truncated, _ = envs.step(actions)
            assert list(rewards) == [played[t][1] for played in single]
            assert list(terminated) == [played[t][2] for played in single]
            assert not truncated.any()
    finally:
        envs.close()


@every_id
def test_same_step_autoreset(env_id: str) -> None:
    envs = SyncVectorEnv([partial(make, env_id)], autoreset_mode=AutoresetMode.SAME_STEP)
    single = make(env_id)
    observations, _ = envs.reset(seed=5)
    observation, _ = single.reset(seed=5)
    done = False
    while not done:
        action = PhasePolicy().act(observation)
        observations, rewards, terminated, _, infos = envs.step((action,))
        observation, reward, done, _, info = single.step(action)
        assert (rewards[0], terminated[0]) == (reward, done)
        last = infos["final_info"] if done else infos
        assert {name: float(values[0]) for name, values in last["rewards"].items() if name[0] != "_"} == info["rewards"]
        assert last["action_error"][0] == info["action_error"]
        assert last["answers"][0] == info["answers"]
    assert infos["final_obs"][0] == ""
    assert observations[0] == single.reset()[0]


def test_shared_memory_fails_loudly() -> None:
    with pytest.raises(ValueError, match="shared_memory=False") as refused:
        AsyncVectorEnv([partial(make, "memgym/Longcontext-v1")])
    assert isinstance(refused.value.__cause__, CustomSpaceError)


@every_id
def test_a_spec_written_down_makes_the_same_environment(env_id: str) -> None:
    phases = ENVIRONMENTS[env_id][1].get("phases", ["answer"])
    changed = {"phases": phases, "reward_weights": {"answer": 0.5, "token_cost": -0.1}, "render_mode": "ansi"}
    for kwargs in ({}, changed):
        env = gym.make(env_id, **kwargs)
        spec = EnvSpec.from_json(env.spec.to_json())
        assert spec == env.spec
        again = gym.make(spec)
        assert again.spec == env.spec
        assert trajectory(again, 3, 2) == trajectory(env, 3, 2)


@every_id
def test_rewards_and_info_keep_their_conventions(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    assert not hasattr(env, "reward_space")  # TorchRL would take the scalar for a vector
    observation, info = env.reset(seed=2)
    assert json.loads(json.dumps(info)) == info
    keys, done = None, False
    while not done:
        observation, reward, done, truncated, info = env.step(PhasePolicy().act(observation))
        assert type(reward) is float
        assert truncated is False
        assert tuple(info["rewards"]) == env.reward_names
        assert all(type(value) is float and 0 <= value <= 1 for value in info["rewards"].values())
        assert info["rewards"]["format"] == 1.0
        assert info["action_error"] == ""
        keys = keys or info.keys()
        assert info.keys() == keys
        assert json.loads(json.dumps(info)) == info
    assert observation == ""


@every_id
@pytest.mark.parametrize("names", [True, ["token_cost", "answer"]])
def test_a_vector_is_paid_where_it_is_asked_for(env_id: str, names: bool | list[str]) -> None:
    scalar, vector = make(env_id), gym.make(env_id, vector_reward=names, disable_env_checker=True)
    chosen = scalar.reward_names if names is True else names
    assert vector.unwrapped.reward_space == gym.spaces.Box(0.0, 1.0, (len(chosen),), np.float64)
    observation, _ = scalar.reset(seed=2)
    assert vector.reset(seed=2)[0] == observation
    done = False
    while not done:
        action = PhasePolicy().act(observation)
        observation, _, done, _, info = scalar.step(action)
        _, paid, _, _, vector_info = vector.step(action)
        assert vector.unwrapped.reward_space.contains(paid)
        assert paid.tolist() == [info["rewards"][name] for name in chosen]
        assert vector_info == info


@every_id
def test_the_page_lists_every_reward(env_id: str) -> None:
    env = make(env_id)
    for reward in env.rewards:
        assert f"| `{reward.name}` | {reward.paid} | {reward.value} | {reward.weight:g} |" in type(env).__doc__
    assert env.reward_weights == {reward.name: reward.weight for reward in env.rewards if reward.weight}
    env.reset(seed=0)
    assert set(env.potentials()) == {reward.name for reward in env.rewards if reward.final}


CODE = """
import hashlib
import numpy as np
import memgym
from memgym.registration import ENVIRONMENTS, make

np.set_printoptions(floatmode="unique")
for env_id in ENVIRONMENTS:
    env, digest = make(env_id, render_mode="ansi", reveal_gold=True), hashlib.sha256()
    observation, info = env.reset(seed=7)
    done = False
    while not done:
        digest.update((observation + env.render() + repr(info)).encode())
        observation, reward, done, _, info = env.step(memgym.PhasePolicy().act(observation))
        digest.update(repr(reward).encode())
    print(env_id, digest.hexdigest())
"""


def test_an_episode_is_the_same_in_another_process() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "4711")
    ]
    first, second = (process.communicate()[0] for process in processes)
    assert [line.split()[0] for line in first.splitlines()] == list(ENVIRONMENTS)
    assert first == second


@every_id
def test_seeds_differ_and_an_index_wins(env_id: str) -> None:
    env = make(env_id)
    drawn = {env.reset(seed=seed)[1]["index"] for seed in range(10)}
    assert len(drawn) == 10
    first, info = env.reset(seed=0, options={"index": 3})
    second, _ = env.reset(seed=1, options={"index": np.int64(3)})
    assert first == second
    assert (info["index"], info["split"]) == (3, "train")
    assert env.reset(options={"index": 4})[0] != first
