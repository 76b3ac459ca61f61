"""How well retrieved and cited memories cover the evidence of a question.

Evidence is given as turns, memories rest on one or more turns each: a memory is relevant if it rests on an evidence
turn, and an evidence turn is covered if a memory rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memgym.bank import MemoryRecord
from memgym.scoring.retrieval import citation_precision, recall, reciprocal_rank


def rests_on(record: MemoryRecord, evidence: Iterable[str]) -> bool:
    """Return whether a memory rests on one of the evidence turns."""
    return not set(evidence).isdisjoint(record.source)


def retrieval_scores(ranked: Sequence[MemoryRecord], kept: int, evidence: Sequence[str]) -> dict[str, float]:
    """Return the scores of a ranking.

    Args:
        ranked: the memories, best first.
        kept: how many of them are kept for the answer.
        evidence: ids of the evidence turns, at least one.

    Returns:
        ``evidence_recall``: share of the evidence turns that the kept memories cover (recall@k over turns);
        ``reciprocal_rank`` of the first relevant memory, whose mean over questions is the MRR.
    """
    relevant = [record.id for record in ranked if rests_on(record, evidence)]
    return {
        "evidence_recall": _covered(ranked[:kept], evidence),
        "reciprocal_rank": reciprocal_rank([record.id for record in ranked], relevant) if relevant else 0.0,
    }


def citation_scores(
    cited_ids: Sequence[str], shown: dict[str, MemoryRecord], evidence: Sequence[str]
) -> dict[str, float]:
    """Return the scores of an answer's citations.

    Args:
        cited_ids: what the answer cites; an id that was not shown counts as wrong.
        shown: the memories that the answerer saw, by id.
        evidence: ids of the evidence turns, at least one.

    Returns:
        ``citation_precision``: share of the cited memories that are relevant; ``citation_recall``: share of the
        evidence turns that they cover.
    """
    relevant = [record.id for record in shown.values() if rests_on(record, evidence)]
    cited = [shown[identity] for identity in cited_ids if identity in shown]
    return {
        "citation_precision": citation_precision(cited_ids, relevant) if relevant else 0.0,
        "citation_recall": _covered(cited, evidence),
    }


def _covered(records: Iterable[MemoryRecord], evidence: Sequence[str]) -> float:
    return recall([turn for record in records for turn in record.source], evidence)
