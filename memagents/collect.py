"""Collection: an agent plays episodes, and what its trained modules sampled becomes a rollout buffer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from memagents.agents.base import Agent
from memagents.modules import Call
from memgym.checks import check_int
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError, MemgymError
from memgym.protocol.observation import PHASES

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

    In each round every episode that still runs takes one step, and each backend is asked once. Only trained modules
    leave rows. A reward belongs to the last trained call before it: what a frozen answerer earns reaches the memory
    manager; what is paid before the first trained call is nobody's.

    Beyond the keys of :mod:`grpo.buffer`, rows have ``anchor`` (equal for equal observations in a group, for step
    credit), ``truncated`` (the prompt was cut to fit the model) and ``final`` (the call is in the phase that gets the
    final reward). ``phase_id`` counts in :data:`memgym.PHASES`, ``turn_id`` steps of the environment; groups are
    numbered as in ``indices``. Rows of one episode follow each other.

    Args:
        agent: plays; at least one of its modules is trained.
        env: one environment of memgym, wrapped or not; more are spawned from it, wrappers included.
        indices: of the episodes, in the environment's split.
        group_size: how often each is played.
        seed: of all sampling.
        policy_version: how many updates the sampling weights have seen.

    Raises:
        ConfigError: nothing would be learned, or an argument does not fit.
        CollectionError: episodes failed; it holds everything else that was collected.
    """
    check_int("group_size", group_size, 1)
    if not isinstance(env.unwrapped, MemoryEnv):
        raise ConfigError(f"{env} is no memgym environment")
    if not len(indices):
        raise ConfigError("'indices' is empty: name at least one episode")
    phases = env.unwrapped.phases
    _check_training(agent, phases)
    agent.reset(seed)
    trajectories = [
        _Trajectory(_twin(env), int(index), group, group * group_size + member, policy_version)
        for group, index in enumerate(indices)
        for member in range(group_size)
    ]
    for trajectory in trajectories:
        trajectory.start()
    anchors: dict[tuple[int, str], int] = {}
    while running := [trajectory for trajectory in trajectories if trajectory.running]:
        calls = agent.play([trajectory.observation for trajectory in running], final_phase=phases[-1])
        for trajectory, call in zip(running, calls, strict=True):
            anchor = anchors.setdefault((trajectory.group, trajectory.observation), len(anchors))
            trajectory.step(call, anchor)
    return _result(trajectories)


class _Trajectory:
    """One episode being played."""

    def __init__(self, env: gym.Env, index: int, group: int, number: int, policy_version: int):
        self.env, self.index, self.group = env, index, group
        self.same = {"group_id": group, "episode_id": number, "policy_version": policy_version}
        self.turn = 0
        self.rows: list[dict[str, Any]] = []
        self.observation = self.phase = ""
        self.name = f"index {index}, rollout {number}"
        self.error: Exception | None = None

    @property
    def running(self) -> bool:
        return self.observation != "" and self.error is None

    def start(self) -> None:
        try:
            self.observation, info = self.env.reset(options={"index": self.index})
        except ConfigError:  # the caller's mistake, and nothing is collected yet
            raise
        except Exception as error:
            self.error = error
        else:
            self.phase = info["phase"]
            self.name = f"episode {info['episode_id']!r} ({self.name})"

    def step(self, call: Call | Exception, anchor: int) -> None:
        try:
            if isinstance(call, Exception):
                raise call
            self._step(call, anchor)
        except Exception as error:
            self.error = error
            self.name += f", step {self.turn}, phase {self.phase}"

    def _step(self, call: Call, anchor: int) -> None:
        observation, reward, terminated, truncated, info = self.env.step(call.action)
        paid = [float(value) for value in info["rewards"].values()]
        if call.row is not None:
            place = {"turn_id": self.turn, "phase_id": PHASES.index(info["played"]), "anchor": anchor}
            self.rows.append({**call.row, **self.same, **place, "rewards": paid, "reward": float(reward)})
        elif self.rows:
            last = self.rows[-1]
            last["rewards"] = [old + new for old, new in zip(last["rewards"], paid, strict=True)]
            last["reward"] += float(reward)
        self.turn += 1
        self.phase = info["phase"]
        self.observation = "" if terminated or truncated else observation


def _check_training(agent: Agent, phases: Sequence[str]) -> None:
    trained = [phase for phase, part in agent.parts.items() if part.status == "trained"]
    if not trained:
        raise ConfigError(f"{agent.recipe.name} trains nothing: set status = 'trained' for a module")
    if not set(trained) & set(phases):
        raise ConfigError(
            f"the environment lets the agent play {', '.join(phases)}, but the trained modules of {agent.recipe.name} "
            f"play {', '.join(trained)}"
        )


def _twin(env: gym.Env) -> gym.Env:
    """Return another environment on the same loaded task, in the same wrappers."""
    if not isinstance(env, gym.Wrapper):
        return env.spawn()
    twin = copy.copy(env)
    twin.env = _twin(env.env)
    return twin


def _result(trajectories: Sequence[_Trajectory]) -> TensorDict:
    from grpo.buffer import from_rows

    ended = [row for trajectory in trajectories if trajectory.error is None for row in trajectory.rows]
    cut = [row for trajectory in trajectories if trajectory.error is not None for row in trajectory.rows]
    rollout, unfinished = (from_rows(rows) if rows else None for rows in (ended, cut))
    failures = {trajectory.name: trajectory.error for trajectory in trajectories if trajectory.error is not None}
    if failures:
        raise CollectionError(failures, rollout, unfinished) from next(iter(failures.values()))
    if rollout is None:
        raise ConfigError("no trained module was ever asked: the episodes gave it nothing to do")
    return rollout
