"""Replays the actions of a result file and compares every reward and score, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from memgym.envs.base import MemoryEnv
from memgym.leaderboard.evaluate import episode_indices, judge_identity, make_env, record_episode
from memgym.leaderboard.results import EntryRecord, summarize
from memgym.leaderboard.suite import SuiteEntry
from memgym.leaderboard.suites import is_other_than_ours
from memgym.playing import Job, Played, play
from memgym.policy import Ask, Move, Policy


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
    env = make_env(local, reveal_gold=privileged)
    if env.task.fingerprint() != record["task_fingerprint"]:
        return [f"{entry.name}: the task or its data are not the same here (fingerprints differ)"]
    if judge_identity(env) != record["judge"]:
        return [f"{entry.name}: judge {judge_identity(env)} scores here, not {record['judge']}"]
    played = [(episode["trial"], episode["index"]) for episode in record["results"]]
    indices = episode_indices(env, entry)
    if len(played) != entry.trials * len(indices) or played != list(product(range(entry.trials), indices)):
        return [f"{entry.name}: the episodes played are not those of the entry"]
    recorded = {Job(episode["trial"], episode["index"]): episode for episode in record["results"]}
    problems = {}
    for replayed in play(_Recording(recorded), env, recorded):
        problem = _difference(env, replayed, recorded[replayed.job])
        if problem:
            problems[replayed.job] = f"episode {replayed.job.index}, trial {replayed.job.trial}: {problem}"
        progress(entry.name, 1)
    return [f"{entry.name}, {problems[job]}" for job in sorted(problems)]


class _Recording(Policy):
    """Plays what was recorded."""

    def __init__(self, recorded: Mapping[Job, dict[str, Any]]):
        self._recorded = recorded

    def act(self, observation: str) -> str:
        raise TypeError("a recording plays by trial, episode and step, not by observation")

    def move_many(self, asks: Sequence[Ask]) -> list[Move | Exception]:
        return [self._reply(ask) for ask in asks]

    def _reply(self, ask: Ask) -> Move | Exception:
        steps = self._recorded[Job(ask.trial, ask.index)]["steps"]
        if ask.step == len(steps):
            return _Incomplete("the episode is not complete")
        return Move(steps[ask.step]["action"])


class _Incomplete(Exception):
    """A recording that ends before its episode."""


def _difference(env: MemoryEnv, replayed: Played, recorded: dict[str, Any]) -> str:
    """Return the first difference between an episode and its recording, ``""`` if there is none."""
    if replayed.episode_id != recorded["episode_id"]:
        return f"it is called {replayed.episode_id!r}, not {recorded['episode_id']!r}"
    pairs = zip(record_episode(env, replayed)["steps"], recorded["steps"], strict=False)
    for number, (step, was) in enumerate(pairs, 1):
        for name, value in step.items():
            if _plain(value) != was[name]:
                return f"step {number}: {name} is {value!r}, not {was[name]!r}"
    if isinstance(replayed.error, _Incomplete):
        return str(replayed.error)
    if replayed.error is not None:
        raise replayed.error
    if len(replayed.steps) < len(recorded["steps"]):
        return f"there are {len(recorded['steps'])} steps, but the episode ends after {len(replayed.steps)}"
    return ""


def _plain(value: Any) -> Any:
    """Return the value as it comes back from a JSON file."""
    return json.loads(json.dumps(value))
