"""Metrics that add up: the same figures whatever the micro-batches and ranks they were gathered over."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


class Metrics:
    """A set of named means, maxima and effective sample sizes over masked elements; ``+=`` merges two sets."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._maxima: dict[str, Tensor] = {}

    def mean(self, name: str, values: Tensor, mask: Tensor) -> None:
        """Add the masked ``values`` (any shape) to the mean ``name``."""
        kept = values.detach().double()[mask]
        self._add(name, torch.stack([kept.sum(), mask.sum().double()]))

    def max(self, name: str, values: Tensor, mask: Tensor) -> None:
        """Add the masked ``values`` to the maximum ``name``."""
        kept = values.detach().double()[mask]
        self._maximum(name, kept.max() if kept.numel() else torch.tensor(-torch.inf, dtype=torch.float64))

    def effective_size(self, name: str, weights: Tensor, mask: Tensor) -> None:
        """Add importance ``weights`` to ``name`` = (Σw)² / (n Σw²), in (0, 1]: 1 if all are equal."""
        kept = weights.detach().double()[mask]
        self._add(name, torch.stack([kept.sum(), (kept**2).sum(), mask.sum().double()]))

    def __iadd__(self, other: Metrics) -> Metrics:
        for key, value in other._sums.items():
            self._add(key, value)
        for key, value in other._maxima.items():
            self._maximum(key, value)
        return self

    def all_reduce(self, device: torch.device) -> None:
        """Merge over all ranks, which must hold the same names, on the ``device`` that the ranks exchange."""
        for values, operation in ((self._sums, dist.ReduceOp.SUM), (self._maxima, dist.ReduceOp.MAX)):
            if values:
                flat = torch.cat([value.reshape(-1) for value in values.values()]).to(device)
                dist.all_reduce(flat, operation)
                parts = flat.cpu().split([value.numel() for value in values.values()])
                values.update((name, part.view_as(values[name])) for name, part in zip(values, parts, strict=True))

    def values(self) -> dict[str, float]:
        """Return the figures as plain floats; what was taken over nothing is left out."""
        out = {}
        for name, value in self._sums.items():
            *numerators, count = value.tolist()
            if count:  # a mean holds (Σx, n), an effective size (Σw, Σw², n)
                first, *second = numerators
                out[name] = first**2 / second[0] / count if second else first / count
        return out | {name: float(value) for name, value in self._maxima.items() if value > -torch.inf}

    def _add(self, key: str, value: Tensor) -> None:
        value = value.cpu()  # figures of a step come from several devices
        self._sums[key] = self._sums[key] + value if key in self._sums else value

    def _maximum(self, key: str, value: Tensor) -> None:
        value = value.cpu()
        self._maxima[key] = torch.maximum(self._maxima[key], value) if key in self._maxima else value
