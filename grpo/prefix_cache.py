"""Key-value caches through which a shared prompt's gradient flows, safe to be read and written twice.

Transformers' own cache grows at every update, so a layer that is recomputed in the backward pass would see it doubled.
These two never grow: one records what a prompt's pass computes, one prepends it to what a response's pass computes.
"""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicLayer


def cache_name(model: nn.Module) -> str:
    """Return the argument by which a Transformers model takes a cache (renamed in Transformers 5.24)."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


class RecordingLayer(DynamicLayer):
    """Keeps the keys and values ``[U, heads, P, d]`` of the last pass."""

    def update(self, key_states: Tensor, value_states: Tensor, *args, **kwargs) -> tuple[Tensor, Tensor]:
        """Record and return the new states."""
        self.keys, self.values, self.is_initialized = key_states, value_states, True
        return key_states, value_states


class PrefixLayer(DynamicLayer):
    """Holds fixed keys and values ``[N, heads, P, d]`` that come before those of every pass."""

    def __init__(self, keys: Tensor, values: Tensor):
        super().__init__()
        self.keys, self.values, self.is_initialized = keys, values, True

    def update(self, key_states: Tensor, value_states: Tensor, *args, **kwargs) -> tuple[Tensor, Tensor]:
        """Return prefix and new states together; keep the prefix only."""
        return torch.cat([self.keys, key_states], -2), torch.cat([self.values, value_states], -2)


def repeat(recorded: Cache, owner: Tensor) -> Cache:
    """Return a cache whose row n is the recorded prompt ``owner[n]`` (``[N]`` indices)."""
    return Cache(
        layers=[
            PrefixLayer(layer.keys.index_select(0, owner), layer.values.index_select(0, owner))
            for layer in recorded.layers
        ]
    )
