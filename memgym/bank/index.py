"""Nearest vectors by cosine: exact while few, HNSW beyond, and forks that share what they have in common.

Vectors lie in **slots** 0, 1, 2, ... of one append-only matrix and never move or change; a removed vector leaves a
dead slot. The first slots may be covered by HNSW **graphs**, the rest (the tail) is searched exactly. A fork shares
matrix and graphs, which are frozen from then on: each side appends to its own tail, and to a new graph once the tail is
long. Hence a fork costs a copy of two small tables, and neither side can see what the other writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from memgym.errors import MissingExtraError

EXACT_LIMIT = 2048
"""Live vectors that are searched exactly: up to about here, at dimension 512, that is as fast as HNSW."""
M, EF_CONSTRUCTION, EF = 32, 100, 128
"""HNSW (arXiv 1603.09320): measured recall@10 of 0.985 among 20,000 hashed sentences."""
_SEED = 100
_SCORE_DECIMALS = 6
_MARGIN = 1e-5  # float32 dot products of unit vectors are off by less


class VectorIndex:
    """Unit vectors under integer keys.

    Use it and its forks from one thread at a time: even a search may extend a graph. A deep copy is a fork. A pickle
    holds the vectors and where the graphs begin and end; they are built again when it is read, as they were.

    Args:
        dim: length of the vectors.
        exact_limit: number of vectors up to which search is exact; more need the extra ``hnsw``.
    """

    def __init__(self, dim: int, exact_limit: int = EXACT_LIMIT):
        self._exact_limit = exact_limit
        self._matrix = _Matrix(0, dim)
        self._count = 0
        self._keys = np.empty(0, np.int64)  # slot -> key, -1 if dead
        self._slots: dict[int, int] = {}  # key -> slot
        self._graphs: list[_Graph] = []
        self._owns_last_graph = False

    def __len__(self) -> int:
        return len(self._slots)

    def check_size(self, size: int) -> None:
        """Raise unless ``size`` vectors can be searched here.

        Raises:
            MissingExtraError: they need graphs, and hnswlib is not installed (extra ``hnsw``).
        """
        if size > self._exact_limit:
            _hnswlib(self._exact_limit)

    def add(self, keys: Sequence[int], vectors: np.ndarray) -> None:
        """Put ``vectors`` (float32 [n, dim], unit norm) under new ``keys`` (n distinct, not negative).

        Raises:
            MissingExtraError: as for :meth:`check_size`; nothing is changed.
        """
        self.check_size(len(self) + len(keys))
        start, stop = self._count, self._count + len(keys)
        self._matrix = self._matrix.extended(start, vectors)
        if stop > len(self._keys):
            self._keys = np.concatenate([self._keys[:start], np.empty(stop, np.int64)])
        self._keys[start:stop] = keys
        self._slots.update(zip(keys, range(start, stop), strict=True))
        self._count = stop

    def remove(self, keys: Sequence[int]) -> None:
        """Forget ``keys``, which must be present."""
        for key in keys:
            self._keys[self._slots.pop(key)] = -1
        if self._dead > max(self._exact_limit, len(self)):
            self._compact()

    def search(self, query: np.ndarray, k: int) -> tuple[list[int], list[float]]:
        """Return the ``k`` nearest keys (all, if there are fewer) and their cosines, best first.

        Cosines are rounded to six decimals, and equal ones are ordered by key, so that the order does not hang on the
        rounding of float32 sums.

        Args:
            query: float32 [dim], unit norm.
            k: at least 1.
        """
        self._extend_graphs()
        slots = [self._from_graph(graph, query, k) for graph in self._graphs]
        slots.append(self._exact(self._graphed, self._count, query, k))
        return self._rank(slots[0] if len(slots) == 1 else np.concatenate(slots), query, k)

    def vectors(self, keys: Sequence[int]) -> np.ndarray:
        """Return a copy of the vectors of ``keys``: float32 [n, dim]."""
        return self._matrix.data[[self._slots[key] for key in keys]]

    def fork(self) -> VectorIndex:
        """Return an independent index with the same content."""
        self._extend_graphs()  # once here rather than in each fork
        self._owns_last_graph = False
        twin = object.__new__(VectorIndex)
        twin.__dict__.update(self.__dict__)
        twin._keys, twin._slots, twin._graphs = self._keys.copy(), self._slots.copy(), self._graphs.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> VectorIndex:
        return self.fork()

    def __getstate__(self) -> dict[str, Any]:
        # Not hnswlib's own pickle: it forgets where its random levels stand, and what is added later lies elsewhere.
        bounds = [(graph.start, graph.stop) for graph in self._graphs]
        return self.__dict__ | {"_matrix": self._matrix.data[: self._count], "_graphs": bounds}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.check_size(len(self))
        rows = state["_matrix"]
        self._matrix = _Matrix(0, rows.shape[1]).extended(0, rows)
        self._graphs = [self._graph(start, stop) for start, stop in state["_graphs"]]

    @property
    def _dead(self) -> int:
        return self._count - len(self._slots)

    @property
    def _graphed(self) -> int:
        """The number of slots that graphs cover: the tail starts here."""
        return self._graphs[-1].stop if self._graphs else 0

    def _extend_graphs(self) -> None:
        start, stop = self._graphed, self._count
        if self._owns_last_graph and start < stop:
            self._graphs[-1].extend(self._matrix.data[start:stop])
        elif stop - start > self._exact_limit and len(self) > self._exact_limit:
            self._graphs.append(self._graph(start, stop))
            self._owns_last_graph = True

    def _graph(self, start: int, stop: int) -> _Graph:
        return _Graph(_hnswlib(self._exact_limit), start, self._matrix.data[start:stop])

    def _exact(self, start: int, stop: int, query: np.ndarray, k: int) -> np.ndarray:
        """Return the live ones of slots ``start`` to ``stop`` that may be among the ``k`` nearest."""
        if start == stop:
            return np.empty(0, np.int64)
        # vecdot, because the threads of a matrix product stall for milliseconds when other processes want the cores.
        # Negated, because np.partition is ten times slower where ties, such as zero cosines, lie below the cut.
        distances = np.vecdot(self._matrix.data[start:stop], -query)
        if self._dead:
            distances[self._keys[start:stop] < 0] = np.inf
        limit = np.partition(distances, k - 1)[k - 1] + _MARGIN if k < stop - start else np.inf
        return self._live(np.flatnonzero(distances <= limit) + start)

    def _from_graph(self, graph: _Graph, query: np.ndarray, k: int) -> np.ndarray:
        """Return live slots of ``graph`` near ``query``: at least ``k``, if there are as many.

        Dead slots are still in the graph, so more are asked for until enough are alive, or an exact search is cheaper.
        """
        wanted = max(k, EF) if self._dead else k
        while wanted <= (graph.stop - graph.start) // 8:
            slots = graph.nearest(query, wanted)
            if slots is None:
                break
            slots = self._live(slots)
            if len(slots) >= k:
                return slots
            wanted *= 4
        return self._exact(graph.start, graph.stop, query, k)

    def _live(self, slots: np.ndarray) -> np.ndarray:
        return slots[self._keys[slots] >= 0] if self._dead else slots

    def _rank(self, slots: np.ndarray, query: np.ndarray, k: int) -> tuple[list[int], list[float]]:
        keys = self._keys[slots]
        scores = np.vecdot(self._matrix.data[slots], query, dtype=np.float64).round(_SCORE_DECIMALS)
        best = np.lexsort((keys, -scores))[:k]
        return keys[best].tolist(), scores[best].tolist()

    def _compact(self) -> None:
        """Start over with the live vectors."""
        keys = list(self._slots)
        vectors = self.vectors(keys)
        fresh = VectorIndex(vectors.shape[1], self._exact_limit)
        fresh.add(keys, vectors)
        self.__dict__.update(fresh.__dict__)


class _Matrix:
    """Rows that several indices share: each knows how many belong to it, and ``used`` is the highest such number."""

    __slots__ = ("data", "used")

    def __init__(self, rows: int, dim: int):
        self.data = np.empty((rows, dim), np.float32)
        self.used = 0

    def extended(self, count: int, rows: np.ndarray) -> _Matrix:
        """Return a matrix whose first rows are the first ``count`` of this one, followed by ``rows``.

        That is this one if nobody has written there and there is room, else a larger copy.
        """
        stop = count + len(rows)
        matrix = self
        if self.used > count or stop > len(self.data):
            matrix = _Matrix(max(stop, 2 * count), self.data.shape[1])
            matrix.data[:count] = self.data[:count]
        matrix.data[count:stop] = rows
        matrix.used = stop
        return matrix


class _Graph:
    """An HNSW graph over slots ``start`` to ``stop`` - 1. Built by one thread, so that it is always the same."""

    def __init__(self, hnswlib: Any, start: int, vectors: np.ndarray):
        self.start = self.stop = start
        self._hnsw = hnswlib.Index("ip", vectors.shape[1])
        self._hnsw.init_index(len(vectors), M=M, ef_construction=EF_CONSTRUCTION, random_seed=_SEED)
        self.extend(vectors)

    def extend(self, vectors: np.ndarray) -> None:
        """Cover the next ``len(vectors)`` slots as well."""
        stop = self.stop + len(vectors)
        size = stop - self.start
        if size > self._hnsw.get_max_elements():
            self._hnsw.resize_index(2 * size)
        self._hnsw.add_items(vectors, np.arange(self.stop, stop), num_threads=1)
        self.stop = stop

    def nearest(self, query: np.ndarray, k: int) -> np.ndarray | None:
        """Return about the ``k`` nearest slots (int64 [k]), or None if the graph does not connect that many."""
        self._hnsw.set_ef(max(EF, k))
        try:
            labels, _ = self._hnsw.knn_query(query, k, num_threads=1)
        except RuntimeError:  # "Cannot return the results in a contiguous 2D array"
            return None
        return labels[0].astype(np.int64)


def _hnswlib(exact_limit: int) -> Any:
    """Return the module, which is built from source on installation, so that not every machine has it."""
    try:
        import hnswlib
    except ImportError as error:
        raise MissingExtraError(f"a memory bank of more than {exact_limit:,} records", "hnsw") from error
    return hnswlib
