"""Key-value caches through which a shared prompt's gradient flows, safe to be read and written twice.

Transformers' own cache grows at every update, so a layer that is recomputed in the backward pass would see it doubled.
These two never grow: one records what a prompt's pass computes, one prepends it to what a response's pass computes.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicLayer


def cache_name(model: nn.Module) -> str:
    """Return the argument by which a Transformers model takes a cache (renamed in Transformers 5.24)."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


class RecordingLayer(DynamicLayer):
    """Keeps the keys and values ``[U, heads, P, d]`` of the last pass in ``states``."""

    states: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Record and return the new states."""
        self.keys, self.values, self.is_initialized = key_states, value_states, True
        self.states = key_states, value_states
        return self.states


class PrefixLayer(DynamicLayer):
    """Holds fixed keys and values ``[N, heads, P, d]`` that come before those of every pass."""

    def __init__(self, keys: Tensor, values: Tensor):
        super().__init__()
        self.keys, self.values, self.is_initialized = keys, values, True
        self.states = keys, values

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Return prefix and new states together; keep the prefix only."""
        keys, values = self.states
        return torch.cat([keys, key_states], -2), torch.cat([values, value_states], -2)


def repeat(recorded: Sequence[RecordingLayer], owner: Tensor) -> Cache:
    """Return a cache whose row n is the recorded prompt ``owner[n]`` (``[N]`` indices)."""
    rows = [[states.index_select(0, owner) for states in layer.states] for layer in recorded]
    return Cache(layers=[PrefixLayer(keys, values) for keys, values in rows])
