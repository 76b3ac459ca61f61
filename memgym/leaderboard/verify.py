"""Replays the actions of a result file and compares every reward and score, to the last digit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from memgym.envs.base import MemoryEnv
from memgym.envs.rewards import final_names
from memgym.errors import MemgymError
from memgym.leaderboard.episodes import Records
from memgym.leaderboard.evaluate import errata_record, record_episode, record_step, round_record
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
from memgym.leaderboard.rounds import Round, round_suite
from memgym.leaderboard.suites import is_other_than_ours, lookalike, parted, wrongly_left_out
from memgym.leaderboard.trust import STRICT, Trust, replay_env
from memgym.playing import CONCURRENCY, Job, Played, play
from memgym.policy import Ask, Move, Policy
from memgym.shown import plain

MAX_ITEMS = 40_000
"""So many memories and operations of an episode's actions are replayed, unless the budget lets a bank hold no more: it
could fill the memory."""
LONGEST_SHOWN = 400
"""So many letters are shown of a value that differs."""

Replayed = Callable[[], None]
"""Called whenever an episode has been replayed."""


def verify(
    result: Result,
    *,
    trust: Trust = STRICT,
    overrides: Mapping[str, Any] | None = None,
    round_: Round | None = None,
    replayed: Replayed = lambda: None,
    stepped: Callable[[], None] = lambda: None,
) -> list[str]:
    """Replay a result. What was recorded is compared; what this version records besides is not.

    A replay proves scores, not authorship: what :func:`claims` returns stays the word of whoever made the file.

    Args:
        result: content of a result file.
        trust: what the file may name beside what is memgym's own.
        overrides: make-arguments of this machine in place of the file's, such as ``path`` or ``judge``.
        round_: the round on which it says it was played, with its seed.
        replayed: called whenever an episode has been replayed.
        stepped: called after each step.

    Returns:
        What does not agree, and which episodes failed or are missing; an empty list if the result is verified.

    Raises:
        UntrustedError: the file names what is not admitted, see :mod:`memgym.leaderboard.trust`.
        ConfigError, DataError: an environment cannot be made on this machine.
        JudgeError: a judge gave no verdict.
    """
    header = result.header
    problem = _round_difference(header, round_)
    if problem:
        return [problem]
    problems = _suite_problems(header)
    for entry in header.entries:
        privileged, context = header.policy.privileged, header.context
        env = replay_env(entry, trust, overrides, reveal_gold=privileged, round_=round_, context=context)
        episodes = result.recorded(entry.name)
        problem = _entry_difference(entry, env, len(episodes))
        if problem:
            problems.append(f"{entry.name}: {problem}")
        else:
            problems += _verify_episodes(env, episodes, replayed, stepped)
    return problems


def claims(header: Header) -> str:
    """Return what no replay can check: who played, by which seed and versions."""
    policy = header.policy
    options = ", ".join(f"{name}={value}" for name, value in policy.options.items())
    versions = ", ".join(f"{name} {version}" for name, version in header.packages.items())
    told = [f"policy {policy.entry_point}" + (f"({options})" if options else ""), f"seed {header.seed}", versions]
    return plain(", ".join(filter(None, [*told, "specs, times and costs"])))


def _round_difference(header: Header, round_: Round | None) -> str:
    """Return why a result is not one of the round, ``""`` if it is, or if there is no round on either side."""
    if round_ is None:
        return f"it was played on round {header.round.name!r}: name its file, once it is open" if header.round else ""
    round_suite(round_)
    if header.round is None:
        return f"it was not played on round {round_.name!r}"
    if header.round != round_record(round_):
        return f"it was played on another round {header.round.name!r}, made on {header.round.made}"
    if parted(header.suite)[0] != round_.suite:  # which a judge may have scored anew
        return f"round {round_.name!r} is of suite {round_.suite!r}, not {header.suite!r}"
    return ""


def _suite_problems(header: Header) -> list[str]:
    """Return in what a result is not of the suite whose name it bears."""
    problems = []
    if is_other_than_ours(header.suite, [entry.suite_entry() for entry in header.entries], header.left_out):
        problems.append(f"the entries are not those of suite {header.suite!r}, files said to be missing apart")
    if lookalike(header.suite):
        problems.append(f"suite {header.suite!r} is not memgym's suite {lookalike(header.suite)!r}")
    here = wrongly_left_out(header.suite, header.left_out)
    if here:
        problems.append(f"entries were left out although their data files are here: {', '.join(here)}")
    return problems


def _entry_difference(entry: EntryRecord, env: MemoryEnv, recorded: int) -> str:
    """Return what makes the entry another one here, ``""`` if nothing does."""
    if env.task.fingerprint() != entry.task_fingerprint:
        return "the task or its data are not the same here (fingerprints differ)"
    tokenizer = env.counter.digest or None
    if tokenizer != entry.tokenizer:
        return f"tokenizer {tokenizer or 'none':.12} counts here, not {entry.tokenizer or 'none':.12}"
    errata = errata_record(env.task)
    if errata != entry.errata:
        digests = ["none" if one is None else one.digest[:12] for one in (errata, entry.errata)]
        return f"errata {digests[0]} correct the golds here, not {plain(digests[1])}"
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
    names = _Names(episodes)
    problems = {}
    for was, played in replay(env, episodes, stepped):
        problem = _difference(record_episode(was.entry, played), was, played, names)
        if problem:
            problems[was.key] = f"{was.entry}, episode {was.index}, trial {was.trial}: {problem}"
        replayed()
    return [problems[key] for key in sorted(problems)]


def replay(
    env: MemoryEnv, episodes: Sequence[EpisodeRecord], stepped: Callable[[], None] = lambda: None
) -> Iterator[tuple[EpisodeRecord, Played]]:
    """Play recorded actions again, and yield each episode's record with it as it was played now, of steps the records.

    Nothing else is kept. One episode is played after the other; only where a step waits on a network, some at once.

    Args:
        env: where they are played.
        episodes: of one entry.
        stepped: called after each step.
    """
    budget = getattr(env, "memory_tokens", None)  # a memory costs a token at least
    bounded = budget is not None and budget <= MAX_ITEMS
    recording = _Recording(episodes, waits=env.waits, privileged=env.privileged, bounded=bounded)
    concurrency = CONCURRENCY if env.waits else 1
    keep = partial(record_step, env)
    for played in play(recording, env, recording.jobs(), concurrency=concurrency, stepped=stepped, keep=keep):
        yield recording.take(played.job), played


class _Recording(Policy):
    """Plays what was recorded; where steps wait on a network, each episode by itself."""

    def __init__(self, episodes: Sequence[EpisodeRecord], *, waits: bool, privileged: bool, bounded: bool):
        self.waits, self.privileged, self._bounded = waits, privileged, bounded
        self._episodes = episodes
        keys = episodes.keys() if isinstance(episodes, Records) else ((e.key, False) for e in episodes)
        self._numbers = {Job(trial, index): number for number, ((_, trial, index), _) in enumerate(keys)}
        self._open: dict[Job, EpisodeRecord] = {}

    def jobs(self) -> Iterator[Job]:
        """Yield what is to be played."""
        return iter(self._numbers)

    def take(self, job: Job) -> EpisodeRecord:
        """Return an episode's record, which is not needed any more."""
        return self._open.pop(job, None) or self._episodes[self._numbers[job]]

    def act(self, observation: str) -> str:
        raise TypeError("a recording plays by trial, episode and step, not by observation")

    def move_many(self, asks: Sequence[Ask]) -> list[Move | Exception]:
        return [self._move(ask) for ask in asks]

    def _move(self, ask: Ask) -> Move | Exception:
        job = Job(ask.trial, ask.index)
        if job not in self._open:
            self._open[job] = self._episodes[self._numbers[job]]
        steps = self._open[job].steps
        if ask.step == len(steps):
            return _StoppedError("the episode is not complete")
        if ask.step == 0 and not self._bounded and self._items(steps) > MAX_ITEMS:
            return _StoppedError(f"its actions have more than {MAX_ITEMS:,} items: it is not replayed")
        return Move(steps[ask.step].action)

    @staticmethod
    def _items(steps: Sequence[StepRecord]) -> int:
        return sum((step.action or "").count("{") for step in steps)


class _StoppedError(Exception):
    """A recording that ends before its episode, or is not played."""


class _Names:
    """The rewards and scores that an entry's episodes have recorded, somewhere: they are compared everywhere.

    A later version may know more. A name that was recorded in some places cannot be left out in others: a mean would
    be over a choice of them.
    """

    def __init__(self, episodes: Iterable[EpisodeRecord]):
        self.rewards: set[str] = set()
        self.scores: set[str] = set()
        for episode in episodes:
            for step in episode.steps:
                self.rewards.update(step.rewards)
                for answer in step.answers:
                    self.scores.update(answer.scores)

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
    if isinstance(played.error, _StoppedError):
        return str(played.error)
    if isinstance(played.error, MemgymError | OSError):
        raise played.error
    if played.error is not None:
        return f"it cannot be replayed: {type(played.error).__name__}: {played.error}"
    return ""


def _shown(value: object) -> str:
    written = repr(msgspec.to_builtins(value))
    return written if len(written) <= LONGEST_SHOWN else f"{written[:LONGEST_SHOWN]}…"
