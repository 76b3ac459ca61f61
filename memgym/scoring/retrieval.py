"""Retrieval and citation scores over ids: pure functions that return floats in [0, 1].

``ranked`` is best first; a repeated id counts once, at its first rank. ``relevant`` must not be empty: without known
evidence these scores do not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def recall_at_k(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the share of the relevant ids among the first ``k`` ranked ones.

    Raises:
        ValueError: ``relevant`` is empty or ``k`` is below 1.
    """
    return len(_top(ranked, k) & _some(relevant)) / len(_some(relevant))


def precision_at_k(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the share of relevant ids among the first ``k`` ranked ones; 0 if nothing is ranked.

    As usual the divisor is ``k``, so a list that is shorter than ``k`` does not gain by it.

    Raises:
        ValueError: ``relevant`` is empty or ``k`` is below 1.
    """
    return len(_top(ranked, k) & _some(relevant)) / k


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """Return 1 / rank of the first relevant id, 0 if there is none; its mean over questions is the MRR.

    Raises:
        ValueError: ``relevant`` is empty.
    """
    wanted = _some(relevant)
    return next((1 / rank for rank, found in enumerate(dict.fromkeys(ranked), 1) if found in wanted), 0.0)


def citation_precision(cited: Collection[str], relevant: Collection[str]) -> float:
    """Return the share of the cited ids that are relevant; 0 if nothing is cited.

    Raises:
        ValueError: ``relevant`` is empty.
    """
    wanted, given = _some(relevant), set(cited)
    return len(given & wanted) / len(given) if given else 0.0


def citation_recall(cited: Collection[str], relevant: Collection[str]) -> float:
    """Return the share of the relevant ids that are cited.

    Raises:
        ValueError: ``relevant`` is empty.
    """
    wanted = _some(relevant)
    return len(set(cited) & wanted) / len(wanted)


def _top(ranked: Sequence[str], k: int) -> set[str]:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return set(list(dict.fromkeys(ranked))[:k])


def _some(relevant: Collection[str]) -> set[str]:
    if not relevant:
        raise ValueError("there are no relevant ids: retrieval scores need known evidence")
    return set(relevant)
