"""What the memory bank holds (records), how it is told to change (operations) and what it remembers (events)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from memgym.errors import MemgymError

OPERATIONS = ("ADD", "UPDATE", "DELETE", "NOOP")
OPERATION_ALIASES = {"DEL": "DELETE", "NONE": "NOOP"}
"""MemFactory's spelling (arXiv 2603.29493, section 3) to the field's."""


class PlanError(MemgymError, ValueError):
    """A bank operation that cannot be carried out. The bank is as it was before."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One memory.

    Args:
        id: ``m1``, ``m2``, ... in the order of creation; stable, and never given to another record.
        key: a short name of what it is about; ``""`` if it has none.
        value: the content.
        memory_type: the caller's own kind, e.g. ``episodic``; ``""`` if it has none.
        tags: the caller's own labels.
        created_at: when it was added, as the caller writes it; ``""`` if unknown.
        updated_at: when it last changed; the same as ``created_at`` at first.
        source: ids of the turns or sections that it rests on.
    """

    id: str
    key: str
    value: str
    memory_type: str = ""
    tags: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    source: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is embedded and shown: ``key: value``, or the value alone."""
        return f"{self.key}: {self.value}" if self.key else self.value

    @property
    def shown_text(self) -> str:
        """All that whoever answers is shown of it and its writer chose, the value last: its tokens bound an answer."""
        return "\n".join([*filter(None, (self.memory_type, ", ".join(self.tags))), self.text])

    @property
    def cost_text(self) -> str:
        """All that is kept of it and its writer chose, the value last: its tokens are what the record costs."""
        return "\n".join([*filter(None, (", ".join(self.source),)), self.shown_text])

    def changed(self, operation: Operation, time: str) -> MemoryRecord:
        """Return what an ``UPDATE`` makes of it."""
        return replace(
            self,
            key=self.key if operation.key is None else operation.key,
            value=self.value if operation.value is None else operation.value,
            memory_type=operation.memory_type or self.memory_type,
            tags=operation.tags or self.tags,
            updated_at=time,
            source=tuple(dict.fromkeys(self.source + operation.source)),
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of an update plan (Memory-R1, arXiv 2508.19828, section 3.1).

    Args:
        op: ``ADD``, ``UPDATE``, ``DELETE`` or ``NOOP`` (``DEL`` and ``NONE`` are accepted).
        id: the record to update, delete or leave alone; ``""`` for ``ADD``, optional for ``NOOP``.
        value: the new content; ``None`` keeps it (``UPDATE`` only).
        key: the new key; ``None`` keeps it, or means none (``ADD``).
        memory_type: the new type; ``""`` keeps it.
        tags: the new tags; an empty tuple keeps them.
        source: provenance to put in addition to what is there.

    Raises:
        PlanError: the operation is unknown, or a field is missing, not text, or cannot be stored as UTF-8.
    """

    op: str
    id: str = ""
    value: str | None = None
    key: str | None = None
    memory_type: str = ""
    tags: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.op not in OPERATIONS:
            object.__setattr__(self, "op", self._meant())
        if type(self.tags) is not tuple or type(self.source) is not tuple:
            for name in ("tags", "source"):
                object.__setattr__(self, name, self._labels(name))
        given = [text for text in (self.value, self.key) if text is not None]
        check_storable(self.op, self.id, *given, self.memory_type, *self.tags, *self.source)
        self._check_fields(given)

    def record(self, id: str, time: str) -> MemoryRecord:
        """Return the record that an ``ADD`` makes."""
        value = cast(str, self.value)
        return MemoryRecord(id, self.key or "", value, self.memory_type, self.tags, time, time, self.source)

    def _meant(self) -> str:
        """Return the operation that an alias means."""
        if not isinstance(self.op, str) or self.op not in OPERATION_ALIASES:
            raise PlanError(f"unknown operation {self.op!r}; known: {', '.join(OPERATIONS)}")
        return OPERATION_ALIASES[self.op]

    def _labels(self, name: str) -> tuple[str, ...]:
        """Return a field of labels as a tuple; a text is not taken for a tuple of its characters."""
        labels = getattr(self, name)
        if not isinstance(labels, list | tuple):
            raise PlanError(f"{self.op}: {name} must be a tuple of texts, not {labels!r}")
        return tuple(labels)

    def _check_fields(self, given: list[str]) -> None:
        """Raise unless the fields that the operation needs are there, and none that contradicts it."""
        if self.op == "ADD":
            if self.id:
                raise PlanError(f"ADD makes its own id: leave out {self.id!r}, or UPDATE that record")
            if self.value is None:
                raise PlanError("ADD needs a value")
        elif self.op != "NOOP" and not self.id:
            raise PlanError(f"{self.op} needs the id of a record")
        if self.value is not None and not self.value.strip() and self.op in ("ADD", "UPDATE"):
            raise PlanError(f"{self.op}: the value is blank")
        if self.op == "UPDATE" and not (given or self.memory_type or self.tags or self.source):
            raise PlanError(f"UPDATE {self.id} has nothing to change: give a value")


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one record: ``old`` is None for ``ADD``, ``new`` is None for ``DELETE``."""

    op: str
    time: str
    old: MemoryRecord | None
    new: MemoryRecord | None


def check_storable(where: str, *texts: str) -> None:
    """Check that all ``texts`` can be stored.

    Raises:
        PlanError: one is not a string, or holds a lone surrogate, which UTF-8 cannot express.
    """
    try:
        "".join(texts).encode()
    except TypeError:
        wrong = next(text for text in texts if not isinstance(text, str))
        raise PlanError(f"{where}: {wrong!r} must be text, not {type(wrong).__name__}") from None
    except UnicodeEncodeError as error:
        surrogate = error.object[error.start]
        raise PlanError(f"{where}: lone surrogate {surrogate!r} cannot be stored; remove it") from None
