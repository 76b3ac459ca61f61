"""Attention as some kernels compute it."""

from __future__ import annotations

import torch


def unsafe_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """Attention that gives NaN where nothing is seen, forward and backward, as some kernels do."""
    if enable_gqa:
        key, value = (states.repeat_interleave(query.shape[1] // key.shape[1], 1) for states in (key, value))
    scores = query @ key.transpose(-1, -2) * (scale or query.shape[-1] ** -0.5)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    return scores.exp() / scores.exp().sum(-1, keepdim=True) @ value
