"""Pure functions from logits to tokens: the distribution that is sampled from, and draws from it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from memagents.backends.base import Sampling

LIKELY = 256
"""How many of the likeliest tokens are looked through for the nucleus at first."""


def log_distribution(logits: Tensor, sampling: Sampling, whole: bool = False) -> Tensor:
    """Return the log-probabilities ``[N, V]``, float32, that tokens are sampled from: temperature, top-k, then top-p.

    Greedy decoding samples from none; these are then the model's own.

    Args:
        logits: ``[N, V]``.
        sampling: how.
        whole: sort the whole vocabulary for the nucleus, without a look at whether less will do: a look at a card's
            numbers waits for the card.
    """
    logits = logits.float()
    if sampling.greedy:
        return logits.log_softmax(-1)
    logits = logits / sampling.temperature
    if sampling.top_k:
        least = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if sampling.top_p < 1:
        logits = _nucleus(logits, sampling.top_p, whole)
    return logits.log_softmax(-1)


def _nucleus(logits: Tensor, top_p: float, whole: bool) -> Tensor:
    """Keep the smallest set of the likeliest tokens that holds ``top_p`` (Holtzman et al., arXiv 1904.09751)."""
    total = logits.logsumexp(-1, keepdim=True)
    vocabulary = logits.shape[-1]
    for count in (min(LIKELY, vocabulary), vocabulary)[whole:]:  # to sort the whole vocabulary is rarely needed
        ordered, order = logits.topk(count)
        probs = (ordered - total).exp()
        mass = probs.cumsum(-1)
        if count == vocabulary or (mass[:, -1] >= top_p).all():
            break
    ordered = ordered.masked_fill(mass - probs >= top_p, float("-inf"))
    return torch.full_like(logits, float("-inf")).scatter(-1, order, ordered)


def draw(log_probs: Tensor, uniforms: Tensor) -> Tensor:
    """Return tokens ``[N]`` by inverting the distribution function at ``uniforms`` (``[N]`` float64 in [0, 1))."""
    # In float32 the tail of a large vocabulary would be lost to rounding.
    cumulated = log_probs.exp().cumsum(-1, dtype=torch.float64)
    total = cumulated[:, -1]
    points = torch.minimum(uniforms * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulated, points[:, None], right=True).squeeze(-1)


def row_uniforms(rows: int, sampling: Sampling) -> Tensor:
    """Return ``[rows, max_tokens]`` float64 in [0, 1): a random stream per row, which follows from its seed alone."""
    streams = [np.random.default_rng(seed).random(sampling.max_tokens) for seed in sampling.seeds_of(rows)]
    return torch.from_numpy(np.stack(streams))
