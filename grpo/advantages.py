"""From the rewards of a rollout buffer to one advantage per row, with orthogonal switches.

A *trajectory* is all rows of one ``episode_id``, a *group* all trajectories of one ``group_id``. Group statistics are
taken over trajectories, so a trajectory counts once however many calls it made (MemAgent, arXiv 2507.02259, §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tensordict import TensorDict
from torch import Tensor

from grpo.errors import ConfigError
from grpo.estimators import ESTIMATORS
from grpo.options import check, option
from grpo.resolve import resolve


@dataclass(frozen=True)
class AdvantageConfig:
    """How rewards become advantages."""

    advantage_estimator: str = option(
        "relative", "relative compares returns as the settings below say; see grpo.estimators", known=ESTIMATORS
    )
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

    def __post_init__(self) -> None:
        check(self)
        if self.combine == "normalise_each" and self.reward_weights is None:
            raise ConfigError("combine = 'normalise_each' needs reward_weights, one per reward component")


def advantages(buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None = None) -> Tensor:
    """Return the advantage of every row.

    Args:
        buffer: A rollout buffer of N rows.
        config: The switches.
        penalty: Optional ``[N]`` amount added to each row's reward (KL or over-long).

    Returns:
        ``[N]`` float32; with a baseline, exactly 0 where all compared returns are equal to float32 resolution.

    Raises:
        RolloutError: ``reward_weights`` does not fit the buffer, or a key that is needed is missing.
        ConfigError: an estimator from outside returned something else.
    """
    name = config.advantage_estimator
    found = resolve("advantage_estimator", name, ESTIMATORS)(buffer, config, penalty)
    if not isinstance(found, Tensor) or found.shape != buffer.shape or not found.isfinite().all():
        raise ConfigError(f"advantage_estimator = {name!r} must return {len(buffer)} finite numbers, one per row")
    return found.float()


def informative_groups(buffer: TensorDict, advantage: Tensor) -> list[int]:
    """Return, in order, the ids of the groups in which some row's advantage (``[N]``) is not zero.

    The others teach nothing; DAPO's dynamic sampling (arXiv 2503.14476, §3.2) drops and resamples them.
    """
    return buffer["group_id"][advantage != 0].unique().tolist()
