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
    """Keeps the keys and values ``[U, heads, P, d]`` of the last pass in ``states``, as attention reads them."""

    states: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Record and return the new states."""
        self.states = self.keys, self.values = _as_read(key_states), _as_read(value_states)
        self.is_initialized = True
        return self.states


class PrefixLayer(DynamicLayer):
    """Holds keys and values ``[U, heads, P, d]`` of prompts; row n of every pass continues the prompt ``owner[n]``.

    They are repeated for the rows within the pass of their layer, so that they are not held for all layers at once.
    """

    def __init__(self, states: tuple[Tensor, Tensor], owner: Tensor):
        super().__init__()
        self.keys, self.values = self.states = states
        self.owner, self.is_initialized = owner, True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Return prefix and new states together; keep the prefix only."""
        keys, values = (_Repeated.apply(states, self.owner) for states in self.states)
        return torch.cat([keys, _as_read(key_states)], -2), torch.cat([values, _as_read(value_states)], -2)


def repeat(recorded: Sequence[RecordingLayer], owner: Tensor) -> Cache:
    """Return a cache whose row n is the recorded prompt ``owner[n]`` (``[N]`` indices)."""
    return Cache(layers=[PrefixLayer(layer.states, owner) for layer in recorded])


def _as_read(states: Tensor) -> Tensor:
    """Return the states in the precision to which autocast rounds them in attention; rotations leave float32 keys.

    On a CPU attention does not round them, see :mod:`grpo.wide_attention`.
    """
    rounds = states.is_cuda and torch.is_autocast_enabled("cuda")
    return states.to(torch.get_autocast_dtype("cuda")) if rounds else states


class _Repeated(torch.autograd.Function):
    """Rows of a tensor, each as often as it is named; their gradients are added in float32."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.count = len(states)
        return states.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,), (rows,) = gradients, ctx.saved_tensors
        total = torch.zeros(ctx.count, *gradient.shape[1:], dtype=torch.float32, device=gradient.device)
        return total.index_add(0, rows, gradient.float()).to(gradient.dtype), None
