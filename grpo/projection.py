"""From a model's last states to logits: products and sums in float32, whatever precision the weights have.

Logits in bfloat16 are 0.125 apart between 16 and 32: log-probabilities made of them are off by as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_SCALED = ("final_logit_softcapping", "logits_scaling", "logit_scale")
_ROWS = 512
"""Rows of the weight cast at a time: few enough to stay in a CPU's cache, which then costs no more than float32."""

_WIDE = hasattr(torch.ops.aten.mm, "dtype")
"""Whether this PyTorch multiplies bfloat16 into float32 on a card (since 2.8)."""


def scaling(config: Any) -> str | None:
    """Return the name of what a model's logits are besides one projection of its states; None where that is all."""
    return next((name for name in _SCALED if getattr(config, name, None) is not None), None)


def coarse_head(model: Any) -> nn.Linear | None:
    """Return the head of a model whose own logits would be coarser than float32; None where they are not.

    A head that is more than a linear layer, with adapters for example, is left to the model.
    """
    head = model.get_output_embeddings()
    plain = type(head) is nn.Linear and scaling(model.config) is None
    return head if plain and head.weight.dtype in (torch.bfloat16, torch.float16) else None


def project(hidden: Tensor, head: Any) -> Tensor:
    """Return the logits ``[N, V]`` float32 of states ``[N, H]``."""
    weight = head.weight
    if type(head) is not nn.Linear or weight.dtype == torch.float32:
        return head(hidden.to(weight.dtype)).float()
    if _WIDE and hidden.is_cuda and not torch.is_grad_enabled():  # has no gradient
        logits = torch.mm(hidden.to(weight.dtype), weight.t(), out_dtype=torch.float32)
    else:
        states = hidden.float()
        logits = torch.cat([states @ rows.float().t() for rows in weight.split(_ROWS)], -1)
    return logits if head.bias is None else logits + head.bias.float()


@contextmanager
def float32_sums(device: str, rounded: bool) -> Iterator[Callable[[Tensor, Tensor], Tensor]]:
    """Yield a product of two matrices that sums in float32, and gives float32, under autocast too.

    Args:
        device: Its type.
        rounded: Whether the factors may be rounded to bfloat16; a CPU does so only where it computes in it.
    """
    before = torch.get_float32_matmul_precision()
    if rounded:
        torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast(device, enabled=False):
            yield _rounded if rounded and device == "cuda" and _WIDE else _exact
    finally:
        torch.set_float32_matmul_precision(before)


def _exact(a: Tensor, b: Tensor) -> Tensor:
    return a.float() @ b.float()


def _rounded(a: Tensor, b: Tensor) -> Tensor:
    return torch.mm(a.bfloat16(), b.bfloat16(), out_dtype=torch.float32)
