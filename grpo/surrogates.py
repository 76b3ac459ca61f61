"""Surrogate objectives: the loss of each action element, before it is weighted and summed.

A surrogate is a pure tensor function ``(log_prob, ratio, advantage, config) -> (loss, clipped)``. The setting
``surrogate`` names one of these, or one from outside as ``module:function``.

====================  ==========  ==================================================================================
``log_prob``          ``[N, R]``  log-probabilities under the policy, in nats, with gradient; 0 outside the mask
``ratio``             ``[N, R]``  importance ratios π/π_old, with gradient (see :func:`grpo.losses.importance_ratio`)
``advantage``         ``[N, R]``  each row's advantage, the same at all its elements
``config``                        the :class:`grpo.losses.LossConfig`, for the settings that it has
``loss``              ``[N, R]``  what is minimised; finite everywhere, also outside the mask, where it weighs nothing
``clipped``           ``[N, R]``  1 (or True) where the ratio was clipped, for the metric ``clip_fraction``
====================  ==========  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from grpo.objective import LossConfig

Surrogate = Callable[[Tensor, Tensor, Tensor, "LossConfig"], tuple[Tensor, Tensor]]


def clip(log_prob: Tensor, ratio: Tensor, advantage: Tensor, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Clipped ratio times advantage (PPO), with the dual clip if there is one."""
    plain = -ratio * advantage
    bounded = -ratio.clamp(1 - config.clip_low, 1 + config.clip_high) * advantage
    loss, clipped = torch.maximum(plain, bounded), bounded > plain
    if config.dual_clip is not None:  # arXiv 1912.09729, §3.2
        most = config.dual_clip * advantage.abs()
        cut = (advantage < 0) & (loss > most)
        loss, clipped = torch.where(cut, most, loss), clipped | cut
    return loss, clipped.float()


def cispo(log_prob: Tensor, ratio: Tensor, advantage: Tensor, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Capped, detached ratio times advantage times log π (MiniMax-M1, arXiv 2506.13585, §3.1)."""
    return -ratio.detach().clamp(max=config.ratio_cap) * advantage * log_prob, (ratio > config.ratio_cap).float()


def reinforce(log_prob: Tensor, ratio: Tensor, advantage: Tensor, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Advantage times log π (Williams 1992)."""
    return -advantage * log_prob, torch.zeros_like(log_prob)
