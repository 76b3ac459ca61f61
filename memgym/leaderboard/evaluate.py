"""Plays a policy through a suite and records everything needed to verify the score."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.envs.rewards import final_names
from memgym.errors import ConfigError, DataError, MemgymError
from memgym.leaderboard.contexts import Context, context_kwargs
from memgym.leaderboard.files import Key, Result, make_result
from memgym.leaderboard.records import (
    FORMAT_VERSION,
    MAX_COUNT,
    AnswerRecord,
    EntryRecord,
    EpisodeRecord,
    ErrataRecord,
    Header,
    JudgeRecord,
    PolicyRecord,
    RoundRecord,
    StepRecord,
)
from memgym.leaderboard.rounds import Round, entry_seed
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.playing import CONCURRENCY, Job, Played, PlayedStep, play
from memgym.policy import CALLS, EMPTY_REPLIES, Policy, load_policy, policy_class
from memgym.registration import make
from memgym.tasks.base import Task


class SilentModelError(MemgymError, RuntimeError):
    """A served model said nothing in a whole evaluation."""


Stepped = Callable[[], None]
"""Called after each step of any episode."""


@dataclass(frozen=True)
class EvaluationPlan:
    """What is to be played, by whom; it can be sent to other processes.

    Args:
        entry_point: the policy as ``module:Class``.
        suite: what to play.
        options: arguments of the policy's class.
        seed: of everything random in the policy.
        round: whose seed makes the episodes, if any; the suite is that of the round.
        context: what stands before the policy in place of a memory; None: it remembers.
    """

    entry_point: str
    suite: Suite
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    round: Round | None = None
    context: Context | None = None


class Evaluation:
    """A plan whose environments are made; the policy is made when it is first asked, as a model takes its time.

    Args:
        plan: what is to be played.
        envs: the environments by entry, where they are made already; see :func:`plan_envs`.

    Attributes:
        header: what a result file begins with.

    Raises:
        ConfigError: the policy does not exist or does not take the options, or an environment cannot be made.
        DataError: a data file is missing or damaged.
    """

    def __init__(self, plan: EvaluationPlan, envs: Mapping[str, MemoryEnv] | None = None):
        cls = policy_class(plan.entry_point, **plan.options)
        privileged = cls.privileged
        self.plan = plan
        self.envs = plan_envs(plan, privileged) if envs is None else envs
        self.header = Header(
            format="memgym-result",
            format_version=FORMAT_VERSION,
            suite=plan.suite.name,
            left_out=left_out(plan.suite),
            policy=PolicyRecord(
                entry_point=plan.entry_point,
                options=cls.claims(**plan.options),
                privileged=privileged,
                fingerprint=cls.fingerprint(**plan.options),
            ),
            seed=check_int("seed", plan.seed, 0, MAX_COUNT),
            packages=package_versions(),
            entries=[entry_record(entry, self.envs[entry.name]) for entry in plan.suite.entries],
            round=None if plan.round is None else round_record(plan.round),
            context=plan.context,
        )

    @cached_property
    def policy(self) -> Policy:
        """Who plays."""
        return load_policy(self.plan.entry_point, **self.plan.options)

    def keys(self) -> list[Key]:
        """Return entry, trial and index of every episode."""
        return [key for entry in self.header.entries for key in entry_keys(entry, self.envs[entry.name])]

    def play(
        self, keys: Iterable[Key], concurrency: int = CONCURRENCY, stepped: Stepped = lambda: None
    ) -> Iterator[EpisodeRecord]:
        """Play episodes and yield their records as they end; one that failed has its error.

        Args:
            keys: which.
            concurrency: how many are played side by side.
            stepped: called after each step.
        """
        by_entry: dict[str, list[Job]] = {}
        for entry, trial, index in keys:
            by_entry.setdefault(entry, []).append(Job(trial, index))
        for entry, jobs in by_entry.items():
            env = self.envs[entry]
            keep, seed = partial(record_step, env), self.header.seed
            for played in play(self.policy, env, jobs, seed=seed, concurrency=concurrency, stepped=stepped, keep=keep):
                yield record_episode(entry, played)


def evaluate(
    entry_point: str,
    suite: Suite,
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    context: Context | None = None,
    concurrency: int = CONCURRENCY,
) -> Result:
    """Play every episode of a suite and return the content of a result file.

    Raises:
        ConfigError, DataError: as for :class:`Evaluation`.
        SilentModelError: as for :func:`check_said`.
    """
    evaluation = Evaluation(EvaluationPlan(entry_point, suite, options or {}, seed, context=context))
    episodes = list(evaluation.play(evaluation.keys(), concurrency))
    return check_said(make_result(evaluation.header, episodes, entry_point))


def check_said(result: Result) -> Result:
    """Return the result, unless a served model was asked for it and said nothing at all.

    Raises:
        SilentModelError: each of its completions is empty. Its scores would be those of silence, not of the model.
    """
    calls = 0
    for episode in result.episodes:
        for usage in (step.usage or {} for step in episode.steps):
            calls += usage.get(CALLS, 0)
            if usage.get(CALLS, 0) > usage.get(EMPTY_REPLIES, 0):
                return result
    if not calls:
        return result
    raise SilentModelError(
        f"{result.header.policy.entry_point}: all {calls} completions of the model are empty, so this is no result of "
        "it. Look at max_tokens first: a model that thinks before it speaks needs room for that, or must be told not "
        "to (template_options, request); then at what the server says of a single request"
    )


def left_out(suite: Suite) -> list[str]:
    """Return the names of the entries that the suite, as it was published or written, has beyond those played."""
    published = SUITES.get(suite.name, suite)
    beyond = [entry.name for entry in published.entries if entry not in suite.entries]
    return list(dict.fromkeys([*beyond, *suite.left_out]))


def make_envs(
    suite: Suite, *, reveal_gold: bool = False, round_: Round | None = None, context: Context | None = None
) -> dict[str, MemoryEnv]:
    """Make the environments of a suite, by the names of its entries; the arguments are those of :func:`make_env`.

    Raises:
        ConfigError, DataError: as for :func:`make_env`.
    """
    return {
        entry.name: make_env(entry, reveal_gold=reveal_gold, round_=round_, context=context) for entry in suite.entries
    }


def plan_envs(plan: EvaluationPlan, privileged: bool) -> dict[str, MemoryEnv]:
    """Make the environments of a plan, whose policy reads the gold answers or not.

    Raises:
        ConfigError, DataError: as for :func:`make_env`.
    """
    return make_envs(plan.suite, reveal_gold=privileged, round_=plan.round, context=plan.context)


def make_env(
    entry: SuiteEntry, *, reveal_gold: bool = False, round_: Round | None = None, context: Context | None = None
) -> MemoryEnv:
    """Make the environment of a suite entry.

    Args:
        entry: of the suite.
        reveal_gold: whether observations have the ``<gold>`` block.
        round_: on whose episodes, if any.
        context: what stands before the policy in place of a memory; None: it remembers.

    Raises:
        ConfigError: it cannot be made, or pays no scalar; the message names the entry.
        DataError: a data file is missing or damaged.
    """
    kwargs = {**entry.kwargs, "split": entry.split}
    if reveal_gold:
        kwargs["reveal_gold"] = True
    if round_ is not None:
        kwargs["seed"] = entry_seed(round_, entry.name)
    try:
        env = make(entry.env_id, **kwargs)
        if context is not None:
            env = make(entry.env_id, **{**kwargs, **context_kwargs(env, context)})
    except ConfigError as error:
        raise ConfigError(f"entry {entry.name!r}: {error}") from error
    if hasattr(env, "reward_space"):
        raise ConfigError(f"entry {entry.name!r}: an evaluation records the whole vector anyway; drop 'vector_reward'")
    return env


def entry_record(entry: SuiteEntry, env: MemoryEnv) -> EntryRecord:
    """Return what is recorded of an entry."""
    try:
        spec = spec_json(env, entry.kwargs)
    except ValueError as error:
        raise ConfigError(
            f"entry {entry.name!r}: {entry.env_id} cannot be written down: register it by 'module:Class' and "
            f"with JSON-able arguments ({error})"
        ) from None
    judge = None if env.judge is None else JudgeRecord(id=env.judge.id, prompt_hash=env.judge.prompt_hash)
    return EntryRecord(
        name=entry.name,
        env_id=entry.env_id,
        kwargs=dict(entry.kwargs),
        split=entry.split,
        episodes=entry.episodes,
        trials=entry.trials,
        env_spec=spec,
        task_fingerprint=env.task.fingerprint(),
        judge=judge,
        tokenizer=env.counter.digest or None,
        errata=errata_record(env.task),
        unusable=len(env.task.unusable),
        final_rewards=list(final_names(env.rewards)),
        size=env.task.size(entry.split),
    )


def errata_record(task: Task) -> ErrataRecord | None:
    """Return what is recorded of a task's errata, None if it has none."""
    if task.errata is None:
        return None
    dropped = sum(not answers for answers in task.errata.answers.values())
    return ErrataRecord(
        digest=task.errata.digest,
        mended=len(task.errata.answers) - dropped,
        dropped=dropped,
        elsewhere=task.errata.elsewhere,
    )


def spec_json(env: MemoryEnv, kwargs: Mapping[str, Any]) -> str:
    """Return an environment's spec as JSON, with an entry's arguments; the seed of a round is kept out of it."""
    if env.spec is None:
        return ""
    known = {name: value for name, value in env.spec.kwargs.items() if name != "seed"}
    return replace(env.spec, kwargs={**known, **kwargs}).to_json()


def round_record(round_: Round) -> RoundRecord:
    """Return what is recorded of a round."""
    return RoundRecord(name=round_.name, made=round_.made, opens=round_.opens, commitment=round_.commitment)


def check_played_on(header: Header, round_: Round | None) -> None:
    """Check that a result was played on a round, or on none.

    Raises:
        DataError: it was played on another.
    """
    if header.round != (None if round_ is None else round_record(round_)):
        played = f"round {header.round.name!r}" if header.round else "no round"
        raise DataError(f"it was played on {played}: --round names the round's file, once it is open")


def entry_keys(entry: EntryRecord, env: MemoryEnv) -> list[Key]:
    """Return the keys of an entry's episodes: its first indices, as far as the split has them, in every trial."""
    size = env.task.size(entry.split)
    count = entry.episodes if size is None else min(entry.episodes, size)
    return [(entry.name, trial, index) for trial in range(entry.trials) for index in range(count)]


def record_episode(entry: str, played: Played) -> EpisodeRecord:
    """Return the record of an episode, of whose steps the records were kept: all that a replay must bring out again."""
    error = None if played.error is None else f"{type(played.error).__name__}: {played.error}"
    return EpisodeRecord(
        entry=entry,
        trial=played.job.trial,
        index=played.job.index,
        episode_id=played.episode_id,
        steps=played.steps,
        seconds=played.seconds,
        error=error and error.encode(errors="replace").decode(),
    )


def record_step(env: MemoryEnv, step: PlayedStep) -> StepRecord:
    """Return the record of a step."""
    action, info = step.move.action, step.info
    return StepRecord(
        phase=info["played"],
        action=action,
        action_error=info["action_error"],
        overflow=info["overflow"],
        reward=float(step.reward),
        rewards=info["rewards"],
        answers=[AnswerRecord(**answer) for answer in info["answers"]],
        observation_tokens=env.counter.count(step.ask.observation),
        action_tokens=0 if action is None else env.counter.count(action),
        seconds=step.seconds,
        usage=None if step.move.usage is None else dict(step.move.usage),
    )


def package_versions() -> dict[str, str]:
    """Return the versions that a score may depend on, of what is installed."""
    versions = {"python": platform.python_version()}
    for name in ("memgym", "gymnasium", "numpy", "hnswlib", "bm25s"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # an extra
            continue
    return versions


def remaining(keys: Iterable[Key], done: Iterable[EpisodeRecord], *, retry_failed: bool = False) -> list[Key]:
    """Return the keys that have no record yet; with ``retry_failed``, also those whose episode failed."""
    known = {episode.key for episode in done if not (retry_failed and episode.error is not None)}
    return [key for key in keys if key not in known]
