"""Collection: an agent plays episodes, and what its trained modules sampled becomes a rollout buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from memagents.agents.base import Agent
from memagents.backends.base import FINISH_REASONS
from memagents.jobs import repeated
from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError, MemgymError
from memgym.playing import Played, play
from memgym.policy import Ask, Move, StochasticPolicy
from memgym.protocol.observation import PHASES
from memgym.steptrace import TraceStep, calls, trace_of
from memgym.steptrace.record import anchors

if TYPE_CHECKING:
    from tensordict import TensorDict


class CollectionError(MemgymError, RuntimeError):
    """Some episodes could not be played to the end; the others were.

    Args:
        failures: name of each failed episode to what went wrong.
        rollout: the rows of the episodes that ended; None if there are none.
        unfinished: the rows of the failed ones, with the rewards paid so far; None if there are none.
    """

    def __init__(self, failures: Mapping[str, Exception], rollout: TensorDict | None, unfinished: TensorDict | None):
        name, error = next(iter(failures.items()))
        others = f" (and {len(failures) - 1} more episodes)" if len(failures) > 1 else ""
        super().__init__(f"{name}: {type(error).__name__}: {error}{others}")
        self.failures, self.rollout, self.unfinished = dict(failures), rollout, unfinished


def collect(
    agent: Agent,
    env: gym.Env,
    indices: Sequence[int],
    group_size: int,
    seed: int,
    policy_version: int = 0,
) -> TensorDict:
    """Play every episode ``group_size`` times, all of them side by side, and return a rollout buffer.

    Whenever all episodes that run wait for the agent, each backend is asked once. Only trained modules leave rows. A
    reward belongs to the last trained call before it: what a frozen answerer earns reaches the memory manager; what is
    paid before the first trained call is nobody's.

    Beyond the keys of :mod:`grpo.buffer`, rows have ``anchor`` (equal for equal observations in a group, for step
    credit), ``truncated`` (the prompt was cut to fit the model) and ``final`` (the call is in the phase that gets the
    final reward). ``phase_id`` counts in :data:`memgym.PHASES`, ``turn_id`` steps of the environment; groups are
    numbered as in ``indices``. Rows of one episode follow each other.

    Args:
        agent: plays; at least one of its modules is trained.
        env: one environment of memgym, wrapped or not; more are spawned from it, wrappers included.
        indices: of the episodes, in the environment's split.
        group_size: how often each is played.
        seed: of all sampling. What a rollout draws follows from it, the index, and how often the index came before; so
            groups of different episodes are the same together and apart, up to a model's rounding.
        policy_version: how many updates the sampling weights have seen.

    Raises:
        ConfigError: nothing would be learned, or an argument does not fit.
        CollectionError: episodes failed; it holds everything else that was collected.
    """
    check_int("group_size", group_size, 1)
    if not len(indices):
        raise ConfigError("'indices' is empty: name at least one episode")
    if not isinstance(env.unwrapped, MemoryEnv):
        raise ConfigError(f"{env} is no memgym environment")
    phases = env.unwrapped.phases
    _check_training(agent, phases)
    jobs = repeated(indices, group_size)
    learning = _Learning(agent, phases[-1])
    played = {episode.job: episode for episode in play(learning, env, jobs, seed=seed, concurrency=len(jobs))}
    learned: list[TraceStep] = []
    for number, job in enumerate(jobs):
        episode = played[job]
        if isinstance(episode.error, ConfigError) and not episode.episode_id:
            raise episode.error  # the caller's mistake, and nothing is collected yet
        place = {"group": number // group_size, "episode": number, "policy_version": policy_version}
        learned += calls(trace_of(episode, final_phase=phases[-1], **place))
    return _result([played[job] for job in jobs], rows_of(learned))


class _Learning(StochasticPolicy):
    """An agent whose trained modules sample and leave rows."""

    def __init__(self, agent: Agent, final_phase: str):
        self._agent, self._final_phase = agent, final_phase
        self.waits = agent.waits

    def act(self, observation: str, seed: int = 0) -> str:
        raise TypeError("what a collector plays leaves rows: ask move_many")

    def move_many(self, asks: Sequence[Ask]) -> list[Move | Exception]:
        """Return what each module did, with its row; in place of a call that failed, the exception."""
        did = self._agent.play([ask.observation for ask in asks], [ask.seed for ask in asks], self._final_phase)
        return [call if isinstance(call, Exception) else call.move() for call in did]


def rows_of(learned: Sequence[TraceStep]) -> list[dict[str, Any]]:
    """Return the rows that :func:`grpo.buffer.from_rows` takes.

    Args:
        learned: steps that are learned from, as :func:`memgym.steptrace.calls` returns them, of whole groups.
    """
    return [_row(step, anchor) for step, anchor in zip(learned, anchors(learned), strict=True)]


def _row(step: TraceStep, anchor: int) -> dict[str, Any]:
    tokens = {
        "prompt_ids": step.prompt_ids,
        "response_ids": step.response_ids,
        "response_mask": step.response_mask,
        "sampler_log_prob": step.log_probs,
    }
    return {
        **step.inputs,
        **{key: value for key, value in tokens.items() if value is not None},
        "finish_reason": FINISH_REASONS.index(step.finish_reason),
        "truncated": step.truncated,
        "final": step.final,
        "group_id": step.group,
        "episode_id": step.episode,
        "policy_version": step.policy_version,
        "turn_id": step.turn,
        "phase_id": PHASES.index(step.phase),
        "anchor": anchor,
        "rewards": list(step.rewards.values()),
        "reward": step.reward,
    }


def _check_training(agent: Agent, phases: Sequence[str]) -> None:
    trained = [phase for phase, part in agent.parts.items() if part.status == "trained"]
    if not trained:
        raise ConfigError(f"{agent.recipe.name} trains nothing: set status = 'trained' for a module")
    if not set(trained) & set(phases):
        raise ConfigError(
            f"the environment lets the agent play {', '.join(phases)}, but the trained modules of {agent.recipe.name} "
            f"play {', '.join(trained)}"
        )


def _result(played: Sequence[Played], rows: Sequence[dict[str, Any]]) -> TensorDict:
    from grpo.buffer import from_rows

    failed = {number for number, episode in enumerate(played) if episode.error is not None}
    ended = [row for row in rows if row["episode_id"] not in failed]
    cut = [row for row in rows if row["episode_id"] in failed]
    rollout, unfinished = (from_rows(part) if part else None for part in (ended, cut))
    failures = {
        _name(number, episode): episode.error for number, episode in enumerate(played) if episode.error is not None
    }
    if failures:
        raise CollectionError(failures, rollout, unfinished) from next(iter(failures.values()))
    if rollout is None:
        raise ConfigError("no trained module was ever asked: the episodes gave it nothing to do")
    return rollout


def _name(number: int, played: Played) -> str:
    """Return what error messages call an episode."""
    name = f"index {played.job.index}, rollout {number}"
    if not played.episode_id:
        return name
    return f"episode {played.episode_id!r} ({name}), step {len(played.steps)}, phase {played.phase}"
