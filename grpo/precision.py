"""Where bfloat16 is worth computing in, and what ``precision = "auto"`` then means."""

from __future__ import annotations

from typing import Literal

import torch


def computes_in_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies in bfloat16; one that does not takes many times as long as in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()  # AVX-512, AMX, or Arm's BF16; no public name tells


def settled(precision: Literal["auto", "float32", "bf16"], device: torch.device) -> Literal["float32", "bf16"]:
    """Return the precision that a setting means on a device: ``auto`` is bf16 where the device computes in it."""
    if precision == "auto":
        return "bf16" if computes_in_bfloat16(device) else "float32"
    return precision
