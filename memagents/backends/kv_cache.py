"""A key-value cache that does not copy itself at every token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import DynamicLayer

SPARE = 128
"""Slots that are set aside at a time."""


class BufferedLayer(DynamicLayer):
    """Full attention's keys and values ``[N, heads, L, d]`` as views of buffers with room to grow.

    Transformers' own layer concatenates: a third of the decoding time of a small model on a CPU.
    """

    keys: Tensor
    values: Tensor
    is_initialized: bool
    _buffers: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append new states and return all."""
        shown = self.write(key_states, value_states, slice(None), len(key_states))
        self.grow(key_states.shape[-2])
        return shown

    def write(self, key_states: Tensor, value_states: Tensor, rows: slice, count: int) -> tuple[Tensor, Tensor]:
        """Append new states to some of ``count`` rows, and return all of those rows; :meth:`grow` when all rows have.

        Before the first states come, there are no rows yet.
        """
        if not self.is_initialized:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            heads, width, wide = key_states.shape[1], key_states.shape[3], value_states.shape[3]
            self._buffers = key_states.new_empty(count, heads, 0, width), value_states.new_empty(count, heads, 0, wide)
            self.keys, self.values = self._buffers
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._buffers[0].shape[-2]:
            self._buffers = _grown(self.keys, end + SPARE), _grown(self.values, end + SPARE)
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[rows, :, start:end] = states
        keys, values = (buffer[rows, :, :end] for buffer in self._buffers)
        return keys, values

    def grow(self, tokens: int) -> None:
        """Count so many more tokens of each row, which were written."""
        self._show(self.keys.shape[-2] + tokens)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Keep the rows ``beam_idx``, in that order, each as often as it occurs."""
        length = self.get_seq_length()
        if length:
            keys, values = self._buffers
            self._buffers = _select(keys, beam_idx), _select(values, beam_idx)
            self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


class PartLayer(DynamicLayer):
    """Some rows of a layer, for a pass that is too large to be made for all of them at once.

    Args:
        whole: the layer; it has ``count`` rows, or nothing yet.
        rows: which of them.
        count: how many there are.
    """

    def __init__(self, whole: BufferedLayer, rows: slice, count: int):
        super().__init__()
        self._whole, self._rows, self._count = whole, rows, count
        self._length = whole.get_seq_length()

    def get_seq_length(self) -> int:
        """Return how many tokens the rows have had before this pass."""
        return self._length

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append new states and return all of these rows."""
        return self._whole.write(key_states, value_states, self._rows, self._count)


def make_cache(config: PretrainedConfig) -> DynamicCache:
    """Return an empty cache for a model's config; other than full attention layers are Transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [BufferedLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def _select(buffer: Tensor, rows: Tensor) -> Tensor:
    """Return ``buffer[rows]``; if there are no more rows than before, in place, moving only what changes its place."""
    if len(rows) > len(buffer):
        return buffer.index_select(0, rows)
    moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero().squeeze(-1)
    buffer[moved] = buffer[rows[moved]]
    return buffer[: len(rows)]


def _grown(states: Tensor, slots: int) -> Tensor:
    buffer = states.new_empty(*states.shape[:2], slots, states.shape[3])
    buffer[:, :, : states.shape[2]] = states
    return buffer
