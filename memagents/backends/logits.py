"""From a model's last states to logits: products and sums in float32, whatever precision the weights have.

Logits in bfloat16 are 0.125 apart between 16 and 32: log-probabilities made of them are off by as much.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from grpo.projection import WIDE, projects_only

_ROWS = 512
"""Rows of the weight cast at a time: few enough to stay in a CPU's cache, which then costs no more than float32."""


def coarse_head(model: Any) -> nn.Linear | None:
    """Return the head of a model whose own logits would be coarser than float32; None where they are not.

    A head that is more than a linear layer, with adapters for example, is left to the model.
    """
    head = model.get_output_embeddings()
    coarse = type(head) is nn.Linear and head.weight.dtype in (torch.bfloat16, torch.float16)
    return head if coarse and projects_only(model) else None


def project(hidden: Tensor, head: nn.Linear) -> Tensor:
    """Return the logits ``[N, V]`` float32 of states ``[N, H]`` by a coarse head."""
    weight = head.weight
    if WIDE and hidden.is_cuda:
        logits = torch.mm(hidden.to(weight.dtype), weight.t(), out_dtype=torch.float32)
    else:
        states = hidden.float()
        wide = states.new_empty(_ROWS, weight.shape[1])  # for all parts: fresh memory may cost more than the product
        logits = torch.cat([states @ wide[: len(rows)].copy_(rows).t() for rows in weight.split(_ROWS)], -1)
    return logits if head.bias is None else logits + head.bias.float()
