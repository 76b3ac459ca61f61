"""Attention masks in which every token sees something, padding too.

What attention over nothing gives is undefined: some kernels return NaN, which reaches every token (0 · NaN is NaN) and
every gradient. So padding sees itself, and nothing else sees it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attention_mask(model: Any, mask: Tensor, queries: int) -> Tensor | dict[str, Tensor]:
    """Return what a Transformers model should take as ``attention_mask``.

    Masks are made here for attention by PyTorch's kernels (``sdpa``, ``sdpa_wide``) only: others leave padding out, or
    give it finite states.

    Args:
        model: the model; it has full attention or sliding windows.
        mask: ``[N, L]``, 0 where there is padding.
        queries: T, the number of last tokens that are read; those before are in a cache.
    """
    config = model.config.get_text_config()
    kinds, window = getattr(config, "layer_types", None), getattr(config, "sliding_window", None)
    if queries == 1 or not config._attn_implementation.startswith("sdpa") or bool(mask.all()):
        return mask
    if kinds is None or set(kinds) == {"full_attention"}:
        return visible(mask, queries, window if kinds is None else None)
    if set(kinds) <= {"full_attention", "sliding_attention"}:
        windows = {"full_attention": None, "sliding_attention": window}
        return {kind: visible(mask, queries, windows[kind]) for kind in set(kinds)}
    return mask


def visible(mask: Tensor, queries: int, window: int | None = None) -> Tensor:
    """Return ``[N, 1, T, L]`` bool: each of the last T of L tokens sees the real ones up to itself, and itself.

    Args:
        mask: ``[N, L]``, 0 where there is padding.
        queries: T.
        window: how many slots back a token sees, itself included; None for all.
    """
    key = torch.arange(mask.shape[1], device=mask.device)
    query = key[-queries:, None]
    past = key <= query
    if window is not None:
        past &= key > query - window
    return ((mask.bool()[:, None] & past) | (key == query))[:, None]
