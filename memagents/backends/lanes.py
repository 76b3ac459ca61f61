"""Decoding on a card: rows in lanes of fixed shape, and the whole step, sampling included, in a CUDA graph.

A small model's step is spent in launching its kernels and in waiting for the host. So every tensor keeps its shape and
place, a step is captured once for each bucket of lanes and replayed, and the host looks only now and then which rows
have ended; their lanes are given to prompts that wait. All that happens with the model's device as the current one: a
graph captured on another one holds nothing.
"""

from __future__ import annotations

import inspect
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memagents.backends.base import Sampling
from memagents.backends.board import Board
from memagents.backends.kv_cache import BufferedLayer, make_cache
from memagents.backends.local import Sample
from memagents.backends.prefill import PASS_TOKENS, Prompt, Reader, takes_masks

CHECK_EVERY = 8
"""Steps between two looks at what has ended."""
_REFILL = 4  # a part of the lanes this large is filled at once: a pass for a single prompt keeps all others waiting
_SLOTS = 256


def holds_lanes(model: PreTrainedModel) -> bool:
    """Return whether a model can be sampled in lanes: on a card, with full attention and positions that stay put."""
    return model.device.type == "cuda" and takes_lanes(model)


def takes_lanes(model: PreTrainedModel) -> bool:
    """Return the same for any device.

    Rotations that change with the length of what is read (``dynamic``, ``longrope``) are worked out by the host.
    """
    config = model.config.get_text_config()
    full = all(type(layer) is BufferedLayer for layer in make_cache(model.config).layers)
    rotations = getattr(config, "rope_parameters", None) or {}
    kinds = [rotations, *(value for value in rotations.values() if isinstance(value, dict))]
    fixed = all(kind.get("rope_type", "default") not in ("dynamic", "longrope") for kind in kinds)
    return full and fixed and takes_masks(model) and "position_ids" in inspect.signature(model.forward).parameters


class Lanes:
    """Samples with a model, whatever the lengths of prompts and replies; its memory is kept from call to call.

    Args:
        model: see :func:`takes_lanes`.
        stop_ids: tokens that end a reply.
        tokens: the most tokens in the cache at once, over all lanes; one prompt has its place in any case.
        replay: capture steps as CUDA graphs; else they run as they are, on any device.
    """

    def __init__(self, model: PreTrainedModel, stop_ids: Sequence[int], tokens: int, replay: bool = True):
        self._model, self._replay, self._tokens = model, replay, tokens
        self._stop = torch.tensor(stop_ids, dtype=torch.long, device=model.device)
        self._arena: list[tuple[Tensor, ...]] = []
        self._room = 0  # tokens
        self._boards: dict[tuple[int, Sampling], Board] = {}
        self._graphs: list[Any] = []

    @torch.inference_mode()
    def sample(
        self,
        prompts: Sequence[Prompt],
        uniforms: Tensor | None,
        sampling: Sampling,
        tell: Callable[[Sequence[int]], None] | None = None,
    ) -> list[Sample]:
        """Return one sample per prompt, in order.

        Args:
            prompts: of tokens.
            uniforms: ``[N, max_tokens]`` float64, a stream for each prompt; None to decode greedily.
            sampling: how.
            tell: told of the tokens so far, of a single prompt.
        """
        samples: dict[int, Sample] = {}
        # By falling length; those that begin alike stay together.
        slots_of = [_slots(len(prompt) + sampling.max_tokens) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda row: (-slots_of[row], prompts[row]))
        self._make_room([count * slots for slots, count in Counter(slots_of).items()], max(slots_of))
        for slots, rows in groupby(order, key=slots_of.__getitem__):
            board = self._board(slots, sampling)
            samples |= dict(_played(board, Reader(self._model), deque(rows), prompts, uniforms, tell))
        return [samples[row] for row in range(len(prompts))]

    def _make_room(self, wanted: list[int], slots: int) -> None:
        """Have memory for the largest number of tokens that is ``wanted`` at once, or as many as there may be."""
        most = max(self._tokens, slots)
        tokens = min(most, 2 * max(wanted))
        if self._room < min(most, max(wanted)):
            self._arena, self._boards, self._graphs = [], {}, []  # the old one goes first
            self._arena, self._room = _arena(self._model, tokens), tokens

    def _board(self, slots: int, sampling: Sampling) -> Board:
        key = (slots, replace(sampling, seeds=None, json_schema=None))  # all that a captured step depends on
        if key not in self._boards:
            rows = self._room // slots
            graphs = self._graphs if self._replay else None
            self._boards[key] = Board(self._model, self._arena, rows, slots, sampling, self._stop, graphs)
        return self._boards[key]


def _played(
    board: Board,
    reader: Reader,
    waiting: deque[int],
    prompts: Sequence[Prompt],
    uniforms: Tensor | None,
    tell: Callable[[Sequence[int]], None] | None,
) -> Iterator[tuple[int, Sample]]:
    """Yield each waiting row and its sample, as they end."""
    owner: dict[int, int] = {}  # lane to row
    left: dict[int, int] = {}  # lane to the steps that its reply may still take
    width, heard = board.bucket(len(waiting)), 0
    while owner or waiting:
        free = [lane for lane in range(width) if lane not in owner]
        if waiting and _REFILL * len(free) >= width:
            for lanes, rows in _fills(free, waiting, prompts):
                distinct = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts[row] for row in rows))}
                places = [distinct[prompts[row]] for row in rows]
                streams = None if uniforms is None else uniforms[rows]
                board.fill(lanes, reader.prefill(list(distinct)), places, streams)
                owner.update(zip(lanes, rows, strict=True))
                left.update(dict.fromkeys(lanes, board.sampling.max_tokens - 1))
        if not waiting and board.bucket(len(owner)) < width:
            width = board.bucket(len(owner))
            for old, new in board.gather(list(owner), width):
                owner[new], left[new] = owner.pop(old), left.pop(old)
        # One that is told of is told of its first token, too.
        steps = min(CHECK_EVERY if tell is None else min(heard, 1), max(left.values()))
        for _ in range(steps):
            board.step(width)
        if tell is not None and (told := board.samples([0])[0].token_ids)[heard:]:
            tell(told)
            heard = len(told)
        left = {lane: count - steps for lane, count in left.items()}
        ended = [lane for lane in board.ended(width) if lane in owner]
        for lane, sample in zip(ended, board.samples(ended), strict=True):
            del left[lane]
            yield owner.pop(lane), sample


def _fills(free: list[int], waiting: deque[int], prompts: Sequence[Prompt]) -> Iterator[tuple[list[int], list[int]]]:
    """Take from free lanes and waiting rows, both of them, what one pass reads; as long as there is something."""
    while free and waiting:
        longest, rows = 0, list[int]()
        while waiting and len(rows) < len(free):
            longest = max(longest, len(prompts[waiting[0]]))
            if rows and (len(rows) + 1) * longest > PASS_TOKENS:
                break
            rows.append(waiting.popleft())
        lanes = free[: len(rows)]
        del free[: len(rows)]
        yield lanes, rows


def _arena(model: PreTrainedModel, tokens: int) -> list[tuple[Tensor, ...]]:
    """Return memory for keys and values of so many tokens, ``[tokens, heads, d]`` each, by layer.

    It is of zeros: what attention leaves out may be anything but NaN.
    """
    layers: Any = Reader(model).prefill([(0,)]).cache.layers
    return [
        tuple(read.new_zeros(tokens, read.shape[1], read.shape[3]) for read in (layer.keys, layer.values))
        for layer in layers
    ]


def _slots(tokens: int) -> int:
    """Return the least of 256, 384, 512, 768, 1024, … that holds so many tokens."""
    slots = _SLOTS
    while slots < tokens:
        slots = slots * 3 // 2 if slots & (slots - 1) == 0 else slots * 4 // 3
    return slots
