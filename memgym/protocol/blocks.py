"""How turns, candidates, memories and questions are shown in observations."""

from __future__ import annotations

from collections.abc import Iterable

from memgym.bank import MemoryRecord
from memgym.episodes import Turn
from memgym.protocol.actions import Candidate
from memgym.protocol.observation import Block


def turn_blocks(turns: Iterable[Turn]) -> list[Block]:
    """Show the turns of a session."""
    return [Block("turn", turn.text, {"id": turn.id, "speaker": turn.speaker}) for turn in turns]


def memory_block(record: MemoryRecord) -> Block:
    """Show a record of the bank, with the time of its last change."""
    attributes = _filled(
        id=record.id,
        key=record.key,
        type=record.memory_type,
        tags=", ".join(record.tags),
        time=record.updated_at or record.created_at,
    )
    return Block("memory", record.value, attributes)


def candidate_block(name: str, candidate: Candidate) -> Block:
    """Show a candidate under the name by which an update plan refers to it."""
    attributes = _filled(id=name, key=candidate.key, type=candidate.memory_type, tags=", ".join(candidate.tags))
    return Block("candidate", candidate.value, attributes)


def question_block(text: str, time: str, answer_format: str = "") -> Block:
    """Show a question; with an answer format where it is to be answered now."""
    return Block("question", text, _filled(time=time, format=answer_format))


def budget_block(tokens: int, used: int, counter: str) -> Block:
    """Show how large the memory may be, and how large it is, in tokens of a counter."""
    return Block("budget", "", {"tokens": str(tokens), "used": str(used), "counter": counter})


def _filled(**attributes: str) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}
