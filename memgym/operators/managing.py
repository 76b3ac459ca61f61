"""Operators for the phases around the bank: extract, update, retrieve."""

from __future__ import annotations

from memgym.protocol.actions import to_json
from memgym.protocol.observation import Observation
from memgym.scoring.phrases import plain


def verbatim(observation: Observation) -> str:
    """Extract every turn as it is, with its speaker."""
    items = [
        {"value": f"{turn.attributes['speaker']}: {turn.text}", "source": [turn.id]}
        for turn in observation.turns
        if turn.text.strip()
    ]
    return to_json({"memory_list": items})


def nothing(observation: Observation) -> str:
    """Extract nothing."""
    return to_json({"memory_list": []})


def add_all(observation: Observation) -> str:
    """Add every candidate."""
    return to_json({"operations": [{"id": candidate.id, "op": "ADD"} for candidate in observation.candidates]})


def deduplicate(observation: Observation) -> str:
    """Add the candidates whose text no shown memory and no earlier candidate has."""
    seen = {plain(memory.text) for memory in observation.memories}
    operations = []
    for candidate in observation.candidates:
        text = plain(candidate.text)
        operations.append({"id": candidate.id, "op": "NOOP" if text in seen else "ADD"})
        seen.add(text)
    return to_json({"operations": operations})


def top_k(observation: Observation) -> str:
    """Leave the memories in the order in which the bank's search returned them."""
    return to_json([memory.id for memory in observation.memories])


def oldest_first(observation: Observation) -> str:
    """Put the memories in the order in which they were stored; their ids count up."""
    return to_json(sorted((memory.id for memory in observation.memories), key=lambda name: int(name[1:])))
