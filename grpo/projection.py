"""Between a model's last states and its logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_SCALED = ("final_logit_softcapping", "logits_scaling", "logit_scale")
WIDE = hasattr(torch.ops.aten.mm, "dtype")
"""Whether this PyTorch multiplies bfloat16 into float32 on a card (since 2.8)."""


def scaling(config: Any) -> str | None:
    """Return the name of what a model's logits are besides one projection of its states; None where that is all."""
    return next((name for name in _SCALED if getattr(config, name, None) is not None), None)


def product(a: Tensor, b: Tensor, rounded: bool) -> Tensor:
    """Return the product of two matrices in float32; autocast, if it is on, has to be off.

    Nothing is switched for it: PyTorch's precision of products is one for all threads, and another may be sampling.

    Args:
        a: ``[N, K]``.
        b: ``[K, M]``.
        rounded: Whether the factors are rounded to bfloat16. The sums are float32 on a card; on a CPU they are rounded,
            too.
    """
    if not rounded:
        return a.float() @ b.float()
    if a.is_cuda and WIDE:
        return torch.mm(a.bfloat16(), b.bfloat16(), out_dtype=torch.float32)
    return (a.bfloat16() @ b.bfloat16()).float()
