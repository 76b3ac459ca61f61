"""Retrieval and citation scores over ids: pure functions that return floats in [0, 1].

``ranked`` is best first; a repeated id counts once, at its first rank. ``relevant`` must not be empty: without known
evidence these scores do not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def recall(found: Collection[str], relevant: Collection[str]) -> float:
    """Return the share of the relevant ids that were found: of a ranking's first k (recall@k), or by citations.

    Raises:
        ValueError: ``relevant`` is empty.
    """
    wanted = _some(relevant)
    return len(set(found) & wanted) / len(wanted)


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


def _some(relevant: Collection[str]) -> set[str]:
    if not relevant:
        raise ValueError("there are no relevant ids: retrieval scores need known evidence")
    return set(relevant)
