"""A variant of the loss, and one of the advantages: pure tensor functions that a recipe's [train] names."""

from __future__ import annotations

import torch
from tensordict import TensorDict
from torch import Tensor

from grpo.advantages import AdvantageConfig
from grpo.losses import LossConfig


def soft_gate(log_prob: Tensor, ratio: Tensor, advantage: Tensor, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Return a smooth gate in place of the clip, and which elements it holds back; both [N, R]."""
    gate = torch.sigmoid(4 * (ratio - 1))
    return -gate * advantage, (gate - 0.5).abs() > 0.4


def signs(buffer: TensorDict, config: AdvantageConfig, penalty: Tensor | None) -> Tensor:
    """Return the sign of each row's reward against the mean, [N]."""
    reward = buffer["reward"] if penalty is None else buffer["reward"] + penalty
    return (reward - reward.mean()).sign()
