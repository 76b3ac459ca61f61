"""Decoding: one token per row at a time, for rows that end at different times.

On a GPU the step of a small model is spent in launching its kernels. There every tensor keeps its shape and place, and
the step is captured as a CUDA graph and replayed. All that happens with the model's device as the current one: a graph
captured on another one holds nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicLayer

from grpo.prefix_cache import cache_name
from grpo.projection import coarse_head
from memagents.backends.kv_cache import BufferedLayer
from memagents.backends.prefill import Reader, State, next_logits, takes_masks


def make_decoder(model: PreTrainedModel, reader: Reader, state: State, room: int) -> Growing | Fixed:
    """Return what decodes up to ``room`` tokens per row on from a state, which is then spent."""
    full = all(type(layer) is BufferedLayer for layer in state.cache.layers)
    if state.mask.is_cuda and takes_masks(model) and full:
        return Fixed(model, state, room, replay=True)
    return Growing(reader, state)


class Growing:
    """Steps as they come; rows that have ended are dropped at once."""

    def __init__(self, reader: Reader, state: State):
        self._reader, self._state = reader, state

    @property
    def logits(self) -> Tensor:
        """``[N, V]`` of the rows' next tokens."""
        return self._state.logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in that order."""
        self._state = self._state.select(rows)

    def step(self, tokens: Tensor) -> None:
        """Read one more token per row (``[N]``)."""
        self._state = self._reader.step(self._state, tokens)


class Fixed:
    """Steps of fixed shape; rows that have ended are dropped when half of them have.

    Args:
        model: a Transformers causal language model with full attention.
        state: what the rows have read; it is spent.
        room: the most steps.
        replay: capture the step as a CUDA graph; else it runs as it is, on any device.
    """

    def __init__(self, model: PreTrainedModel, state: State, room: int, replay: bool):
        self._model, self._name, self._head = model, cache_name(model), coarse_head(model)
        rows, used = state.mask.shape
        slots, device = used + room, state.mask.device
        self._lanes = torch.arange(rows, device=device)  # where the rows that still run stand in the tensors below
        self._slot = torch.tensor([used], device=device)
        self._tokens = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self._positions = state.mask.sum(1, keepdim=True)
        self._visible = torch.zeros(rows, 1, 1, slots, dtype=torch.bool, device=device)
        self._visible[:, 0, 0, :used] = state.mask.bool()
        self._logits = state.logits
        layers: list[Any] = state.cache.layers
        for number, layer in enumerate(layers):  # one by one, so that the whole cache is never held twice
            layers[number] = SlotLayer(layer, slots, self._slot)
        self._cache, self._layers = state.cache, layers
        self._graph = self._capture() if replay else None

    @property
    def logits(self) -> Tensor:
        """``[N, V]`` of the rows' next tokens."""
        return self._logits[self._lanes]

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in that order."""
        self._lanes = self._lanes[rows]
        if not 0 < 2 * len(rows) <= len(self._tokens):
            return
        captured, self._graph = self._graph is not None, None
        self._tokens, self._positions, self._visible, self._logits = (
            tensor[self._lanes] for tensor in (self._tokens, self._positions, self._visible, self._logits)
        )
        for layer in self._layers:
            layer.keys, layer.values = layer.keys[self._lanes], layer.values[self._lanes]
        self._lanes = torch.arange(len(rows), device=self._lanes.device)
        self._graph = self._capture() if captured else None

    def step(self, tokens: Tensor) -> None:
        """Read one more token per row (``[N]``)."""
        self._tokens[self._lanes, 0] = tokens
        with torch.cuda.device_of(self._tokens):
            if self._graph is None:
                self._logits = self._forward()
            else:
                self._graph.replay()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Capture the step, after a run that chooses kernels and makes workspaces; what that run changed is undone."""
        changed = (self._slot, self._positions, self._visible)
        before = [tensor.clone() for tensor in changed]
        logits = self._logits
        with torch.cuda.device_of(self._tokens):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._forward()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # A stream of this device: by default there is one for all graphs of the process, where the first was made.
            with torch.cuda.graph(graph, stream=stream):
                self._logits = self._forward()
            for tensor, old in zip(changed, before, strict=True):
                tensor.copy_(old)
            self._logits.copy_(logits)
        return graph

    def _forward(self) -> Tensor:
        self._visible.index_fill_(3, self._slot, True)
        inputs: dict[str, Any] = {
            "input_ids": self._tokens,
            "attention_mask": self._visible,
            "position_ids": self._positions,
        }
        inputs |= {self._name: self._cache, "use_cache": True}
        logits = next_logits(self._model, self._head, inputs)
        self._slot.add_(1)
        self._positions.add_(1)
        return logits


class SlotLayer(DynamicLayer):
    """Keys and values ``[N, heads, L, d]`` of which each step fills one slot; all are returned every time.

    Args:
        layer: what was read so far.
        slots: L.
        slot: ``[1]`` int64, the next slot to fill; its owner moves it on.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, layer: BufferedLayer, slots: int, slot: Tensor):
        super().__init__()
        self.is_initialized, self._slot = True, slot
        self.keys, self.values = (_padded(states, slots) for states in (layer.keys, layer.values))

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new states (one token per row) into the slot and return all."""
        self.keys.index_copy_(2, self._slot, key_states)
        self.values.index_copy_(2, self._slot, value_states)
        return self.keys, self.values


def _padded(states: Tensor, slots: int) -> Tensor:
    padded = states.new_zeros(*states.shape[:2], slots, states.shape[3])
    padded[:, :, : states.shape[2]] = states
    return padded
