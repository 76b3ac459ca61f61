"""Nearest vectors by cosine: exact while few, HNSW beyond, and forks that share what they have in common.

Vectors lie in **slots** 0, 1, 2, ... of one append-only matrix and never move or change; a removed vector leaves a
dead slot. The first slots may be covered by HNSW **graphs**, the rest (the tail) is searched exactly. A fork shares
matrix and graphs, which are frozen from then on: each side appends to its own tail, and to a new graph once the tail is
long. Hence a fork costs a copy of two small tables, and neither side can see what the other writes.

What is found follows from what was added, removed and forked, in that order, and from nothing else: not from when it
was searched, saved, loaded or pickled. So a graph begins where the number of vectors asks for it, and the first one
with the live vectors in the order of their keys, whichever slots they came to lie in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from memgym.bank import graph as hnsw
from memgym.bank.graph import Graph, Links

EXACT_LIMIT = 2048
"""Live vectors that are searched exactly: up to about here, at dimension 512, that is as fast as HNSW."""
_SCORE_DECIMALS = 6
_MARGIN = 1e-5  # float32 dot products of unit vectors are off by less
_BLOCK = 2**22  # bytes that are moved at once


class Rows(Protocol):
    """Vectors, float32 [n, dim], that are read in slices: an array, or what stands for one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, dim]"""

    def __len__(self) -> int: ...

    def __getitem__(self, slots: slice, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class State:
    """All that an index is, as plain arrays.

    Args:
        exact_limit: as for the index.
        keys: int64 [slots], the key of each slot; -1 if it is dead.
        rows: float32 [slots, dim], the vectors.
        graphs: the first slot of each graph, in order, with its links.
        owns_last_graph: whether the last graph grows.
    """

    exact_limit: int
    keys: np.ndarray
    rows: Rows
    graphs: tuple[tuple[int, Links], ...] = ()
    owns_last_graph: bool = False


def blocks(rows: Rows) -> Iterator[tuple[int, np.ndarray]]:
    """Yield all ``rows`` in parts of a few megabytes, each after the number of its first."""
    step = max(1, _BLOCK // (4 * math.prod(rows.shape[1:])))
    for i in range(0, len(rows), step):
        yield i, rows[i : i + step]


class VectorIndex:
    """Unit vectors under integer keys.

    Use it and its forks from one thread at a time: even a search may extend a graph. A deep copy is a fork.

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
        self._graphs: list[Graph] = []
        self._owns_last_graph = False

    def __len__(self) -> int:
        return len(self._slots)

    def check_size(self, size: int) -> None:
        """Raise unless ``size`` vectors can be searched here.

        Raises:
            MissingExtraError: they need graphs, and hnswlib is not installed (extra ``hnsw``).
        """
        if size > self._exact_limit:
            hnsw.hnswlib(self._exact_limit)

    def add(self, keys: Sequence[int], vectors: np.ndarray) -> None:
        """Put ``vectors`` (float32 [n, dim], unit norm) under new ``keys`` (n distinct, not negative).

        They come into a graph with the next :meth:`settle`.

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
        self.settle()  # a graph that should be there is begun with what was there
        for key in keys:
            self._keys[self._slots.pop(key)] = -1
        if self._dead > max(self._exact_limit, len(self)):
            self._compact()

    def settle(self) -> None:
        """Do now what the next search or fork would else do first: let graphs grow (about 1 ms a vector), if any.

        An interrupt at any time leaves a sound index, and the next call goes on.
        """
        if not self._graphs and self._count > self._exact_limit and len(self) > self._exact_limit:
            self._compact()
        start = self._graphed
        if self._count - start > self._exact_limit and len(self) > self._exact_limit and not self._owns_last_graph:
            self._graphs.append(Graph(start, self.dim, self._count - start, self._exact_limit))
            self._owns_last_graph = True
        if self._owns_last_graph and start < self._count:
            self._graphs[-1].extend(self._matrix.data[start : self._count])

    def search(self, query: np.ndarray, k: int) -> tuple[list[int], list[float]]:
        """Return the ``k`` nearest keys (all, if there are fewer) and their cosines, best first.

        Cosines are rounded to six decimals, and equal ones are ordered by key, so that the order does not hang on the
        rounding of float32 sums.

        Args:
            query: float32 [dim], unit norm.
            k: at least 1.
        """
        self.settle()
        slots = [self._from_graph(graph, query, k) for graph in self._graphs]
        slots.append(self._exact(self._graphed, self._count, query, k))
        return self._rank(slots[0] if len(slots) == 1 else np.concatenate(slots), query, k)

    def vectors(self, keys: Sequence[int]) -> np.ndarray:
        """Return a copy of the vectors of ``keys``: float32 [n, dim]."""
        return self._matrix.data[[self._slots[key] for key in keys]]

    def fork(self) -> VectorIndex:
        """Return an independent index with the same content."""
        self.settle()  # once here rather than in each fork
        self._owns_last_graph = False
        twin = object.__new__(VectorIndex)
        twin.__dict__.update(self.__dict__)
        twin._keys, twin._slots, twin._graphs = self._keys.copy(), self._slots.copy(), self._graphs.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> VectorIndex:
        return self.fork()

    def state(self) -> State:
        """Return all that this index is; read its rows before the index changes."""
        if self._graphs:
            rows: Rows = self._matrix.data[: self._count]
            graphs = tuple((graph.start, graph.links()) for graph in self._graphs)
            return State(self._exact_limit, self._keys[: self._count], rows, graphs, self._owns_last_graph)
        keys = np.array(sorted(self._slots), np.int64)
        return State(self._exact_limit, keys, _Picked(self._matrix.data, self._ordered_slots()))

    @classmethod
    def restored(cls, state: State) -> VectorIndex:
        """Return the index that ``state`` was taken of.

        Raises:
            MissingExtraError: as for :meth:`check_size`.
            ValueError: it is the state of no index.
        """
        size, dim = state.rows.shape
        index = cls(dim, state.exact_limit)
        slots = np.flatnonzero(state.keys >= 0)
        index._slots = dict(zip(state.keys[slots].tolist(), slots.tolist(), strict=True))
        if len(index) < len(slots) or len(state.keys) != size:
            raise ValueError(f"{size} vectors need as many different keys")
        index.check_size(len(index))
        stop = 0
        for start, links in state.graphs:  # before the matrix, because for a moment each needs its memory twice
            links.check()
            if start != stop or start + len(links.levels) > size:
                raise ValueError(f"graphs of {size} vectors do not follow one another")
            stop += len(links.levels)
            index._graphs.append(Graph.restored(start, state.rows, links, state.exact_limit))
        index._owns_last_graph = state.owns_last_graph and bool(state.graphs)
        index._matrix = _Matrix(size, dim)
        for i, rows in blocks(state.rows):
            index._matrix.data[i : i + len(rows)] = rows
        index._keys, index._count, index._matrix.used = state.keys.copy(), size, size
        return index

    def __reduce__(self) -> tuple[Any, tuple[State]]:
        state = self.state()
        return VectorIndex.restored, (replace(state, rows=state.rows[:]),)

    @property
    def _dead(self) -> int:
        return self._count - len(self._slots)

    @property
    def _graphed(self) -> int:
        """The number of slots that graphs cover: the tail starts here."""
        return self._graphs[-1].stop if self._graphs else 0

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._matrix.data.shape[1]

    def _ordered_slots(self) -> np.ndarray:
        """Return the live slots, in the order of their keys."""
        return np.array([slot for _, slot in sorted(self._slots.items())], np.int64)

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

    def _from_graph(self, graph: Graph, query: np.ndarray, k: int) -> np.ndarray:
        """Return live slots of ``graph`` near ``query``: at least ``k``, if there are as many.

        Dead slots are still in the graph, so more are asked for until enough are alive, or an exact search is cheaper.
        """
        wanted = max(k, hnsw.EF) if self._dead else k
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
        """Start over with the live vectors, in the order of their keys, unless they lie so already."""
        slots = self._ordered_slots()
        if self._graphs or len(slots) < self._count or (np.diff(slots) < 0).any():
            fresh = VectorIndex(self.dim, self._exact_limit)
            fresh.add(self._keys[slots].tolist(), self._matrix.data[slots])
            self.__dict__.update(fresh.__dict__)


class _Picked:
    """Rows of a matrix, in an order of one's own."""

    def __init__(self, data: np.ndarray, slots: np.ndarray):
        self._data, self._slots = data, slots
        self.shape = (len(slots), data.shape[1])

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, slots: slice) -> np.ndarray:
        return self._data[self._slots[slots]]


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
