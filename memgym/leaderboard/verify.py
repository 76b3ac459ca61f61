"""Replays the actions of a result file and compares every reward and score, to the last digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from memgym.envs.base import MemoryEnv
from memgym.envs.rewards import final_names
from memgym.leaderboard.evaluate import make_env, record_episode, round_record
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import (
    NOT_COMPARED,
    AnswerRecord,
    EntryRecord,
    EpisodeRecord,
    Header,
    JudgeRecord,
    StepRecord,
)
from memgym.leaderboard.rounds import Round, check_round
from memgym.leaderboard.suite import SuiteEntry
from memgym.leaderboard.suites import is_other_than_ours
from memgym.playing import Job, Played, play
from memgym.policy import Ask, AsyncPolicy, Move

Replayed = Callable[[], None]
"""Called whenever an episode has been replayed."""


def verify(
    result: Result,
    *,
    overrides: Mapping[str, Any] | None = None,
    round_: Round | None = None,
    replayed: Replayed = lambda: None,
    stepped: Callable[[], None] = lambda: None,
) -> list[str]:
    """Replay a result. What was recorded is compared; what this version records besides is not.

    Args:
        result: content of a result file.
        overrides: make-arguments that differ on this machine, such as ``path``.
        round_: the round on which it says it was played, with its seed.
        replayed: called whenever an episode has been replayed.
        stepped: called after each step.

    Returns:
        What does not agree, and which episodes failed or are missing; an empty list if the result is verified.

    Raises:
        ConfigError, DataError: an environment cannot be made on this machine.
        JudgeError: a judge gave no verdict.
    """
    header = result.header
    problem = _round_difference(header, round_)
    if problem:
        return [problem]
    problems = []
    if is_other_than_ours(header.suite, [entry.suite_entry() for entry in header.entries], header.left_out):
        problems.append(f"the entries are not those of suite {header.suite!r}, files said to be missing apart")
    for entry in header.entries:
        env = make_env(_local(entry, overrides or {}), reveal_gold=header.policy.privileged, round_=round_)
        episodes = [episode for episode in result.episodes if episode.entry == entry.name]
        problem = _entry_difference(entry, env, len(episodes))
        if problem:
            problems.append(f"{entry.name}: {problem}")
        else:
            problems += _verify_episodes(env, episodes, replayed, stepped)
    return problems


def _round_difference(header: Header, round_: Round | None) -> str:
    """Return why a result is not one of the round, ``""`` if it is, or if there is no round on either side."""
    if round_ is None:
        return f"it was played on round {header.round.name!r}: name its file, once it is open" if header.round else ""
    check_round(round_)
    if header.round is None:
        return f"it was not played on round {round_.name!r}"
    if header.round != round_record(round_):
        return f"it was played on another round {header.round.name!r}, made on {header.round.made}"
    return (
        ""
        if header.suite == round_.suite
        else f"round {round_.name!r} is of suite {round_.suite!r}, not {header.suite!r}"
    )


def _local(entry: EntryRecord, overrides: Mapping[str, Any]) -> SuiteEntry:
    """Return the entry with the arguments that are others on this machine."""
    changed = {name: value for name, value in overrides.items() if name in entry.kwargs}
    return SuiteEntry(entry.name, entry.env_id, {**entry.kwargs, **changed}, entry.split)


def _entry_difference(entry: EntryRecord, env: MemoryEnv, recorded: int) -> str:
    """Return what makes the entry another one here, ``""`` if nothing does."""
    if env.task.fingerprint() != entry.task_fingerprint:
        return "the task or its data are not the same here (fingerprints differ)"
    judge = env.judge and JudgeRecord(id=env.judge.id, prompt_hash=env.judge.prompt_hash)
    if judge != entry.judge:
        here, there = (one and f"{one.id!r}, prompt {one.prompt_hash:.12}" for one in (judge, entry.judge))
        return f"judge {here} scores here, not {there}"
    size = env.task.size(entry.split)
    if size != entry.size:
        return f"split {entry.split!r} has {size} episodes, not {entry.size}"
    lost = [name for name in entry.final_rewards if name not in final_names(env.rewards)]
    if lost:
        return f"the memory is not scored by {lost[0]!r} any more"
    missing = entry.count * entry.trials - recorded
    return f"{missing} of {entry.count * entry.trials} episodes are missing" if missing else ""


def _verify_episodes(
    env: MemoryEnv, episodes: Sequence[EpisodeRecord], replayed: Replayed, stepped: Callable[[], None]
) -> list[str]:
    """Return the problems of an entry's episodes, in their order."""
    recorded = {Job(episode.trial, episode.index): episode for episode in episodes}
    names = _Names(episodes)
    problems = {}
    for played in play(_Recording(recorded), env, recorded, stepped=stepped):
        was = recorded[played.job]
        problem = _difference(record_episode(was.entry, env, played), was, played, names)
        if problem:
            problems[was.key] = f"{was.entry}, episode {was.index}, trial {was.trial}: {problem}"
        replayed()
    return [problems[key] for key in sorted(problems)]


class _Recording(AsyncPolicy):
    """Plays what was recorded; no episode waits for another, as a judge may take its time in one."""

    def __init__(self, recorded: Mapping[Job, EpisodeRecord]):
        self._recorded = recorded

    async def act_async(self, observation: str, seed: int = 0) -> str:
        raise TypeError("a recording plays by trial, episode and step, not by observation")

    async def move_async(self, ask: Ask) -> Move:
        steps = self._recorded[Job(ask.trial, ask.index)].steps
        if ask.step == len(steps):
            raise _IncompleteError("the episode is not complete")
        return Move(steps[ask.step].action)


class _IncompleteError(Exception):
    """A recording that ends before its episode."""


class _Names:
    """The rewards and scores that an entry's episodes have recorded, somewhere: they are compared everywhere.

    A later version may know more. A name that was recorded in some places cannot be left out in others: a mean would
    be over a choice of them.
    """

    def __init__(self, episodes: Sequence[EpisodeRecord]):
        steps = [step for episode in episodes for step in episode.steps]
        self.rewards = {name for step in steps for name in step.rewards}
        self.scores = {name for step in steps for answer in step.answers for name in answer.scores}

    def step(self, step: StepRecord) -> StepRecord:
        """Return a step of now as it would have been recorded then."""
        return msgspec.structs.replace(
            step,
            rewards={name: value for name, value in step.rewards.items() if name in self.rewards},
            answers=[self._answer(answer) for answer in step.answers],
        )

    def _answer(self, answer: AnswerRecord) -> AnswerRecord:
        scores = {name: value for name, value in answer.scores.items() if name in self.scores}
        return msgspec.structs.replace(answer, scores=scores)


_COMPARED = [
    field.name for field in msgspec.structs.fields(StepRecord) if field.required and field.name not in NOT_COMPARED
]
"""Fields that came later have a default; what has none was recorded from the first."""


def _difference(now: EpisodeRecord, was: EpisodeRecord, played: Played, names: _Names) -> str:
    """Return the first difference between an episode and its recording, ``""`` if there is none."""
    if now.episode_id != was.episode_id and was.episode_id:
        return f"it is called {now.episode_id!r}, not {was.episode_id!r}"
    for number, (step, recorded) in enumerate(zip(now.steps, was.steps, strict=False), 1):
        step = names.step(step)
        for name in _COMPARED:
            value, other = getattr(step, name), getattr(recorded, name)
            if value != other:
                return f"step {number}: {name} is {_shown(value)}, not {_shown(other)}"
    if len(now.steps) < len(was.steps) and played.error is None:
        return f"there are {len(was.steps)} steps, but the episode ends after {len(now.steps)}"
    if was.error is not None:
        return f"failed after {len(was.steps)} steps: {was.error}"
    if isinstance(played.error, _IncompleteError):
        return str(played.error)
    if played.error is not None:
        raise played.error
    return ""


def _shown(value: object) -> str:
    return repr(msgspec.to_builtins(value))
