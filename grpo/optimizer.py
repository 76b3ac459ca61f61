"""AdamW, and its learning rate over a run."""

from __future__ import annotations

import math

import torch

from grpo.config import TrainerConfig
from grpo.policies import TrainablePolicy


def make_optimizer(policy: TrainablePolicy, config: TrainerConfig) -> torch.optim.AdamW:
    """Return AdamW over what is trained, fused: PyTorch's usual one copies all of it at every step."""
    return torch.optim.AdamW(
        [parameter for parameter in policy.parameters() if parameter.requires_grad],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )


def learning_rate(update: int, config: TrainerConfig) -> float:
    """Return the learning rate of an update (from 0): linear warm-up, then the schedule over the planned updates."""
    if update < config.warmup_updates:
        return config.lr * (update + 1) / config.warmup_updates
    planned = config.iterations * config.epochs * config.mini_batches
    done = min(1.0, (update - config.warmup_updates) / max(1, planned - config.warmup_updates))
    fall = {"constant": 0.0, "linear": done, "cosine": (1 - math.cos(math.pi * done)) / 2}[config.schedule]
    return config.lr * (1 - fall * (1 - config.final_lr))
