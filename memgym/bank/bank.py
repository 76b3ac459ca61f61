"""The memory bank: records with stable ids, searched by meaning, changed by plans, forked and saved."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memgym.bank import storage
from memgym.bank.embedders import CachedEmbedder, Embedder, get_embedder
from memgym.bank.index import EXACT_LIMIT, VectorIndex
from memgym.bank.records import Event, MemoryRecord, Operation, PlanError, check_text
from memgym.errors import BankFileError, ConfigError


class MemoryBank:
    """An explicit long-term memory.

    Every change is a plan of operations that is checked whole, embedded, and only then carried out, so a failure leaves
    the bank as it was. Time is what the caller says it is. Use a bank and its forks from one thread at a time.

    Args:
        embedder: a name (see :func:`get_embedder`), which gets a cache, or an embedder, which is used as it is.
        exact_limit: number of records up to which search is exact; beyond, it is approximate (HNSW).

    Raises:
        ConfigError: the embedder is unknown, or ``exact_limit`` is not a positive int.
        MissingExtraError: the embedder needs an extra that is not installed.
    """

    def __init__(self, embedder: str | Embedder = "hash", exact_limit: int = EXACT_LIMIT):
        if isinstance(embedder, str):
            embedder = CachedEmbedder(get_embedder(embedder))
        elif not isinstance(embedder, Embedder):
            raise ConfigError(f"embedder must be a name, or have name, dim and embed, unlike {embedder!r}")
        _check_positive("exact_limit", exact_limit)
        self.embedder = embedder
        self.version = 0
        """Rises with every change."""
        self._exact_limit = exact_limit
        self._clear()

    def _clear(self) -> None:
        self._records: dict[str, MemoryRecord] = {}
        self._versions: dict[str, tuple[MemoryRecord, ...]] = {}  # every id there ever was
        self._deleted: dict[str, str] = {}  # id to time
        self._index = VectorIndex(self.embedder.dim, self._exact_limit)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, id: object) -> bool:
        return id in self._records

    # Change

    def add(
        self,
        value: str,
        key: str = "",
        memory_type: str = "",
        tags: tuple[str, ...] = (),
        source: tuple[str, ...] = (),
        time: str = "",
    ) -> MemoryRecord:
        """Add a record and return it.

        Raises:
            PlanError: the value is blank, or a field is not text that can be stored.
        """
        return self.apply([Operation("ADD", "", value, key, memory_type, tags, source)], time)[0]

    def add_many(self, entries: Iterable[Mapping[str, Any]], time: str = "") -> list[MemoryRecord]:
        """Add a record for each mapping of :meth:`add`'s arguments (but ``time``): all or none.

        Raises:
            PlanError: as in :meth:`add`.
        """
        return self.apply([Operation("ADD", **entry) for entry in entries], time)

    def update(
        self,
        id: str,
        value: str | None = None,
        key: str | None = None,
        memory_type: str = "",
        tags: tuple[str, ...] = (),
        source: tuple[str, ...] = (),
        time: str = "",
    ) -> MemoryRecord:
        """Change what is given of a record, add to its ``source``, and return it. Id, place and birth time stay.

        Raises:
            PlanError: there is no such record, the value is blank, or a field is not text that can be stored.
        """
        return self.apply([Operation("UPDATE", id, value, key, memory_type, tags, source)], time)[0]

    def delete(self, id: str, time: str = "") -> None:
        """Remove a record; its history stays.

        Raises:
            PlanError: there is no such record.
        """
        self.apply([Operation("DELETE", id)], time)

    def apply(self, plan: Sequence[Operation], time: str = "") -> list[MemoryRecord | None]:
        """Carry out ``plan``, whole or not at all.

        Args:
            plan: operations, none about the same record as another. Records that they add cannot be named by them.
            time: when this happens.

        Returns:
            For each operation, its record as it is now; None after ``DELETE`` and for a ``NOOP`` without an id.

        Raises:
            PlanError: an id is unknown or occurs twice, or ``time`` is not text that can be stored.
        """
        check_text("time", time)
        self._check_ids(plan)
        results = self._outcomes(plan, time)
        changed = [new for operation, new in zip(plan, results, strict=True) if operation.op in ("ADD", "UPDATE")]
        vectors = self._embed([record.text for record in changed])
        self._commit([operation.id for operation in plan if operation.op == "DELETE"], changed, vectors, time)
        return results

    def _outcomes(self, plan: Sequence[Operation], time: str) -> list[MemoryRecord | None]:
        """Return what :meth:`apply` returns, without changing anything yet."""
        born = len(self._versions)
        results = []
        for operation in plan:
            record = self._records.get(operation.id)
            if operation.op == "ADD":
                born += 1
                record = _new_record(f"m{born}", operation, time)
            elif operation.op == "UPDATE":
                record = _updated_record(record, operation, time)
            elif operation.op == "DELETE":
                record = None
            results.append(record)
        return results

    def _commit(self, gone: list[str], changed: list[MemoryRecord], vectors: np.ndarray, time: str) -> None:
        """Delete the ids in ``gone`` and put ``changed`` records with their vectors in place. Cannot fail."""
        self._index.remove([_number(id) for id in gone])
        self._index.remove([_number(record.id) for record in changed if record.id in self._records])
        self._index.add([_number(record.id) for record in changed], vectors)
        for id in gone:
            del self._records[id]
            self._deleted[id] = time
        for record in changed:
            self._records[record.id] = record
            self._versions[record.id] = (*self._versions.get(record.id, ()), record)
        self.version += len(gone) + len(changed)

    def _check_ids(self, plan: Sequence[Operation]) -> None:
        seen = set()
        for operation in plan:
            if not isinstance(operation, Operation):
                raise PlanError(f"a plan consists of Operation objects, not {operation!r}")
            if operation.id:
                self._known(operation.id, operation.op)
                if operation.id in seen:
                    raise PlanError(f"{operation.op}: the plan names {operation.id!r} more than once")
                seen.add(operation.id)

    def _known(self, id: str, where: str) -> MemoryRecord:
        if id not in self._records:
            why = "it was deleted" if id in self._deleted else "no record has that id"
            raise PlanError(f"{where}: unknown id {id!r} ({why})")
        return self._records[id]

    def reset(self) -> None:
        """Forget everything, history included, as if newly made; only ``version`` rises."""
        self._clear()
        self.version += 1

    # Read

    def get(self, id: str) -> MemoryRecord:
        """Return a record.

        Raises:
            PlanError: there is no such record.
        """
        return self._known(id, "get")

    def get_all(self) -> list[MemoryRecord]:
        """Return all records in the order of their ids."""
        return list(self._records.values())

    def search(self, query: str, k: int = 5) -> list[tuple[MemoryRecord, float]]:
        """Return the ``k`` nearest records (all, if there are fewer) with their cosines, best first, then by id.

        Raises:
            ConfigError: ``k`` is not a positive int.
        """
        return self.search_many([query], k)[0]

    def search_many(self, queries: Sequence[str], k: int = 5) -> list[list[tuple[MemoryRecord, float]]]:
        """Return what :meth:`search` returns for each query, embedding them in one batch.

        Raises:
            ConfigError: ``k`` is not a positive int.
        """
        _check_positive("k", k)
        records = self._records
        results = []
        for vector in self._embed(queries):
            numbers, scores = self._index.search(vector, k)
            results.append([(records[f"m{number}"], score) for number, score in zip(numbers, scores, strict=True)])
        return results

    def history(self, id: str) -> list[Event]:
        """Return what happened to a record, oldest first, even if it is deleted.

        Raises:
            PlanError: there never was such a record.
        """
        if id not in self._versions:
            raise PlanError(f"history: unknown id {id!r} (no record ever had it)")
        versions = self._versions[id]
        events = [
            Event("UPDATE" if old else "ADD", new.updated_at, old, new)
            for old, new in zip((None, *versions), versions, strict=False)
        ]
        if id in self._deleted:
            events.append(Event("DELETE", self._deleted[id], versions[-1], None))
        return events

    # Copy and keep

    def fork(self) -> MemoryBank:
        """Return an independent bank with the same content and future ids; embedder and vectors are shared."""
        twin = object.__new__(MemoryBank)
        twin.__dict__.update(self.__dict__)
        twin._records, twin._versions = self._records.copy(), self._versions.copy()
        twin._deleted, twin._index = self._deleted.copy(), self._index.fork()
        return twin

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank to a file in one step: a kill at any moment leaves the old file or the new one."""
        vectors = self._index.vectors([_number(id) for id in self._records])
        storage.write(path, storage.Snapshot(self.embedder.name, self.version, self._versions, self._deleted, vectors))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], embedder: str | Embedder | None = None, exact_limit: int = EXACT_LIMIT
    ) -> MemoryBank:
        """Read a bank that :meth:`save` wrote.

        Args:
            embedder: the one that the bank was made with; by default it is made from its name.

        Raises:
            BankFileError: the file is damaged, foreign, from a newer version, or made with another embedder.
            ConfigError, MissingExtraError: as for the class.
            OSError: the file cannot be opened.
        """
        snapshot = storage.read(path)
        try:
            bank = cls(snapshot.embedder if embedder is None else embedder, exact_limit)
        except ConfigError as error:
            if embedder is not None:
                raise
            raise BankFileError(
                f"{path} was made with an embedder of your own; pass it as embedder= ({error})"
            ) from None
        made = f"{snapshot.embedder!r} with {snapshot.vectors.shape[1]} dimensions"
        used = f"{bank.embedder.name!r} with {bank.embedder.dim} dimensions"
        if made != used:
            raise BankFileError(f"{path} was made with embedder {made}; it cannot be read with {used}")
        bank.version = snapshot.version
        bank._versions, bank._deleted = snapshot.versions, snapshot.deleted
        bank._records = {id: v[-1] for id, v in snapshot.versions.items() if id not in snapshot.deleted}
        bank._index.add([_number(id) for id in bank._records], snapshot.vectors)
        return bank

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = self.embedder.embed(texts)
        if vectors.shape != (len(texts), self.embedder.dim):
            raise ConfigError(
                f"embedder {self.embedder.name!r} returned shape {vectors.shape} for {len(texts)} texts "
                f"instead of ({len(texts)}, {self.embedder.dim})"
            )
        return vectors


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a positive int, not {value!r}")


def _number(id: str) -> int:
    return int(id[1:])


def _new_record(id: str, operation: Operation, time: str) -> MemoryRecord:
    return MemoryRecord(
        id, operation.key or "", operation.value, operation.memory_type, operation.tags, time, time, operation.source
    )


def _updated_record(old: MemoryRecord, operation: Operation, time: str) -> MemoryRecord:
    return replace(
        old,
        key=old.key if operation.key is None else operation.key,
        value=old.value if operation.value is None else operation.value,
        memory_type=operation.memory_type or old.memory_type,
        tags=operation.tags or old.tags,
        updated_at=time,
        source=tuple(dict.fromkeys(old.source + operation.source)),
    )
