"""Between a model's last states and its logits."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

WIDE = hasattr(torch.ops.aten.mm, "dtype")
"""Whether this PyTorch multiplies bfloat16 into float32 on a card (since 2.8)."""
_KNOWN: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""Model to whether it projects only: asked before every rollout, answered by a pass over two tokens."""


def projects_only(model: Any) -> bool:
    """Say whether a Transformers causal language model's logits are its head applied to its decoder's last states.

    Many scale them (Granite, Cohere, Falcon-H1), cap them (Gemma) or scale the states, each by a setting of its own
    name; so the model is asked, not its configuration.
    """
    if model not in _KNOWN:
        _KNOWN[model] = _projects_only(model)
    return _KNOWN[model]


@torch.no_grad()
def _projects_only(model: Any) -> bool:
    head, decoder = model.get_output_embeddings(), model.get_decoder()
    seen: dict[str, Tensor] = {}
    hooks = [
        head.register_forward_hook(lambda _, given, made: seen.update(given=given[0], made=made)),
        decoder.register_forward_hook(lambda _, given, made: seen.update(states=made[0])),
    ]
    try:
        ids = torch.zeros(1, 2, dtype=torch.long, device=next(model.parameters()).device)
        logits = model(input_ids=ids, use_cache=False).logits
    finally:
        for hook in hooks:
            hook.remove()
    return len(seen) == 3 and _same(seen["states"], seen["given"]) and _same(seen["made"], logits)


def _same(a: Tensor, b: Tensor) -> bool:
    """Say whether ``b`` is ``a``, perhaps in another precision; a view of it is seen without looking at its numbers."""
    view = a.untyped_storage()._cdata == b.untyped_storage()._cdata
    planned = isinstance(b, FakeTensor)  # without numbers, to see what a model needs
    return a.shape == b.shape and (view or planned or torch.equal(a.to(b.dtype), b))


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
