"""Actions: what an agent answers, as one string per phase, with published JSON Schemas and one parser per phase.

Parsing is strict about meaning (types, ids, duplicates) and tolerant about wrapping:
:mod:`memgym.protocol.json_in_text` says which JSON of a text is the action, :mod:`memgym.protocol.boxed` what a box
holds. Whatever does not fit raises :class:`~memgym.errors.ActionError` with a message for the agent.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from memgym.bank import OPERATION_ALIASES, OPERATIONS
from memgym.errors import ActionError
from memgym.protocol.boxed import read_boxed
from memgym.protocol.json_in_text import find_ids, find_object

MAX_ACTION_CHARS = 1_000_000
"""Longer actions are refused unread."""

MAX_ITEMS = 5_000
"""The most memories or operations in one action."""

SPELLINGS = {**{operation: operation for operation in OPERATIONS}, **OPERATION_ALIASES}
"""Accepted spelling of a bank operation to the operation."""

ANSWER_FORMATS = ("plain", "boxed", "json")

_TEXT = {"type": "string", "minLength": 1}
_IDS = {"type": "array", "items": _TEXT, "uniqueItems": True}


def _operation(spellings: list[str], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"id": _TEXT, "op": {"enum": spellings}, "key": {"type": "string"}, "value": _TEXT},
        "required": ["id", "op", *required],
        "additionalProperties": False,
    }


ACTION_SCHEMAS: dict[str, dict[str, Any]] = {
    "extract": {
        "type": "object",
        "properties": {
            "memory_list": {
                "type": "array",
                "maxItems": MAX_ITEMS,
                "items": {
                    "type": "object",
                    "properties": {
                        "key": {"type": "string"},
                        "value": _TEXT,
                        "memory_type": {"type": "string"},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "source": _IDS,
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["memory_list"],
        "additionalProperties": False,
    },
    "update": {
        "type": "object",
        "properties": {
            "operations": {
                "type": "array",
                "maxItems": MAX_ITEMS,
                "items": {
                    "anyOf": [
                        _operation([spelling for spelling in SPELLINGS if spelling != "UPDATE"]),
                        _operation(["UPDATE"], "value"),
                    ]
                },
            }
        },
        "required": ["operations"],
        "additionalProperties": False,
    },
    "retrieve": _IDS,
    "answer": {
        "type": "object",
        "properties": {"answer": _TEXT, "cited_ids": _IDS},
        "required": ["answer"],
        "additionalProperties": False,
    },
}
"""JSON Schema of each phase's JSON action; ``answer`` applies to the answer format ``json``. ``read`` is free text.

What a schema cannot say, the parsers check besides: ids are those shown, none has two operations, values and answers
are not blank.
"""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory proposed by the extract phase; ``source`` names the turns that it rests on, if the agent said so."""

    value: str
    key: str = ""
    memory_type: str = ""
    tags: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What its record will be found by: ``key: value``, or the value alone."""
        return f"{self.key}: {self.value}" if self.key else self.value


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """One line of an update plan: ``id`` names a candidate (ADD, NOOP) or a memory (UPDATE, DELETE, NOOP)."""

    id: str
    op: str
    key: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with the ids of the memories that it cites (format ``json`` only)."""

    text: str
    cited_ids: tuple[str, ...] = ()


def check_action(action: object) -> str:
    """Return the action if it is a usable string.

    Raises:
        ActionError: it is no string, too long, or not valid Unicode.
    """
    if not isinstance(action, str):
        raise ActionError(f"an action must be a string, not {type(action).__name__}")
    if len(action) > MAX_ACTION_CHARS:
        raise ActionError(f"the action has {len(action):,} characters; at most {MAX_ACTION_CHARS:,} are read")
    if not action.isascii() and _SURROGATE.search(action):
        raise ActionError("the action is not valid Unicode: it has a lone surrogate")
    return action


def parse_extract(action: str, turn_ids: Collection[str]) -> list[Candidate]:
    """Read ``{"memory_list": [{"value", "key"?, "memory_type"?, "tags"?, "source"?}]}``.

    Raises:
        ActionError: it does not fit the schema, or ``source`` names a turn that is not in the session.
    """
    items = _get_list(find_object(action, "memory_list"), "memory_list")
    candidates = []
    for i, item in enumerate(items):
        where = f"memory_list[{i}]"
        fields = _get_object(item, where, {"key", "value", "memory_type", "tags", "source"})
        source = _get_ids(fields.get("source", []), f"{where}.source")
        _check_known(source, turn_ids, f"{where}.source")
        candidates.append(
            Candidate(
                value=_get_text(fields, "value", where, required=True),
                key=_get_text(fields, "key", where),
                memory_type=_get_text(fields, "memory_type", where),
                tags=_get_tags(fields.get("tags", []), f"{where}.tags"),
                source=source,
            )
        )
    return candidates


def parse_update(
    action: str, candidate_ids: Collection[str], memory_ids: Collection[str]
) -> tuple[list[PlannedOperation], list[str]]:
    """Read ``{"operations": [{"id", "op", "key"?, "value"?}]}``.

    Returns:
        The operations that fit, and one message for each that does not. A plan with any message must not be applied.

    Raises:
        ActionError: there is no list of operations at all.
    """
    operations: list[PlannedOperation] = []
    problems: list[str] = []
    seen: set[str] = set()
    for i, item in enumerate(_get_list(find_object(action, "operations"), "operations")):
        try:
            operation = _parse_operation(item, f"operations[{i}]", candidate_ids, memory_ids)
            if operation.id in seen:
                raise ActionError(f"operations[{i}]: {operation.id!r} has an operation already")
        except ActionError as error:
            problems.append(str(error))
        else:
            seen.add(operation.id)
            operations.append(operation)
    return operations, problems


def parse_retrieve(action: str, memory_ids: Collection[str]) -> list[str]:
    """Read a JSON list of memory ids, best first; an empty list selects nothing.

    Raises:
        ActionError: it is no list of ids, or an id is unknown or named twice.
    """
    ids = _get_ids(find_ids(action), "the list")
    _check_known(ids, memory_ids, "the list")
    return list(ids)


def parse_answer(action: str, answer_format: str) -> Answer:
    """Read an answer in one of :data:`ANSWER_FORMATS`; what stands before the end of a thought (``</think>``) is none.

    Raises:
        ActionError: the answer is blank, or not in the format.
    """
    action = action.rpartition("</think>")[2]
    if answer_format == "json":
        fields = _get_object(find_object(action, "answer"), "the answer", {"answer", "cited_ids"})
        answer = Answer(_get_text(fields, "answer", "the answer"), _get_ids(fields.get("cited_ids", []), "cited_ids"))
    elif answer_format == "boxed":
        answer = Answer(read_boxed(action))
    else:
        answer = Answer(action.strip())
    if not answer.text.strip():
        raise ActionError("the answer is empty")
    return answer


def to_json(value: Any) -> str:
    """Write an action as JSON, non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False)


def _parse_operation(
    item: object, where: str, candidate_ids: Collection[str], memory_ids: Collection[str]
) -> PlannedOperation:
    fields = _get_object(item, where, {"id", "op", "key", "value"})
    identity = _get_text(fields, "id", where, required=True)
    spelled = _get_text(fields, "op", where, required=True)
    op = SPELLINGS.get(spelled.upper())
    if op is None:
        raise ActionError(f"{where}.op: {_short(spelled)} is none of {', '.join(SPELLINGS)}")
    if identity not in candidate_ids and identity not in memory_ids:
        raise ActionError(f"{where}.id: {_short(identity)} is neither a candidate nor a memory shown here")
    if op == "ADD" and identity not in candidate_ids:
        raise ActionError(f"{where}: ADD takes the id of a candidate, not of memory {_short(identity)}")
    if op in ("UPDATE", "DELETE") and identity not in memory_ids:
        raise ActionError(f"{where}: {op} takes the id of a memory, not of candidate {_short(identity)}")
    value = _get_text(fields, "value", where, required=op == "UPDATE") if "value" in fields or op == "UPDATE" else None
    if value is not None and not value.strip():
        raise ActionError(f"{where}.value is empty")
    return PlannedOperation(identity, op, _get_text(fields, "key", where) if "key" in fields else None, value)


def _get_object(value: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ActionError(f"{where} must be an object, not {_short(value)}")
    extra = sorted(set(value) - known)
    if extra:
        raise ActionError(f"{where} has no field {_short(extra[0])}; its fields are {', '.join(sorted(known))}")
    return value


def _get_list(value: dict[str, Any], name: str) -> list[Any]:
    fields = _get_object(value, "the action", {name})
    if not isinstance(fields.get(name), list):
        raise ActionError(f"the action must have a list {name!r}")
    if len(fields[name]) > MAX_ITEMS:
        raise ActionError(f"{name} has {len(fields[name]):,} items; at most {MAX_ITEMS:,} are taken")
    return fields[name]


def _get_text(fields: dict[str, Any], name: str, where: str, *, required: bool = False) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ActionError(f"{where}.{name} must be a string, not {_short(value)}")
    if required and not value.strip():
        raise ActionError(f"{where}.{name} is missing or empty")
    if not value.isascii() and _SURROGATE.search(value):
        raise ActionError(f"{where}.{name} is not valid Unicode: it has a lone surrogate")
    return value


def _get_ids(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ActionError(f"{where} must be a list of ids (strings)")
    if len(set(value)) < len(value):
        double = next(item for item, times in Counter(value).items() if times > 1)
        raise ActionError(f"{where} names {_short(double)} twice")
    return tuple(value)


def _get_tags(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ActionError(f"{where} must be a list of strings")
    tags = [_get_text({"tag": item}, "tag", f"{where}[{i}]") for i, item in enumerate(value)]
    return tuple(dict.fromkeys(part.strip() for tag in tags for part in tag.split(",") if part.strip()))


def _check_known(ids: Iterable[str], known: Collection[str], where: str) -> None:
    for identity in ids:
        if identity not in known:
            raise ActionError(f"{where}: there is no {_short(identity)} here")


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, dict | list) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
