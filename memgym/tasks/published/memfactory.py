"""MemFactory's memory-bank rows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.tasks.published.base import FileConfig, FileTask

SPEAKER = "memory"


class MemFactory(FileTask):
    """One question after an existing memory and a stretch of dialogue (MemFactory, arXiv 2603.29493).

    Reads JSON or JSON lines with rows ``{"M" | "memory": [records], "f" | "fact": [{role, content, timestamp?}],
    "q" | "query", "a" | "answer", "context_memory": [records]}``, a record being ``{id?, key, value, ...}``.

    An episode begins with an empty memory, so what the row already remembers is told in a first session ``memory``:
    one turn per record, spoken by ``memory``, ``{key}: {value}``. The dialogue follows as session ``dialogue``.
    ``context_memory`` is what MemFactory's own retriever found, an input of its prompt and no gold: it is not used.

    The score is exact match with token F1 beside it; MemFactory asks an LLM judge.
    """

    name = "memfactory"
    source = "MemFactory memory-bank rows (arXiv 2603.29493)"
    layout = "MemFactory {M or memory, f or fact, q or query, a or answer}"
    version = 2
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the row's number."""
        return str(number)

    def group_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``sample_id`` of a conversation that many rows share; without one, a digest of its text."""
        if row.get("sample_id") is not None:
            return str(row["sample_id"])
        told = [row.get(name) for name in ("M", "memory", "f", "fact")]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        records = require(row, _present(row, "M", "memory", where), list, where)
        messages = require(row, _present(row, "f", "fact", where), list, where)
        sessions = tuple(s for s in (_memory(records, where), _dialogue(messages, where)) if s.turns)
        if not sessions:
            raise DataError(f"{where}: there is neither a memory nor a dialogue")
        question = Question(
            id=self.row_id(row, key),
            text=require(row, _present(row, "q", "query", where), str, where),
            answers=texts(row, _present(row, "a", "answer", where), where),
        )
        return Episode(id=question.id, questions=(question,), sessions=sessions)


def _present(row: dict[str, Any], short: str, long: str, where: str) -> str:
    """Return which of the two names of a field the row uses."""
    for name in (short, long):
        if row.get(name) is not None:
            return name
    raise DataError(f"{where}: neither the field {short!r} nor the field {long!r} is there")


def _memory(records: list[Any], where: str) -> Session:
    turns = []
    for position, record in enumerate(records):
        at = f"{where}, memory {position}"
        text = f"{require(record, 'key', str, at)}: {require(record, 'value', str, at)}"
        turns.append(Turn(f"memory:{position}", SPEAKER, text))
    return Session("memory", "", tuple(turns))


def _dialogue(messages: list[Any], where: str) -> Session:
    turns = []
    for position, message in enumerate(messages):
        at = f"{where}, fact {position}"
        role, content = require(message, "role", str, at), require(message, "content", str, at)
        turns.append(Turn(f"dialogue:{position}", role, content))
    time = next((str(m["timestamp"]) for m in messages if m.get("timestamp")), "")
    return Session("dialogue", time, tuple(turns))
