"""Weighted imitation: the cold start that any policy's episodes can teach.

Imitation is the preset ``"imitation"`` of the ordinary trainer: the loss is ``−weight · log π`` averaged over all
response tokens, with the buffer's ``weight [N]`` in the place of the advantage (1 for plain imitation; a return, or 0,
to filter). This module supplies the collector.
"""

from __future__ import annotations

import numpy as np
import torch
from tensordict import TensorDict

from grpo.buffer import validate
from grpo.collector import RolloutRequest
from grpo.errors import ConfigError


class Demonstrations:
    """A collector that draws rows from a fixed buffer, each pass over it in a new order.

    Args:
        buffer: Demonstrated calls; without ``weight`` every row weighs 1. ``sampler_log_prob`` is not needed.
        rows: Rows per iteration, over all ranks.
        seed: Seed of the orders.

    Raises:
        ConfigError: more rows asked for than there are.
    """

    def __init__(self, buffer: TensorDict, rows: int, seed: int = 0):
        self.buffer = validate(buffer).clone()
        if "weight" not in self.buffer:
            self.buffer["weight"] = torch.ones(len(buffer))
        if not 0 < rows <= len(buffer):
            raise ConfigError(f"rows = {rows} must be between 1 and the {len(buffer)} demonstrated rows")
        self.rows = rows
        self.seed = seed

    def __call__(self, request: RolloutRequest) -> TensorDict:
        """Return this rank's part of the iteration's rows; a pure function of the request's iteration."""
        size = len(self.buffer)
        places = range(request.iteration * self.rows, (request.iteration + 1) * self.rows)
        epochs = {place // size for place in places}
        orders = {epoch: np.random.default_rng([self.seed, epoch]).permutation(size) for epoch in epochs}
        chosen = torch.tensor([orders[place // size][place % size] for place in places])
        return self.buffer[chosen.tensor_split(request.world_size)[request.rank]]
