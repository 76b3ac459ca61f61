"""How well retrieved and cited memories cover the evidence of a question.

Evidence is given as turns, memories name one or more turns each as their source. Naming is not enough: a memory has the
credit of a turn that it names only if its text holds what is needed of it, or carries something of it where nothing in
particular is (:meth:`memgym.scoring.support.Support.evidence`). A memory is relevant if it has the credit of an
evidence turn, and an evidence turn is covered if a memory has its credit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from memgym.bank import MemoryRecord
from memgym.scoring.retrieval import citation_precision, recall, reciprocal_rank

_PIECE = 256
Evidence = Mapping[str, Callable[[str], bool]]
"""Id of each evidence turn to what tells whether a text has its credit."""


def credited(record: MemoryRecord, evidence: Evidence) -> list[str]:
    """Return the ids of the evidence turns that a memory names as its source and has the credit of.

    Args:
        record: the memory, as it is stored or as far as it is shown.
        evidence: the evidence turns.
    """
    return [turn for turn in record.source if turn in evidence and evidence[turn](record.text)]


def retrieval_scores(
    ranked: Sequence[MemoryRecord], kept: Iterable[MemoryRecord], evidence: Evidence
) -> dict[str, float]:
    """Return the scores of a ranking.

    Args:
        ranked: the memories, best first.
        kept: those that are kept for the answer, as far as they are shown there.
        evidence: the evidence turns, at least one.

    Returns:
        ``evidence_recall``: share of the evidence turns that the kept memories cover (recall@k over turns);
        ``reciprocal_rank`` of the first relevant memory, whose mean over questions is the MRR; a memory of more than
        256 bytes takes as many ranks as it has such pieces, so that a whole session is no first hit.
    """
    relevant = [_pieces(record)[-1] for record in ranked if credited(record, evidence)]
    places = [piece for record in ranked for piece in _pieces(record)]
    return {
        "evidence_recall": _covered(kept, evidence),
        "reciprocal_rank": reciprocal_rank(places, relevant) if relevant else 0.0,
    }


def citation_scores(
    cited_ids: Sequence[str], shown: Mapping[str, MemoryRecord], evidence: Evidence
) -> dict[str, float]:
    """Return the scores of an answer's citations.

    Args:
        cited_ids: what the answer cites; an id that was not shown counts as wrong.
        shown: the memories that the answerer saw, by id, as far as they were shown.
        evidence: the evidence turns, at least one.

    Returns:
        ``citation_precision``: share of the cited memories that are relevant, where one of more than 256 bytes counts
        as so many citations as it has such pieces, of which one is relevant; ``citation_f1``: the harmonic mean of that
        and of the share of the evidence turns that they cover.
    """
    relevant = [_pieces(record)[-1] for record in shown.values() if credited(record, evidence)]
    cited = [shown[identity] for identity in cited_ids if identity in shown]
    pieces = [piece for i in cited_ids for piece in (_pieces(shown[i]) if i in shown else [i])]
    precision, covered = citation_precision(pieces, relevant) if relevant else 0.0, _covered(cited, evidence)
    f1 = 2 * precision * covered / (precision + covered) if covered else 0.0
    return {"citation_precision": precision, "citation_f1": f1}


def _pieces(record: MemoryRecord) -> list[str]:
    """Return a name for each piece of a memory, at least one."""
    return [f"{record.id} {piece}" for piece in range(max(1, -(-len(record.text.encode()) // _PIECE)))]


def _covered(records: Iterable[MemoryRecord], evidence: Evidence) -> float:
    return recall([turn for record in records for turn in credited(record, evidence)], list(evidence))
