"""From the rewards of a rollout buffer to one advantage per row, with orthogonal switches.

A *trajectory* is all rows of one ``episode_id``, a *group* all trajectories of one ``group_id``. Group statistics are
taken over trajectories, so a trajectory counts once however many calls it made (MemAgent, arXiv 2507.02259, §3).
"""

from __future__ import annotations

from tensordict import TensorDict
from torch import Tensor

from grpo.errors import ConfigError
from grpo.objective import ESTIMATORS, AdvantageConfig
from grpo.resolve import resolve


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
