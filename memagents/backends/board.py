"""The tensors of a step of fixed shape, and the step: one more token for every lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from grpo.prefix_cache import cache_name
from memagents.backends.base import Sampling
from memagents.backends.local import Sample
from memagents.backends.logits import coarse_head
from memagents.backends.prefill import State, next_logits
from memagents.backends.sampling import draw, log_distribution


class Board:
    """R lanes of L slots, each for one row: its keys and values, what was sampled for it, and whether it has ended.

    Steps are made for the first lanes only, as many as a bucket has: all of them, half of them, a quarter, and so on.

    Args:
        model: a Transformers causal language model with full attention.
        arena: memory for keys and values, ``[tokens, heads, d]`` each, by layer; at least R · L tokens.
        rows: R.
        slots: L, of prompt and reply together.
        sampling: how tokens are chosen; a lane has room for ``max_tokens``.
        stop: tokens ``[S]`` that end a reply.
        graphs: those of all boards of the arena, which run one at a time; the step of each bucket is captured, and
            added. None to run steps as they are, on any device.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        arena: Sequence[tuple[Tensor, ...]],
        rows: int,
        slots: int,
        sampling: Sampling,
        stop: Tensor,
        graphs: list[Any] | None,
    ):
        self.sampling, self._stop = sampling, stop
        self._model, self._name, self._head = model, cache_name(model), coarse_head(model)
        self._width, self._graphs = rows, graphs
        self._captured: dict[int, Any] = {}
        self._memory = [
            tuple(part[: rows * slots].view(rows, part.shape[1], slots, part.shape[2]) for part in layer)
            for layer in arena
        ]
        device, columns = stop.device, sampling.max_tokens + 1  # the last column takes what ended lanes still sample
        self._state = {
            "token": torch.zeros(rows, dtype=torch.long, device=device),
            "slot": torch.zeros(rows, dtype=torch.long, device=device),
            "visible": torch.zeros(rows, slots, dtype=torch.bool, device=device),
            "uniforms": torch.zeros(rows, columns, dtype=torch.float64, device=device),
            "ids": torch.zeros(rows, columns, dtype=torch.long, device=device),
            "log_probs": torch.zeros(rows, columns, device=device),
            "taken": torch.zeros(rows, dtype=torch.long, device=device),
            "ended": torch.ones(rows, dtype=torch.bool, device=device),
        }

    def bucket(self, lanes: int) -> int:
        """Return the least bucket that holds so many lanes, or all of them."""
        width = self._width
        while width > 1 and -(-width // 2) >= lanes:
            width = -(-width // 2)
        return width

    def fill(self, lanes: list[int], state: State, rows: list[int], uniforms: Tensor | None) -> None:
        """Begin replies in some lanes.

        Args:
            lanes: which.
            state: what was read.
            rows: of the state, one for each lane.
            uniforms: ``[N, max_tokens]``, a stream for each lane; None to decode greedily.
        """
        mine = self._state
        where, chosen = (torch.tensor(index, device=self._stop.device) for index in (lanes, rows))
        mask = state.mask[chosen].bool()
        length = mask.sum(1)
        # Padding is left behind: what was read stands in the first slots.
        packed = mask.long().sort(dim=1, descending=True, stable=True).indices[:, : int(length.max())]
        layers: Any = state.cache.layers
        for memory, layer in zip(self._memory, layers, strict=True):
            for kept, read in zip(memory, (layer.keys, layer.values), strict=True):
                index = packed[:, None, :, None].expand(-1, read.shape[1], -1, read.shape[3])
                kept[where, :, : packed.shape[1]] = read[chosen].gather(2, index)
        mine["visible"][where] = torch.arange(mine["visible"].shape[1], device=where.device) < length[:, None]
        mine["slot"][where] = length
        if uniforms is not None:
            mine["uniforms"][where, :-1] = uniforms.to(where.device)
        none = torch.zeros_like(where)
        token, log_prob, over = self._choose(state.logits[chosen], mine["uniforms"][where], none)
        mine["token"][where], mine["ids"][where, 0], mine["log_probs"][where, 0] = token, token, log_prob
        mine["taken"][where], mine["ended"][where] = none + 1, over

    def step(self, width: int) -> None:
        """Sample one more token in the first lanes; those that have ended stay as they are."""
        with torch.cuda.device_of(self._stop):
            if self._graphs is None:
                self._forward(width)
                return
            if width not in self._captured:
                self._captured[width] = self._capture(width, self._graphs)
            self._captured[width].replay()

    def ended(self, width: int) -> list[int]:
        """Return which of the first lanes have nothing to say; waits for the card."""
        return [lane for lane, over in enumerate(self._state["ended"][:width].tolist()) if over]

    def samples(self, lanes: list[int]) -> list[Sample]:
        """Return what was sampled in some lanes so far; waits for the card, if there are any."""
        if not lanes:
            return []
        where = torch.tensor(lanes, device=self._stop.device)
        ids, log_probs, taken = (self._state[name][where].tolist() for name in ("ids", "log_probs", "taken"))
        stop = set(self._stop.tolist())
        columns = zip(ids, log_probs, taken, strict=True)
        return [Sample(row[:count], values[:count], row[count - 1] in stop) for row, values, count in columns]

    def gather(self, lanes: list[int], width: int) -> list[tuple[int, int]]:
        """Move lanes beyond the first ``width`` to places there that are not among ``lanes``; return old and new."""
        empty = sorted(set(range(width)) - set(lanes))
        moves = list(zip(sorted(lane for lane in lanes if lane >= width), empty, strict=False))
        if moves:
            old, new = (torch.tensor(place, device=self._stop.device) for place in zip(*moves, strict=True))
            for tensor in [*self._state.values(), *(part for layer in self._memory for part in layer)]:
                tensor[new] = tensor[old]
            self._state["ended"][old] = True
        return moves

    def _choose(self, logits: Tensor, uniforms: Tensor, taken: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the next tokens, their log-probabilities, and whether they end their replies, each ``[N]``."""
        if self.sampling.min_tokens:
            early = logits.index_fill(-1, self._stop, -torch.inf)
            logits = torch.where((taken < self.sampling.min_tokens)[:, None], early, logits)
        table = log_distribution(logits, self.sampling, whole=True)
        points = uniforms.gather(1, taken[:, None]).squeeze(1)
        token = table.argmax(-1) if self.sampling.greedy else draw(table, points)
        over = (token[:, None] == self._stop).any(1) | (taken + 1 == self.sampling.max_tokens)
        return token, table.gather(-1, token[:, None]).squeeze(-1), over

    def _forward(self, width: int) -> None:
        mine = {name: tensor[:width] for name, tensor in self._state.items()}
        mine["visible"].scatter_(1, mine["slot"][:, None], True)
        cache = DynamicCache()
        lanes = torch.arange(width, device=self._stop.device)
        layers: Any = [LaneLayer(keys[:width], values[:width], lanes, mine["slot"]) for keys, values in self._memory]
        cache.layers = layers
        inputs: dict[str, Any] = {
            "input_ids": mine["token"][:, None],
            "attention_mask": mine["visible"][:, None, None],
            "position_ids": mine["slot"][:, None],
        }
        logits = next_logits(self._model, self._head, inputs | {self._name: cache, "use_cache": True})
        token, log_prob, over = self._choose(logits, mine["uniforms"], mine["taken"])
        going = ~mine["ended"]
        mine["ids"].scatter_(1, mine["taken"][:, None], token[:, None])
        mine["log_probs"].scatter_(1, mine["taken"][:, None], log_prob[:, None])
        mine["token"].copy_(torch.where(going, token, mine["token"]))
        mine["taken"].add_(going)
        mine["slot"].add_(going)
        mine["ended"].logical_or_(over)

    def _capture(self, width: int, others: list[Any]) -> torch.cuda.CUDAGraph:
        """Capture the step, after a run that chooses kernels and makes workspaces; what that run changed is undone."""
        before = {name: tensor.clone() for name, tensor in self._state.items()}
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._forward(width)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        pool = others[0].pool() if others else None  # shared, as no two graphs run at once
        # A stream of this device: by default there is one for all graphs of the process, where the first was made.
        with torch.cuda.graph(graph, pool=pool, stream=stream):
            self._forward(width)
        others.append(graph)
        for name, tensor in self._state.items():
            tensor.copy_(before[name])
        return graph


class LaneLayer(DynamicLayer):
    """Keys and values ``[N, heads, L, d]`` of which each row fills a slot of its own; all are returned every time."""

    keys: Tensor
    values: Tensor

    def __init__(self, keys: Tensor, values: Tensor, lanes: Tensor, slot: Tensor):
        super().__init__()
        self.keys, self.values, self.is_initialized = keys, values, True
        self._lanes, self._slot = lanes, slot

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new states (one token per row) into the slots and return all."""
        self.keys[self._lanes, :, self._slot] = key_states[:, :, 0]
        self.values[self._lanes, :, self._slot] = value_states[:, :, 0]
        return self.keys, self.values
