"""How well an order is kept: Kendall's τ-b times the F1 of the items, as BEAM has it (arXiv 2510.27246)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence


def order_score(given: Sequence[Hashable], due: Sequence[Hashable]) -> float:
    """Return τ-b, brought to [0, 1], times the F1 of the items.

    An item that one list lacks has there the rank after its last. Where nothing can be out of order, nothing is.

    Args:
        given: items in the order of the answer, each once.
        due: items in the right order, each once.
    """
    common = len(set(given) & set(due))
    if not common:
        return 0.0
    f1 = 2 * common / (len(given) + len(due))
    items = list(dict.fromkeys((*due, *given)))
    return f1 * (kendall_tau_b(_ranks(items, due), _ranks(items, given)) + 1) / 2


def kendall_tau_b(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the rank correlation in [-1, 1] of two equally long sequences of ranks, ties among them (Kendall 1945).

    Where one of them is all ties, so that it is undefined, it is 1.0.
    """
    concordant = untied_first = untied_second = 0
    for i in range(len(first)):
        for j in range(i):
            one, other = _sign(first[i] - first[j]), _sign(second[i] - second[j])
            concordant += one * other
            untied_first += abs(one)
            untied_second += abs(other)
    if not untied_first or not untied_second:
        return 1.0
    return concordant / math.sqrt(untied_first * untied_second)


def _ranks(items: Sequence[Hashable], order: Sequence[Hashable]) -> list[int]:
    return [order.index(item) if item in order else len(order) for item in items]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
