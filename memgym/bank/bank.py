"""The memory bank: records with stable ids, searched by meaning, changed by plans, forked and saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, KeysView, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from memgym.bank import storage
from memgym.bank.embedders import CachedEmbedder, Embedder, check_embedder, embed_checked, get_embedder, runs_here
from memgym.bank.index import EXACT_LIMIT, VectorIndex
from memgym.bank.records import Event, MemoryRecord, Operation, PlanError, check_storable
from memgym.checks import check_int
from memgym.errors import BankFileError

_Result = TypeVar("_Result")
_MOST_DERIVED = 256


class MemoryBank:
    """An explicit long-term memory.

    Every change is a plan of operations that is checked whole, embedded, and only then carried out, so a failure leaves
    the bank as it was. Time is what the caller says it is. Use a bank and its forks from one thread at a time. A deep
    copy is a fork; a bank can be pickled if its embedder can.

    Args:
        embedder: a name (see :func:`get_embedder`), which gets a cache, or an embedder, which is used as it is.
        exact_limit: number of records up to which search is exact; beyond, it is approximate (HNSW) and needs the extra
            ``hnsw``. A change that would go beyond without it raises MissingExtraError and changes nothing.

    Raises:
        ConfigError: the embedder is unknown, or ``exact_limit`` is not a positive int.
        MissingExtraError: the embedder needs an extra that is not installed.
    """

    def __init__(self, embedder: str | Embedder = "hash", exact_limit: int = EXACT_LIMIT):
        if isinstance(embedder, str):
            embedder = CachedEmbedder(get_embedder(embedder))
        self.embedder = check_embedder("argument 'embedder'", embedder)
        self.version = 0
        """Rises with every change."""
        self._exact_limit = check_int("exact_limit", exact_limit, 1)
        self._clear()

    def _clear(self) -> None:
        self._records: dict[str, MemoryRecord] = {}
        self._versions: dict[str, tuple[MemoryRecord, ...]] = {}  # every id there ever was
        self._deleted: dict[str, str] = {}  # id to time
        self._marks: dict[str, None] = {}  # an ordered set
        self._index = VectorIndex(self.embedder.dim, self._exact_limit)
        # What once() worked out for this content: a change begins a new one, so that forks can share it.
        self._derived: dict[Hashable, Any] = {}

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
        return cast(MemoryRecord, self.apply([Operation("ADD", "", value, key, memory_type, tags, source)], time)[0])

    def add_many(self, entries: Iterable[Mapping[str, Any]], time: str = "") -> list[MemoryRecord]:
        """Add a record for each mapping of :meth:`add`'s arguments (but ``time``): all or none.

        Raises:
            PlanError: as in :meth:`add`.
        """
        return cast(list[MemoryRecord], self.apply([Operation("ADD", **entry) for entry in entries], time))

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
        return cast(MemoryRecord, self.apply([Operation("UPDATE", id, value, key, memory_type, tags, source)], time)[0])

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
            ConfigError: the embedder returned rows that are none.
            MissingExtraError: the bank would outgrow ``exact_limit``, and the extra ``hnsw`` is not installed.
        """
        check_storable("time", time)
        self._check_ids(plan)
        results = self._outcomes(plan, time)
        gone = [operation.id for operation in plan if operation.op == "DELETE"]
        changed = [
            new for operation, new in zip(plan, results, strict=True) if new and operation.op in ("ADD", "UPDATE")
        ]
        self._index.check_size(len(self) - len(gone) + sum(record.id not in self._records for record in changed))
        vectors = self._embed([record.text for record in changed])
        self._commit(gone, changed, vectors, time)
        self._index.settle()  # last, because it takes long: an interrupt leaves the plan carried out
        return results

    def _outcomes(self, plan: Sequence[Operation], time: str) -> list[MemoryRecord | None]:
        """Return what :meth:`apply` returns, without changing anything yet."""
        born = len(self._versions)
        results: list[MemoryRecord | None] = []
        for operation in plan:
            if operation.op == "ADD":
                born += 1
                results.append(operation.record(f"m{born}", time))
            elif operation.op == "UPDATE":
                results.append(self._records[operation.id].changed(operation, time))
            else:
                results.append(self._records.get(operation.id) if operation.op == "NOOP" else None)
        return results

    def _commit(self, gone: list[str], changed: list[MemoryRecord], vectors: np.ndarray, time: str) -> None:
        """Delete the ids in ``gone`` and put ``changed`` records with their vectors in place. Cannot fail."""
        if not gone and not changed:
            return
        self._derived = {}
        replaced = [record.id for record in changed if record.id in self._records]
        self._index.remove([_number(id) for id in (*gone, *replaced)])
        self._index.add([_number(record.id) for record in changed], vectors)
        for id in gone:
            del self._records[id]
            self._deleted[id] = time
        for record in changed:
            self._records[record.id] = record
            self._versions[record.id] = (*self._versions.get(record.id, ()), record)
        self.version += len(gone) + len(changed)

    def _check_ids(self, plan: Sequence[Operation]) -> None:
        seen: set[str] = set()
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

    def mark(self, name: str) -> None:
        """Note ``name``, e.g. the digest of a session that was taken in, among :attr:`marks`. Twice is as once.

        Raises:
            PlanError: it is blank, or not text that can be stored.
        """
        check_storable("mark", name)
        if not name.strip():
            raise PlanError("mark: the name is blank")
        if name not in self._marks:
            self._marks[name] = None
            self._derived = {}
            self.version += 1

    def reset(self) -> None:
        """Forget everything, history and marks included, as if newly made; only ``version`` rises."""
        self._clear()
        self.version += 1

    # Read

    @property
    def marks(self) -> KeysView[str]:
        """The names that :meth:`mark` noted, in order: ask ``name in bank.marks``. Saved with the bank."""
        return self._marks.keys()

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
        check_int("k", k, 1)
        records = self._records
        results = []
        for vector in self._embed(queries):
            numbers, scores = self._index.search(vector, k)
            results.append([(records[f"m{number}"], score) for number, score in zip(numbers, scores, strict=True)])
        return results

    def once(self, key: Hashable, compute: Callable[[], _Result]) -> _Result:
        """Return ``compute()``, worked out once for what the bank holds now: forks share it until they change.

        Args:
            key: tells what is computed; the same key on the same content is not computed again.
            compute: depends on the key and the bank alone. Nobody may change what it returns.
        """
        derived = self._derived
        if key in derived:
            return cast(_Result, derived[key])
        result = compute()
        if len(derived) < _MOST_DERIVED:
            derived[key] = result
        return result

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
        twin._deleted, twin._marks, twin._index = self._deleted.copy(), self._marks.copy(), self._index.fork()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryBank:
        return self.fork()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_derived": {}}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank to a file in one step: a kill at any moment leaves the old file or the new one."""
        content = self._versions, self._deleted, self._index, tuple(self._marks)
        storage.write(path, storage.Snapshot(self.embedder.name, self.version, *content))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], embedder: str | Embedder | None = None, exact_limit: int = EXACT_LIMIT
    ) -> MemoryBank:
        """Read a bank that :meth:`save` wrote.

        Args:
            embedder: the one that the bank was made with, or its name. By default it is the one that the file names, if
                it is ``hash`` or ``minilm``: a file may be anyone's, and neither code nor a host is taken from it.

        Raises:
            BankFileError: the file is damaged, foreign, from a newer version, or made with another embedder.
            ConfigError, MissingExtraError: as for the class.
            OSError: the file cannot be opened.
        """
        snapshot = storage.read(path, check_int("exact_limit", exact_limit, 1))
        if embedder is None:
            if not runs_here(snapshot.embedder):
                raise BankFileError(
                    f"{path} was made with embedder {snapshot.embedder!r}, which is not taken from a file: "
                    "if you trust it, pass it as embedder= (--embedder)"
                )
            embedder = CachedEmbedder(get_embedder(snapshot.embedder))
        bank = cls(embedder, exact_limit)
        made = f"{snapshot.embedder!r} with {snapshot.index.dim} dimensions"
        used = f"{bank.embedder.name!r} with {bank.embedder.dim} dimensions"
        if made != used:
            raise BankFileError(f"{path} was made with embedder {made}; it cannot be read with {used}")
        bank.version = snapshot.version
        bank._versions, bank._deleted, bank._marks = snapshot.versions, snapshot.deleted, dict.fromkeys(snapshot.marks)
        bank._records = {id: v[-1] for id, v in snapshot.versions.items() if id not in snapshot.deleted}
        bank._index = snapshot.index
        return bank

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        if isinstance(self.embedder, CachedEmbedder):  # has checked them
            return self.embedder.embed(texts)
        return embed_checked(self.embedder, texts)


def _number(id: str) -> int:
    return int(id[1:])
