"""Plays a result's policy again on a random part: does it do what the file says that it did?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from memgym.errors import ConfigError, MemgymError
from memgym.folders import is_path
from memgym.leaderboard.compare import compare
from memgym.leaderboard.evaluate import record_episode, record_step
from memgym.leaderboard.files import Result, make_result
from memgym.leaderboard.records import EpisodeRecord, Key, PolicyRecord
from memgym.leaderboard.rounds import Round
from memgym.leaderboard.trust import STRICT, Trust, check_embedder_name, replay_env
from memgym.playing import CONCURRENCY, Job, play
from memgym.policy import Policy, StochasticPolicy, policy_class, taken_options
from memgym.resolve import resolve_class

OURS = "baselines"
"""The package whose policies are played without further ado: they read no file and ask no host."""
SERVED = "memgym.serving:HttpPolicy"
"""A policy behind an address, which is the reader's."""


@dataclass(frozen=True)
class Reproduction:
    """What came of playing a policy again.

    Args:
        episodes: how many were played.
        equal: of how many of them every action was the same.
        problems: what does not agree; empty if the result is reproduced.
    """

    episodes: int
    equal: int
    problems: tuple[str, ...]


def reproduce(
    result: Result,
    *,
    share: float = 0.1,
    draw: int = 0,
    options: Mapping[str, Any] | None = None,
    trust: Trust = STRICT,
    overrides: Mapping[str, Any] | None = None,
    round_: Round | None = None,
    concurrency: int = CONCURRENCY,
    played: Callable[[], None] = lambda: None,
) -> Reproduction:
    """Play the policy that a result names on a random part of its episodes, by the seed that it names.

    A policy that draws nothing must do the same, action by action. One that samples may do otherwise, as a model's
    rounding differs between machines; then the difference of the scores must not be distinguishable from zero.

    Args:
        result: content of a result file, which :func:`~memgym.leaderboard.verify.verify` has verified.
        share: of each entry's episodes, in (0, 1]; at least one is played.
        draw: seed of the choice; whoever made the file must not know it.
        options: the reader's arguments of the policy in place of the file's, such as a recipe or a folder.
        trust: what the file may name beside what is memgym's own; policies of other packages than ``baselines`` are
            code.
        overrides: make-arguments of this machine in place of the file's.
        round_: the round on which it was played, with its seed.
        concurrency: how many episodes are played side by side.
        played: called whenever an episode has been played.

    Raises:
        UntrustedError: the file names what is not admitted.
        ConfigError, DataError: the policy or an environment cannot be made.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"argument 'share' must be above 0 and at most 1, not {share!r}")
    header = result.header
    policy = _policy(header.policy, options or {}, trust)
    chosen = drawn(result, share, draw)
    again: list[EpisodeRecord] = []
    for entry in header.entries:
        env = replay_env(entry, trust, overrides, reveal_gold=policy.privileged, round_=round_, context=header.context)
        jobs = [Job(trial, index) for name, trial, index in chosen if name == entry.name]
        keep = partial(record_step, env)
        for one in play(policy, env, jobs, seed=header.seed, concurrency=concurrency, keep=keep):
            again.append(record_episode(entry.name, one))
            played()
    before = replace(result, episodes=result.select(lambda key, failed: key in chosen))
    return _judged(before, make_result(header, again, "what was played again"), isinstance(policy, StochasticPolicy))


def drawn(result: Result, share: float, draw: int) -> set[Key]:
    """Return the keys of a random part of each entry's episodes that were played to the end."""
    random, chosen = Random(draw), set()
    for entry in result.header.entries:
        keys = [key for key, failed in result.keys() if key[0] == entry.name and not failed]  # noqa: SIM118 - no dict
        chosen.update(random.sample(keys, math.ceil(share * len(keys))))
    return chosen


def _policy(recorded: PolicyRecord, given: Mapping[str, Any], trust: Trust) -> Policy:
    """Make the policy that a file names, of the file's options those that are plain settings."""
    module, _, name = recorded.entry_point.partition(":")
    if recorded.entry_point != SERVED and not (module == OURS and name.isidentifier()):
        trust.need_code("policy", recorded.entry_point)
    cls: type[Policy] = resolve_class("policy", recorded.entry_point, Policy)
    theirs = {option: value for option, value in recorded.options.items() if option not in given}
    options = {**_settings(cls, theirs, trust), **given}
    try:
        policy_class(recorded.entry_point, **options)
    except ConfigError as error:
        raise ConfigError(f"{error} (--policy-set KEY=VALUE gives one)") from None
    if cls.privileged != recorded.privileged:
        raise ConfigError(f"policy {recorded.entry_point!r} does not read the gold as the file says (privileged)")
    if cls.fingerprint(**options) != recorded.fingerprint:
        raise ConfigError(f"policy {recorded.entry_point!r}: the files that its options name are others here")
    claimed = cls.claims(**options)
    for option in {**theirs, **claimed}:
        if option not in given and claimed.get(option) != theirs.get(option):
            here, there = (repr(claims.get(option))[:100] for claims in (claimed, theirs))
            raise ConfigError(f"policy {recorded.entry_point!r}: {option!r} is {here} here, not {there}")
    try:
        return cls(**options)
    except (MemgymError, OSError):
        raise
    except Exception as error:  # whatever options that nobody foresaw bring about
        told = f"{type(error).__name__}: {error}"
        raise ConfigError(f"policy {recorded.entry_point!r} cannot be made: {told:.200}") from error


def _settings(cls: type[Policy], theirs: Mapping[str, Any], trust: Trust) -> dict[str, Any]:
    """Return a file's options that the class takes, if they are admitted; the others are what a policy said of itself.

    Raises:
        UntrustedError, DataError: an embedder is not admitted.
        ConfigError: an option names a file or a host.
    """
    taken = taken_options(cls, theirs)
    for option, value in taken.items():
        if (option in cls.path_options and value is not None) or (isinstance(value, str) and is_path(value)):
            raise ConfigError(f"policy option {option!r} names a file or a host: give yours by --policy-set {option}=…")
        if option == "embedder" and value is not None:
            check_embedder_name(value, trust)
    return taken


def _judged(before: Result, after: Result, samples: bool) -> Reproduction:
    differences = [_difference(was, now) for was, now in zip(before.episodes, after.episodes, strict=True)]
    problems = [difference for difference in differences if difference]
    equal = len(differences) - len(problems)
    if problems and samples and not any(episode.error for episode in after.episodes):
        problems = _score_differences(before, after)
    return Reproduction(len(differences), equal, tuple(problems))


def _difference(was: EpisodeRecord, now: EpisodeRecord) -> str:
    where = f"{was.entry}, episode {was.index}, trial {was.trial}"
    if now.error is not None:
        return f"{where}: failed after {len(now.steps)} steps: {now.error}"
    for number, (step, again) in enumerate(zip(was.steps, now.steps, strict=False), 1):
        if step.action != again.action:
            return f"{where}: step {number}: the action is {again.action!r:.200}, not {step.action!r:.200}"
    return "" if len(was.steps) == len(now.steps) else f"{where}: {len(now.steps)} steps, not {len(was.steps)}"


def _score_differences(before: Result, after: Result) -> list[str]:
    """Return by how much scores differ, where zero is not within the interval or too few were played for one."""
    problems = []
    for change in compare(before, after):
        mean, low, high = change.difference
        if change.few and mean:
            problems.append(f"{change.name}: {mean:+.3f} on {change.drawn}: too few to tell, so play a larger --share")
        elif not low <= 0 <= high:
            problems.append(f"{change.name}: the score differs by {mean:+.3f} (95 %: {low:+.3f} to {high:+.3f})")
    return problems
