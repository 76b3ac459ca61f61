"""Replays the actions of a result file and compares every reward and score, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

from memgym.envs.base import MemoryEnv
from memgym.leaderboard.evaluate import episode_indices, judge_identity, make_env, play_step
from memgym.leaderboard.results import EntryRecord, summarize
from memgym.leaderboard.suite import SuiteEntry
from memgym.leaderboard.suites import is_other_than_ours


def verify(
    result: dict[str, Any],
    *,
    overrides: dict[str, Any] | None = None,
    progress: Callable[[str, int], None] = lambda name, episodes: None,
) -> list[str]:
    """Replay a result.

    Args:
        result: content of a result file.
        overrides: make-arguments that differ on this machine, such as ``path``.
        progress: told whenever an episode has been replayed.

    Returns:
        What does not agree; an empty list if the result is verified.

    Raises:
        ConfigError: an environment cannot be made on this machine.
    """
    problems = _check_suite(result)
    privileged = result["policy"]["privileged"]
    for record in result["entries"]:
        problems += _verify_entry(record, privileged, overrides or {}, progress)
    if not problems and _plain(summarize(result["entries"])) != result["summary"]:
        problems.append("the summary does not follow from the episodes")
    return problems


def _check_suite(result: dict[str, Any]) -> list[str]:
    if is_other_than_ours(result["suite"], [SuiteEntry.of(record) for record in result["entries"]], result["left_out"]):
        return [f"the entries are not those of suite {result['suite']!r}, files said to be missing apart"]
    return []


def _verify_entry(
    record: EntryRecord, privileged: bool, overrides: dict[str, Any], progress: Callable[[str, int], None]
) -> list[str]:
    entry = SuiteEntry.of(record)
    changed = {name: value for name, value in overrides.items() if name in entry.kwargs}
    local = SuiteEntry(entry.name, entry.env_id, {**entry.kwargs, **changed}, entry.split)
    env = make_env(local, reveal_gold=privileged).unwrapped
    if env.task.fingerprint() != record["task_fingerprint"]:
        return [f"{entry.name}: the task or its data are not the same here (fingerprints differ)"]
    if judge_identity(env) != record["judge"]:
        return [f"{entry.name}: judge {judge_identity(env)} scores here, not {record['judge']}"]
    played = [(episode["trial"], episode["index"]) for episode in record["results"]]
    indices = episode_indices(env, entry)
    if len(played) != entry.trials * len(indices) or played != list(product(range(entry.trials), indices)):
        return [f"{entry.name}: the episodes played are not those of the entry"]
    problems = []
    for episode in record["results"]:
        problem = _replay(env, episode)
        if problem:
            problems.append(f"{entry.name}, episode {episode['index']}, trial {episode['trial']}: {problem}")
        progress(entry.name, 1)
    return problems


def _replay(env: MemoryEnv, episode: dict[str, Any]) -> str:
    """Replay one episode; return the first difference, ``""`` if there is none."""
    observation, info = env.reset(options={"index": episode["index"]})
    if info["episode_id"] != episode["episode_id"]:
        return f"it is called {info['episode_id']!r}, not {episode['episode_id']!r}"
    done = False
    for number, step in enumerate(episode["steps"], 1):
        if done:
            return f"there are {len(episode['steps'])} steps, but the episode ends after {number - 1}"
        replayed, observation, done = play_step(env, observation, step["action"])
        for name, value in replayed.items():
            if _plain(value) != step[name]:
                return f"step {number}: {name} is {value!r}, not {step[name]!r}"
    return "" if done else "the episode is not complete"


def _plain(value: Any) -> Any:
    """Return the value as it comes back from a JSON file."""
    return json.loads(json.dumps(value))
