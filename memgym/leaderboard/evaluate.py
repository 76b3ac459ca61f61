"""Plays a policy through a suite and records everything needed to verify the score."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import gymnasium as gym

from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.leaderboard.results import FORMAT_VERSION, EntryRecord, package_versions, summarize
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.policy import Policy, load_policy
from memgym.registration import make

Progress = Callable[[str, int], None]
"""Called with an entry's name and the number of episodes that have just ended."""


def evaluate(
    entry_point: str,
    suite: Suite,
    *,
    options: dict[str, Any] | None = None,
    seed: int = 0,
    batch: int = 16,
    progress: Progress = lambda name, episodes: None,
) -> dict[str, Any]:
    """Play every episode of a suite and return the content of a result file.

    Args:
        entry_point: the policy as ``module:Class``.
        suite: what to play.
        options: arguments of the policy's class.
        seed: seed of the policy; trial ``t`` is played with ``seed + t``.
        batch: how many episodes are played side by side, so that the policy can answer in batches.
        progress: told whenever episodes end.

    Raises:
        ConfigError: the policy cannot be loaded, or an environment of the suite cannot be made.
    """
    policy = load_policy(entry_point, **(options or {}))
    entries = [_play_entry(policy, entry, seed, batch, progress) for entry in suite.entries]
    return {
        "format": "memgym-result",
        "format_version": FORMAT_VERSION,
        "policy": {"entry_point": entry_point, "options": options or {}, "privileged": policy.privileged},
        "suite": suite.name,
        "left_out": left_out(suite),
        "seed": seed,
        "packages": package_versions(),
        "summary": summarize(entries),
        "entries": entries,
    }


def left_out(suite: Suite) -> list[str]:
    """Return the names of the entries that the suite, as it was published or written, has beyond those played."""
    published = SUITES.get(suite.name, suite)
    beyond = [entry.name for entry in published.entries if entry not in suite.entries]
    return list(dict.fromkeys([*beyond, *suite.left_out]))


def make_env(entry: SuiteEntry, *, reveal_gold: bool = False) -> gym.Env:
    """Make the environment of a suite entry.

    Raises:
        ConfigError: it cannot be made; the message names the entry.
        DataError: a data file is missing or damaged.
    """
    kwargs = {**entry.kwargs, "split": entry.split}
    if reveal_gold:
        kwargs["reveal_gold"] = True
    try:
        return make(entry.env_id, **kwargs)
    except ConfigError as error:
        raise ConfigError(f"entry {entry.name!r}: {error}") from error


def episode_indices(env: MemoryEnv, entry: SuiteEntry) -> range:
    """Return the indices that an entry plays: its first ones, as far as the split has them."""
    size = env.task.size(entry.split)
    return range(entry.episodes if size is None else min(entry.episodes, size))


def judge_identity(env: MemoryEnv) -> dict[str, str] | None:
    """Return what names the judge of an environment and its prompt; None if the task's rule scores."""
    return None if env.judge is None else {"id": env.judge.id, "prompt_hash": env.judge.prompt_hash}


def _play_entry(policy: Policy, entry: SuiteEntry, seed: int, batch: int, progress: Progress) -> EntryRecord:
    made = make_env(entry, reveal_gold=policy.privileged)
    env = made.unwrapped
    indices = episode_indices(env, entry)
    envs = [env.spawn() for _ in range(min(batch, len(indices)))]
    started = time.perf_counter()
    episodes: list[dict[str, Any]] = []
    for trial in range(entry.trials):
        policy.reset(seed + trial)
        for episode in _play(policy, envs, deque(indices)):
            episodes.append({"trial": trial, **episode})
            progress(entry.name, 1)
    episodes.sort(key=lambda episode: (episode["trial"], episode["index"]))
    return {
        **asdict(entry),
        "env_spec": made.spec.to_json(),
        "task_fingerprint": env.task.fingerprint(),
        "judge": judge_identity(env),
        "seconds": time.perf_counter() - started,
        "results": episodes,
    }


def _play(policy: Policy, envs: list[MemoryEnv], indices: deque[int]) -> Iterator[dict[str, Any]]:
    """Play the episodes with these indices, several side by side, and yield each record when it is complete."""
    running: dict[int, tuple[str, dict[str, Any]]] = {}
    idle = list(range(len(envs)))
    while running or indices:
        while idle and indices:
            slot, index = idle.pop(), indices.popleft()
            observation, info = envs[slot].reset(options={"index": index})
            running[slot] = (observation, {"index": index, "episode_id": info["episode_id"], "steps": []})
        slots = sorted(running)
        actions = policy.act_many([running[slot][0] for slot in slots])
        for slot, action in zip(slots, actions, strict=True):
            observation, record = running.pop(slot)
            step, next_observation, done = play_step(envs[slot], observation, action)
            record["steps"].append(step)
            if done:
                idle.append(slot)
                yield record
            else:
                running[slot] = (next_observation, record)


def play_step(env: MemoryEnv, observation: str, action: str) -> tuple[dict[str, Any], str, bool]:
    """Play one action; return its record, the next observation, and whether the episode is over."""
    action = action if isinstance(action, str) else None  # anything else is as bad, and None can be written down
    next_observation, reward, terminated, _, info = env.step(action)
    record = {
        "phase": info["played"],
        "action": action,
        "action_error": info["action_error"],
        "overflow": info["overflow"],
        "reward": reward,
        "rewards": info["rewards"],
        "answers": info["answers"],
        "observation_tokens": env.counter.count(observation),
        "action_tokens": 0 if action is None else env.counter.count(action),
    }
    return record, next_observation, terminated
