"""From an agent's plan to what the bank is told: provenance of new memories, and the budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from memgym.bank import MemoryBank, Operation
from memgym.episodes import Turn
from memgym.protocol.actions import Candidate, PlannedOperation
from memgym.tokens import TokenCounter
from memgym.words import find_words


def attribute_source(value: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """Return the id of the turn that shares most words with a memory; none if no turn shares any."""
    words = set(find_words(value))
    shared = [len(words & set(find_words(f"{turn.speaker} {turn.text}"))) for turn in turns]
    most = max(shared, default=0)
    return (turns[shared.index(most)].id,) if most else ()


def bank_operations(
    plan: Iterable[PlannedOperation], candidates: Mapping[str, Candidate], turns: Sequence[Turn]
) -> list[Operation]:
    """Give the operations of a plan the content and provenance of what they name; those that do nothing are left out.

    Args:
        plan: a checked plan.
        candidates: what its additions may name.
        turns: the session that it is about.
    """
    operations = []
    for planned in plan:
        if planned.op == "ADD":
            candidate = candidates[planned.id]
            value = candidate.value if planned.value is None else planned.value
            key = candidate.key if planned.key is None else planned.key
            source = candidate.source or attribute_source(value, turns)
            operations.append(Operation("ADD", "", value, key, candidate.memory_type, candidate.tags, source))
        elif planned.op == "UPDATE":
            source = attribute_source(planned.value or "", turns)
            operations.append(Operation("UPDATE", planned.id, planned.value, planned.key, source=source))
        elif planned.op == "DELETE":
            operations.append(Operation("DELETE", planned.id))
    return operations


def fit_budget(
    plan: Sequence[Operation], bank: MemoryBank, tokens: int | None, counter: TokenCounter
) -> tuple[list[Operation], bool]:
    """Cut a plan to the bank's budget, in the order of its operations.

    Returns:
        The plan with values cut where the budget ended and additions dropped where nothing was left, and whether
        anything was cut or dropped.
    """
    if tokens is None:
        return list(plan), False
    room = tokens - sum(counter.count(record.text) for record in bank.get_all())
    fitted: list[Operation] = []
    overflow = False
    for operation in plan:
        old = bank.get(operation.id) if operation.op in ("UPDATE", "DELETE") else None
        available = room + (counter.count(old.text) if old else 0)
        if operation.op in ("ADD", "UPDATE"):
            key = old.key if old and operation.key is None else operation.key
            prefix = f"{key}: " if key else ""
            whole = prefix + (operation.value or "")
            text = counter.cut(whole, max(0, available))
            overflow |= len(text) < len(whole)
            if not text[len(prefix) :].strip():
                continue
            available -= counter.count(text)
            operation = replace(operation, value=text[len(prefix) :])
        room = available
        fitted.append(operation)
    return fitted, overflow
