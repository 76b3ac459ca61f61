"""Products from a model's last states to its logits and back: their sums in float32, whatever their factors are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_SCALED = ("final_logit_softcapping", "logits_scaling", "logit_scale")
WIDE = hasattr(torch.ops.aten.mm, "dtype")
"""Whether this PyTorch multiplies bfloat16 into float32 on a card (since 2.8)."""


def scaling(config: Any) -> str | None:
    """Return the name of what a model's logits are besides one projection of its states; None where that is all."""
    return next((name for name in _SCALED if getattr(config, name, None) is not None), None)


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
            yield _rounded if rounded and device == "cuda" and WIDE else _exact
    finally:
        torch.set_float32_matmul_precision(before)


def _exact(a: Tensor, b: Tensor) -> Tensor:
    return a.float() @ b.float()


def _rounded(a: Tensor, b: Tensor) -> Tensor:
    return torch.mm(a.bfloat16(), b.bfloat16(), out_dtype=torch.float32)
