"""From an agent's plan to what the bank is told: provenance of new memories, and the budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from memgym.bank import MemoryBank, MemoryRecord, Operation
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


def used_tokens(bank: MemoryBank, counter: TokenCounter) -> int:
    """Return what a bank costs: the tokens of everything that is kept of its records, each rounded up by itself."""
    return bank.once(("used", counter), lambda: sum(counter.count(record.cost_text) for record in bank.get_all()))


def fit_budget(
    plan: Sequence[Operation], bank: MemoryBank, tokens: int | None, counter: TokenCounter
) -> tuple[list[Operation], bool]:
    """Cut a plan to the bank's budget, in the order of its operations.

    Returns:
        The plan with values cut where the budget ended and changes dropped where nothing was left, and whether
        anything was cut or dropped.
    """
    if tokens is None:
        return list(plan), False
    room = tokens - used_tokens(bank, counter)
    fitted: list[Operation] = []
    overflow = False
    for operation in plan:
        old = bank.get(operation.id) if operation.op in ("UPDATE", "DELETE") else None
        available = room + (counter.count(old.cost_text) if old else 0)
        if operation.op in ("ADD", "UPDATE"):
            new = old.changed(operation, "") if old else operation.record("", "")
            kept = cut_value(new, new.cost_text, available, counter)
            overflow |= kept is not new
            if kept is None:
                continue
            available -= counter.count(kept.cost_text)
            operation = operation if kept is new else replace(operation, value=kept.value)
        room = available
        fitted.append(operation)
    return fitted, overflow


def cut_value(record: MemoryRecord, text: str, tokens: int, counter: TokenCounter) -> MemoryRecord | None:
    """Return a record with its value cut such that a text which ends with the value has at most ``tokens`` tokens.

    Returns:
        The same record if nothing had to be cut, None if nothing of the value is left.
    """
    end = counter.end(text, 0, max(0, tokens))
    value = record.value[: max(0, end - (len(text) - len(record.value)))]
    if not value.strip():
        return None
    return record if len(value) == len(record.value) else replace(record, value=value)
