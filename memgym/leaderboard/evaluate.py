"""Plays a policy through a suite and records everything needed to verify the score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.leaderboard.results import FORMAT_VERSION, EntryRecord, package_versions, summarize
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.playing import CONCURRENCY, Job, Played, PlayedStep, play
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
    concurrency: int = CONCURRENCY,
    progress: Progress = lambda name, episodes: None,
) -> dict[str, Any]:
    """Play every episode of a suite and return the content of a result file.

    Args:
        entry_point: the policy as ``module:Class``.
        suite: what to play.
        options: arguments of the policy's class.
        seed: of everything random in the policy.
        concurrency: how many episodes are played side by side.
        progress: told whenever episodes end.

    Raises:
        ConfigError: the policy cannot be loaded, or an environment of the suite cannot be made.
    """
    policy = load_policy(entry_point, **(options or {}))
    entries = [_play_entry(policy, entry, seed, concurrency, progress) for entry in suite.entries]
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


def make_env(entry: SuiteEntry, *, reveal_gold: bool = False) -> MemoryEnv:
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


def _play_entry(policy: Policy, entry: SuiteEntry, seed: int, concurrency: int, progress: Progress) -> EntryRecord:
    env = make_env(entry, reveal_gold=policy.privileged)
    indices = episode_indices(env, entry)
    jobs = [Job(trial, index) for trial in range(entry.trials) for index in indices]
    started = time.perf_counter()
    episodes: list[dict[str, Any]] = []
    for played in play(policy, env, jobs, seed=seed, concurrency=concurrency):
        if played.error is not None:
            raise played.error
        episodes.append(record_episode(env, played))
        progress(entry.name, 1)
    episodes.sort(key=lambda episode: (episode["trial"], episode["index"]))
    return {
        **asdict(entry),
        "env_spec": env.spec.to_json(),
        "task_fingerprint": env.task.fingerprint(),
        "judge": judge_identity(env),
        "seconds": time.perf_counter() - started,
        "results": episodes,
    }


def record_episode(env: MemoryEnv, played: Played) -> dict[str, Any]:
    """Return the record of an episode: everything that a replay must bring out again."""
    return {
        "trial": played.job.trial,
        "index": played.job.index,
        "episode_id": played.episode_id,
        "steps": [_record_step(env, step) for step in played.steps],
    }


def _record_step(env: MemoryEnv, step: PlayedStep) -> dict[str, Any]:
    action = step.move.action
    action = action if isinstance(action, str) else None  # anything else is as bad, and None can be written down
    return {
        "phase": step.info["played"],
        "action": action,
        "action_error": step.info["action_error"],
        "overflow": step.info["overflow"],
        "reward": step.reward,
        "rewards": step.info["rewards"],
        "answers": step.info["answers"],
        "observation_tokens": env.counter.count(step.ask.observation),
        "action_tokens": 0 if action is None else env.counter.count(action),
    }
