"""Prompts through a causal language model, each part that several prompts share only once."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from grpo.masks import attention_mask
from grpo.prefix_cache import cache_name
from grpo.prefixes import shared_prefixes
from memagents.backends.kv_cache import BufferedLayer, PartLayer, make_cache
from memagents.backends.logits import coarse_head, project

Prompt = tuple[int, ...]

MIN_SAVED = 32
"""Tokens that a pass for a shared part must save at least."""

PASS_TOKENS = 32_768
"""Most padded tokens of a pass: of more, the states between a model's layers would take more than the cache."""


@dataclass
class State:
    """Rows of tokens that a model has read.

    Args:
        cache: their keys and values.
        mask: ``[N, L]`` int64, 0 where a slot of the cache is padding.
        logits: ``[N, V]`` of the next token.
    """

    cache: DynamicCache
    mask: Tensor
    logits: Tensor

    def select(self, rows: Tensor) -> State:
        """Return the state of the given rows, in that order, each as often as it occurs. The old state is spent."""
        self.cache.reorder_cache(cast(torch.LongTensor, rows))
        return State(self.cache, self.mask[rows], self.logits[rows])


class Reader:
    """Reads tokens with a Transformers causal language model.

    Padding stands before the tokens of each pass, also between a shared part and what follows it. Positions skip it.
    Layers with a sliding window measure distance in slots, so with them only whole prompts are shared.
    """

    def __init__(self, model: PreTrainedModel):
        self._model = model
        self._device = next(model.parameters()).device
        self._accepts = inspect.signature(model.forward).parameters
        self._cache_name = cache_name(model)
        layers = set(getattr(model.config.get_text_config(), "layer_types", None) or ["full_attention"])
        self._shares_prefixes = layers == {"full_attention"} and not getattr(model.config, "sliding_window", None)
        self._takes_masks = takes_masks(model)
        self._head = coarse_head(model)

    def prefill(self, prompts: list[Prompt]) -> State:
        """Return the state of distinct ``prompts``, a row each."""
        stages = [*(prefix_stages(prompts) if self._shares_prefixes else []), prompts]
        cache = make_cache(self._model.config)
        empty = torch.zeros(1, 0, dtype=torch.long, device=self._device)
        state = State(cache, empty, empty)
        before: list[Prompt] = [()]
        for stage in stages:
            owner = [_longest_prefix(prompt, before) for prompt in stage]
            parts = [prompt[len(before[i]) :] for i, prompt in zip(owner, stage, strict=True)]
            state, before = self._read(state, owner, parts), stage
        return state

    def step(self, state: State, tokens: Tensor) -> State:
        """Return the state after one more token per row (``[N]``)."""
        return self._forward(state.cache, tokens[:, None], torch.cat([state.mask, torch.ones_like(tokens[:, None])], 1))

    def _read(self, state: State, owner: list[int], parts: list[Prompt]) -> State:
        """Return the state after row ``owner[i]`` has read ``parts[i]``, for each i."""
        rows = torch.tensor(owner, device=self._device)
        if state.mask.shape[1]:
            state = state.select(rows)
        width = max(map(len, parts))
        few = max(1, PASS_TOKENS // width)
        ids = torch.tensor([[0] * (width - len(part)) + list(part) for part in parts], device=self._device)
        mask = torch.tensor([[0] * (width - len(part)) + [1] * len(part) for part in parts], device=self._device)
        mask = torch.cat([state.mask.expand(len(parts), -1), mask], 1)
        layers: Any = state.cache.layers
        if len(parts) <= few or any(type(layer) is not BufferedLayer for layer in layers):
            return self._forward(state.cache, ids, mask)
        logits = []
        for start in range(0, len(parts), few):
            some = slice(start, start + few)
            cache = DynamicCache()
            cache.layers = [PartLayer(layer, some, len(parts)) for layer in layers]
            logits.append(self._forward(cache, ids[some], mask[some]).logits)
        for layer in layers:
            layer.grow(width)
        return State(state.cache, mask, torch.cat(logits))

    def _forward(self, cache: DynamicCache, ids: Tensor, mask: Tensor) -> State:
        seen = attention_mask(self._model, mask, ids.shape[1])
        inputs = {"input_ids": ids, "attention_mask": seen, self._cache_name: cache, "use_cache": True}
        if ids.shape[1] == 1 and self._shares_prefixes and self._takes_masks:
            # A mask without padding would be dropped. With one, Transformers lets the heads that share keys be one
            # batch, which on a CPU is several times faster.
            inputs["attention_mask"] = mask.bool()[:, None, None]
        if "position_ids" in self._accepts:
            inputs["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if "logits_to_keep" in self._accepts and self._head is None:
            # As an index, not as the number 1: projecting a view of the states copies the vocabulary's weights per row.
            inputs["logits_to_keep"] = torch.tensor([-1], device=self._device)
        with torch.cuda.device_of(ids):  # kernels that are not PyTorch's own run on the current device
            return State(cache, mask, next_logits(self._model, self._head, inputs))


def next_logits(model: PreTrainedModel, head: nn.Linear | None, inputs: dict[str, Any]) -> Tensor:
    """Return the logits ``[N, V]`` of the next token after a pass; in float32 by ``head``, the model's, if given."""
    if head is None:
        return model(**inputs).logits[:, -1]
    return project(model.get_decoder()(**inputs).last_hidden_state[:, -1], head)


def takes_masks(model: PreTrainedModel) -> bool:
    """Return whether the model's attention takes a mask ``[N, 1, T, L]`` as it is."""
    return model.config.get_text_config()._attn_implementation.startswith("sdpa")


def prefix_stages(prompts: list[Prompt]) -> list[list[Prompt]]:
    """Return what to read before distinct ``prompts``, in stages: what all share, then what each group shares.

    Every prefix extends one of the stage before, and is shorter than its prompts, so that there is something left to
    read.
    """
    stages: list[list[Prompt]] = []
    common = _prefix(prompts)
    if (len(prompts) - 1) * len(common) >= MIN_SAVED:
        stages.append([common])
    group, shared = shared_prefixes([prompt[len(common) :] for prompt in prompts])
    size, tokens = Counter(group), dict(zip(group, shared, strict=True))
    if sum((size[number] - 1) * tokens[number] for number in size) >= MIN_SAVED:
        ends = [len(common) + (tokens[number] if size[number] > 1 else 0) for number in group]
        stages.append(list(dict.fromkeys(prompt[:end] for prompt, end in zip(prompts, ends, strict=True))))
    return stages


def _longest_prefix(prompt: Prompt, prefixes: list[Prompt]) -> int:
    """Return the index of the longest of ``prefixes`` that ``prompt`` begins with; one of them it does."""
    return max((len(p), i) for i, p in enumerate(prefixes) if prompt[: len(p)] == p)[1]


def _prefix(prompts: list[Prompt]) -> Prompt:
    """Return the longest common prefix of ``prompts`` that is shorter than each."""
    first, last = min(prompts), max(prompts)  # what these two share, all in between share too
    pairs = zip(first, last, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    return first[: min(shared, *(len(prompt) - 1 for prompt in prompts))]
