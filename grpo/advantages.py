"""From the rewards of a rollout buffer to one advantage per row, with orthogonal switches.

A *trajectory* is all rows of one ``episode_id``, a *group* all trajectories of one ``group_id``. Group statistics are
taken over trajectories, so a trajectory counts once however many calls it made (MemAgent, arXiv 2507.02259, §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from tensordict import TensorDict
from torch import Tensor

from grpo.errors import ConfigError, RolloutError
from grpo.options import check, option

FLOOR = 1e-6
"""Returns that differ by less than this fraction of the rewards in them are equal: float32 cannot tell them apart."""


@dataclass(frozen=True)
class AdvantageConfig:
    """How rewards become advantages."""

    baseline: Literal["mean", "leave_one_out", "none"] = option(
        "mean", "what is subtracted from a return: its group's mean, the mean of the group's others, nothing"
    )
    scale: Literal["group_std", "batch_std", "none"] = option(
        "group_std", "what it is divided by: the standard deviation of the group, of the whole rollout, nothing"
    )
    credit: Literal["episode", "phase", "step", "weight"] = option(
        "episode",
        "who shares a return: all calls of an episode; the calls of one phase (return from its first call on); step "
        "adds GiGPO's comparison of calls at equal anchors; weight takes the buffer's `weight` as it is (imitation)",
    )
    combine: Literal["sum", "normalise_each"] = option(
        "sum", "several rewards: summed and then normalised, or each normalised and then summed (GDPO)"
    )
    reward_weights: tuple[float, ...] | None = option(
        None, "weight of each reward component; without them the buffer's own `reward` is taken"
    )
    step_weight: float = option(1.0, "GiGPO's ω, the weight of the step advantage (credit = step)")
    discount: float = option(1.0, "discount per call in the return of a step (credit = step)")

    def __post_init__(self):
        check(self)
        if self.combine == "normalise_each" and self.reward_weights is None:
            raise ConfigError("combine = 'normalise_each' needs reward_weights, one per reward component")


def advantages(buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None = None) -> Tensor:
    """Return the advantage of every row.

    Args:
        buffer: A rollout buffer of N rows.
        config: The switches.
        penalty: Optional ``[N]`` amount added to each row's reward (KL or over-long); a component of its own, of weight
            1, where components are normalised one by one.

    Returns:
        ``[N]`` float32; with a baseline, exactly 0 where all compared returns are equal to float32 resolution.

    Raises:
        RolloutError: ``reward_weights`` does not fit the buffer, or ``anchor`` or ``weight`` is needed and missing.
    """
    if config.credit == "weight":
        return _needed(buffer, "weight").float()
    episode, group = buffer["episode_id"], buffer["group_id"]
    phase = buffer["phase_id"] if config.credit == "phase" else torch.zeros_like(episode)
    total = torch.zeros(len(buffer), dtype=torch.float64)
    for weight, rewards in _components(buffer, config, penalty):
        outcome = _compare(buffer, rewards, 1.0, units=(episode, phase), peers=(group, phase), config=config)
        total += weight * outcome
        if config.credit == "step":  # GiGPO, arXiv 2505.10978, §4
            row, anchor = torch.arange(len(buffer)), _needed(buffer, "anchor")
            step = _compare(buffer, rewards, config.discount, units=(row,), peers=(group, anchor), config=config)
            total += weight * config.step_weight * step
    return total.float()


def informative_groups(buffer: TensorDict, advantage: Tensor) -> list[int]:
    """Return, in order, the ids of the groups in which some row's advantage (``[N]``) is not zero.

    The others teach nothing; DAPO's dynamic sampling (arXiv 2503.14476, §3.2) drops and resamples them.
    """
    return buffer["group_id"][advantage != 0].unique().tolist()


def _needed(buffer: TensorDict, key: str) -> Tensor:
    if key not in buffer:
        raise RolloutError(f"key {key!r} is missing; this setting of `credit` needs it")
    return buffer[key]


def _components(buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None) -> list[tuple[float, Tensor]]:
    """Return ``(weight, [N] float64)`` of everything that is normalised on its own."""
    weights, rewards = config.reward_weights, buffer["rewards"].double()
    if weights is not None and len(weights) != rewards.shape[1]:
        raise RolloutError(f"rewards has {rewards.shape[1]} components, reward_weights has {len(weights)}")
    if config.combine == "normalise_each":
        parts = list(zip(weights, rewards.T, strict=True))
        return parts if penalty is None else [*parts, (1.0, penalty.double())]
    summed = buffer["reward"].double() if weights is None else rewards @ torch.tensor(weights, dtype=torch.float64)
    return [(1.0, summed if penalty is None else summed + penalty.double())]


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
