"""Advantage estimators: from the rewards of a rollout buffer to one advantage per row.

An estimator is a pure tensor function ``(buffer, config, penalty) -> [N]``. The setting ``advantage_estimator`` names
ours, or one from outside as ``module:function``.

===========  ========================================================================================================
``buffer``   a rollout buffer of N rows (:mod:`grpo.buffer`); an estimator leaves it as it is
``config``   the :class:`grpo.advantages.AdvantageConfig`, for the settings that it has
``penalty``  ``[N]`` amount added to each row's reward (KL or over-long), or None
result       ``[N]`` finite advantages; a group of which all are exactly 0 teaches nothing
===========  ========================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from tensordict import TensorDict
from torch import Tensor

from grpo.buffer import needed
from grpo.errors import RolloutError

if TYPE_CHECKING:
    from grpo.objective import AdvantageConfig

AdvantageEstimator = Callable[[TensorDict, "AdvantageConfig", Tensor | None], Tensor]

FLOOR = 1e-6
"""Returns that differ by less than this fraction of the rewards in them are equal: float32 cannot tell them apart."""


def relative(buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None) -> Tensor:
    """Returns against those of a group, with the switches of the config.

    Where components are normalised one by one, the penalty is compared on its own, and not scaled: divided by its own
    standard deviation it would count the same whatever its coefficient.

    Raises:
        RolloutError: ``reward_weights`` does not fit the buffer, or ``anchor`` or ``weight`` is needed and missing.
    """
    if config.credit == "weight":
        return needed(buffer, "weight", "credit = 'weight'").float()
    episode, group = buffer["episode_id"], buffer["group_id"]
    phase = buffer["phase_id"] if config.credit == "phase" else torch.zeros_like(episode)
    total = torch.zeros(len(buffer), dtype=torch.float64)
    for weight, rewards, how in _components(buffer, config, penalty):
        outcome = _compare(buffer, rewards, 1.0, units=(episode, phase), peers=(group, phase), config=how)
        total += weight * outcome
        if config.credit == "step":  # GiGPO, arXiv 2505.10978, §4
            row, anchor = torch.arange(len(buffer)), needed(buffer, "anchor", "credit = 'step'")
            step = _compare(buffer, rewards, config.discount, units=(row,), peers=(group, anchor), config=how)
            total += weight * config.step_weight * step
    return total.float()


def _components(
    buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None
) -> list[tuple[float, Tensor, AdvantageConfig]]:
    """Return ``(weight, [N] float64, how)`` of everything that is compared on its own."""
    weights, rewards = config.reward_weights, buffer["rewards"].double()
    if weights is not None and len(weights) != rewards.shape[1]:
        raise RolloutError(f"rewards has {rewards.shape[1]} components, reward_weights has {len(weights)}")
    if config.combine == "normalise_each" and weights is not None:
        parts = [(weight, each, config) for weight, each in zip(weights, rewards.T, strict=True)]
        return parts if penalty is None else [*parts, (1.0, penalty.double(), replace(config, scale="none"))]
    summed = buffer["reward"].double() if weights is None else rewards @ torch.tensor(weights, dtype=torch.float64)
    return [(1.0, summed if penalty is None else summed + penalty.double(), config)]


def _compare(
    buffer: TensorDict,
    rewards: Tensor,
    discount: float,
    units: tuple[Tensor, ...],
    peers: tuple[Tensor, ...],
    config: AdvantageConfig,
) -> Tensor:
    """Return ``[N]``: each unit's return relative to its peers', broadcast to the unit's rows.

    A unit is the rows with equal ``units`` keys; its return is the rewards from its first call to its episode's end.
    Its peers are the units with equal ``peers`` keys.
    """
    unit = _number(*units)
    first = _first_rows(buffer, unit)
    returns = _returns_to_go(buffer, rewards, discount)[first]
    sizes = _returns_to_go(buffer, rewards.abs(), discount)[first]
    return _relative(returns, sizes, _number(*peers)[first], config)[unit]


def _relative(returns: Tensor, sizes: Tensor, peers: Tensor, config: AdvantageConfig) -> Tensor:
    """Return ``returns`` (``[U]``) less the baseline of their peers and scaled, all in float64."""
    count = torch.bincount(peers).double()
    mean = torch.bincount(peers, returns) / count
    deviation = returns - mean[peers]
    floor = FLOOR * torch.zeros_like(mean).scatter_reduce(0, peers, sizes, "amax")
    spread = torch.zeros_like(mean).scatter_reduce(0, peers, deviation.abs(), "amax")
    distinct = (spread > floor)[peers]
    if config.baseline == "none":
        centred = returns
    else:
        centred = torch.where(distinct, deviation, 0.0)
        if config.baseline == "leave_one_out":  # r − mean of the others = (r − mean) · n / (n − 1)
            centred = centred * (count / (count - 1).clamp(min=1))[peers]
    if config.scale == "none":
        return centred
    if config.scale == "group_std":
        std = (torch.bincount(peers, deviation**2) / (count - 1).clamp(min=1)).sqrt()[peers]
        return torch.where(distinct, centred / std, 0.0)
    std = returns.std() if len(returns) > 1 else returns.new_zeros(())
    return centred / std if std > FLOOR * sizes.max() else torch.zeros_like(centred)


def _returns_to_go(buffer: TensorDict, rewards: Tensor, discount: float) -> Tensor:
    """Return ``[N]``: the discounted sum of ``rewards`` from each row to the end of its episode."""
    episode, turn, reward = buffer["episode_id"].tolist(), buffer["turn_id"].tolist(), rewards.tolist()
    later: dict[int, float] = {}
    out = [0.0] * len(reward)
    for row in sorted(range(len(reward)), key=lambda row: (turn[row], row), reverse=True):
        out[row] = later[episode[row]] = reward[row] + discount * later.get(episode[row], 0.0)
    return torch.tensor(out, dtype=torch.float64)


def _first_rows(buffer: TensorDict, unit: Tensor) -> Tensor:
    """Return ``[U]``: the row of each unit's earliest call."""
    turn = buffer["turn_id"].tolist()
    first: dict[int, int] = {}
    for row in sorted(range(len(turn)), key=lambda row: (turn[row], row)):
        first.setdefault(int(unit[row]), row)
    return torch.tensor([first[number] for number in range(len(first))])


def _number(*keys: Tensor) -> Tensor:
    """Return ``[N]``: the distinct combinations of ``keys`` (``[N]`` each), numbered from 0."""
    return torch.stack(keys, 1).unique(dim=0, return_inverse=True)[1]
