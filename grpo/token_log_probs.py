"""Log-probabilities and entropies of tokens from a model's last states, without ever holding their logits.

The vocabulary is gone through in tiles, as in cut cross-entropy (Wijmans et al. 2024, arXiv 2411.09009): forwards for
the sum that normalises, backwards once more for the gradient, which is known in closed form. So a logit is computed
twice and held never, and each weight's gradient is written once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from grpo.projection import product

TILE = {"cpu": 2**20, "cuda": 2**25}
"""Logits held at once, by device: of what a CPU's cache takes, a card more, as each tile costs it some launches."""
_LEAST = 256
"""Columns of a tile, however many rows it has."""
_LOWEST = -1e30
"""Below any logit, and finite."""


def token_log_probs(
    hidden: Tensor, head: nn.Module, targets: Tensor, temperature: float, tile: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return log-probability of each target and entropy, both ``[T]`` float32.

    Logits and softmax are float32 always. Under bfloat16 autocast the factors of the gradient's products are rounded,
    as in the layers, and on a card those of the logits, too. A head that is more than a linear layer gives its logits
    whole.

    Args:
        hidden: ``[T, H]`` states.
        head: The projection to the vocabulary.
        targets: ``[T]`` token ids.
        temperature: Divides the logits.
        tile: Logits held at once; None for what suits the device.
    """
    device = hidden.device.type
    if type(head) is not nn.Linear:
        with torch.autocast(device, enabled=False):
            states = hidden.to(next(head.parameters()).dtype)
            return _whole(head(states).float() / temperature, targets)
    columns = max(_LEAST, (tile or TILE.get(device, TILE["cuda"])) // max(1, len(hidden)))
    rounded = torch.is_autocast_enabled(device)
    return _TokenLogProbs.apply(hidden, head.weight, head.bias, targets, temperature, columns, rounded)


def _whole(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    log_probs = logits.log_softmax(-1)
    entropy = -(log_probs.exp() * log_probs).sum(-1)
    return log_probs.gather(-1, targets[:, None]).squeeze(-1), entropy


class _TokenLogProbs(torch.autograd.Function):
    """With z the logits, p their softmax and H its entropy: ∂log p(t)/∂z = 1[t] − p, and ∂H/∂z = −p (log p + H)."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        temperature: float,
        columns: int,
        rounded: bool,
    ) -> tuple[Tensor, Tensor]:
        states = hidden.float()
        highest = states.new_full((len(states),), _LOWEST)
        # With y = z - highest: the sums of e^y and of y e^y.
        chosen, total, weighted = (torch.zeros_like(highest) for _ in range(3))
        with torch.autocast(hidden.device.type, enabled=False):
            for start, logits in _tiles(states, weight, bias, temperature, columns, rounded):
                inside, column = _inside(targets, start, logits)
                chosen = torch.where(inside, logits.gather(-1, column).squeeze(-1), chosen)
                risen = torch.maximum(highest, logits.amax(-1))
                sunk = highest - risen
                shares = logits.sub_(risen[:, None]).exp()
                weighted = (weighted + total * sunk) * sunk.exp() + logits.mul_(shares).sum(-1)
                total = total * sunk.exp() + shares.sum(-1)
                highest = risen
        normaliser = highest + total.log()
        entropy = total.log() - weighted / total
        ctx.save_for_backward(hidden, weight, bias, targets, normaliser, entropy)
        ctx.temperature, ctx.columns, ctx.rounded = temperature, columns, rounded
        return chosen - normaliser, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets, normaliser, entropy = ctx.saved_tensors
        of_log_prob, of_entropy = (gradient[:, None] / ctx.temperature for gradient in gradients)
        states, to_weight = hidden.float(), ctx.needs_input_grad[1]
        for_states = torch.zeros_like(states)
        for_weight = torch.empty_like(weight) if to_weight else None
        for_bias = torch.empty_like(bias) if ctx.needs_input_grad[2] else None
        with torch.autocast(hidden.device.type, enabled=False):
            for start, logits in _tiles(states, weight, bias, ctx.temperature, ctx.columns, ctx.rounded):
                inside, column = _inside(targets, start, logits)
                log_probs = logits.sub_(normaliser[:, None])
                slopes = log_probs.exp()
                slopes.mul_(log_probs.add_(entropy[:, None]).mul_(of_entropy).add_(of_log_prob)).neg_()
                slopes.scatter_add_(-1, column, torch.where(inside[:, None], of_log_prob, 0.0))
                rows = slice(start, start + logits.shape[-1])
                for_states += product(slopes, weight[rows], ctx.rounded)
                if for_weight is not None:
                    for_weight[rows] = product(slopes.t(), states, ctx.rounded)
                if for_bias is not None:
                    for_bias[rows] = slopes.sum(0)
        return for_states.to(hidden.dtype), for_weight, for_bias, None, None, None, None


def _tiles(
    states: Tensor, weight: Tensor, bias: Tensor | None, temperature: float, columns: int, rounded: bool
) -> Iterator[tuple[int, Tensor]]:
    """Yield the first token and the logits ``[T, columns]`` of each tile, over the temperature."""
    for start in range(0, len(weight), columns):
        logits = product(states, weight[start : start + columns].t(), rounded and states.is_cuda)
        if bias is not None:
            logits += bias[start : start + columns]
        yield start, logits.div_(temperature) if temperature != 1 else logits


def _inside(targets: Tensor, start: int, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return which targets are in a tile ``[T]``, and their columns there ``[T, 1]``, 0 of those that are not."""
    column = targets - start
    inside = (column >= 0) & (column < logits.shape[-1])
    return inside, torch.where(inside, column, 0)[:, None]
