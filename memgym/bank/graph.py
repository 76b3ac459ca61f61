"""HNSW graphs (arXiv 1603.09320): built by hnswlib, taken apart into plain arrays, and put together again.

A graph that was put together again goes on as if it had never been taken apart: it finds the same, and what is added
later gets the same links. Two things make it so. hnswlib can be given all links, by what its pickles use. And its
random levels, whose generator no pickle holds, are one draw after another of a generator that can be started anywhere.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from memgym.errors import MissingExtraError

M, EF_CONSTRUCTION, EF = 32, 100, 128
"""Measured recall@10 of 0.985 among 20,000 hashed sentences."""
SEED = 100
_ROWS = 256  # added in one call of hnswlib, which no Ctrl-C ends
# std::default_random_engine of libstdc++ and of libc++: x -> a x mod (2^31 - 1); a random double is made of two.
_MULTIPLIERS, _MODULUS = (16807, 48271), 2**31 - 1


@dataclass(frozen=True, eq=False)
class Links:
    """Who is whose neighbour in a graph of n vectors.

    Args:
        entry: where searches begin.
        levels: int32 [n], the highest level that each vector is on, from 0.
        base: uint32 [n, 1 + 2 M], on level 0 for each vector: how many neighbours, then which, then zeros.
        upper: uint32 [sum of levels, 1 + M], the same on levels 1, 2, ... of the first vector that has them, and so on.
    """

    entry: int
    levels: np.ndarray
    base: np.ndarray
    upper: np.ndarray

    def check(self) -> None:
        """Raise unless hnswlib can follow these links without leaving its memory.

        Raises:
            ValueError: it cannot.
        """
        size = len(self.levels)
        shapes = {"levels": (size,), "base": (size, 2 * M + 1), "upper": (int(self.levels.sum()), M + 1)}
        for name, shape in shapes.items():
            array, dtype = getattr(self, name), np.int32 if name == "levels" else np.uint32
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"a graph's {name} are {array.dtype} {array.shape} instead of {dtype.__name__} {shape}"
                )
        if not size or self.levels.min() < 0 or self.levels.max() > 64:
            raise ValueError("a graph's levels must lie between 0 and 64")
        if not (isinstance(self.entry, int) and 0 <= self.entry < size):
            raise ValueError(f"a graph of {size} vectors begins at {self.entry!r}")
        if self.levels[self.entry] != self.levels.max():
            raise ValueError("a graph begins below its highest level")
        on = np.concatenate([np.arange(1, level + 1) for level in self.levels[self.levels > 0]] or [self.levels[:0]])
        self._check_lists(self.base, np.zeros(size, np.int64))
        self._check_lists(self.upper, on)

    def _check_lists(self, lists: np.ndarray, on: np.ndarray) -> None:
        """Check lists (uint32 [m, 1 + most]) that are on the levels ``on`` (int [m])."""
        for i in range(0, len(lists), 16 * _ROWS):
            part, least = lists[i : i + 16 * _ROWS], on[i : i + 16 * _ROWS, None]
            there = np.arange(1, part.shape[1]) <= part[:, :1]
            to = np.where(there, part[:, 1:], 0)
            if (part[:, 0] >= part.shape[1]).any() or (to >= len(self.levels)).any():
                raise ValueError("a graph has a link to no vector")
            if (there & (self.levels[to] < least)).any():
                raise ValueError("a graph has a link to a vector that is not on that level")


class Graph:
    """An HNSW graph over slots ``start`` to ``stop`` - 1. Built by one thread, so that it is always the same.

    Args:
        start: the first slot.
        dim: length of the vectors.
        room: for how many vectors to take memory at first.
        exact_limit: what the error says if hnswlib is not installed.

    Raises:
        MissingExtraError: hnswlib is not installed (extra ``hnsw``).
    """

    def __init__(self, start: int, dim: int, room: int, exact_limit: int):
        self.start = start
        self._hnsw = hnswlib(exact_limit).Index("ip", dim)
        self._hnsw.init_index(max(room, 1), M=M, ef_construction=EF_CONSTRUCTION, random_seed=SEED)

    @property
    def stop(self) -> int:
        """One more than the last slot: hnswlib's own count, so that it holds whatever interrupts :meth:`extend`."""
        return self.start + self._hnsw.get_current_count()

    def extend(self, vectors: np.ndarray) -> None:
        """Cover the next ``len(vectors)`` slots as well."""
        first, size = self.stop, self.stop - self.start + len(vectors)
        if size > self._hnsw.get_max_elements():
            self._hnsw.resize_index(2 * size)
        for i in range(0, len(vectors), _ROWS):
            rows = vectors[i : i + _ROWS]
            self._hnsw.add_items(rows, np.arange(first + i, first + i + len(rows)), num_threads=1)

    def nearest(self, query: np.ndarray, k: int) -> np.ndarray | None:
        """Return about the ``k`` nearest slots (int64 [k]), or None if the graph does not connect that many."""
        self._hnsw.set_ef(max(EF, k))
        try:
            labels, _ = self._hnsw.knn_query(query, k, num_threads=1)
        except RuntimeError:  # "Cannot return the results in a contiguous 2D array"
            return None
        return labels[0].astype(np.int64)

    def links(self) -> Links:
        """Take the graph apart. For a moment, this needs as much memory again as the graph."""
        state = self._hnsw.__getstate__()[0]
        size = state["cur_element_count"]
        base = state["data_level0"].reshape(size, -1)[:, : 4 * (2 * M + 1)].copy().view(np.uint32)
        upper = state["link_lists"].view(np.uint32).reshape(-1, M + 1).copy()
        for lists in (base, upper):  # beyond the count is what used to be there
            lists[:, 1:][np.arange(1, lists.shape[1]) > lists[:, :1]] = 0
        return Links(int(state["enterpoint_node"]), state["element_levels"][:size].copy(), base, upper)

    @classmethod
    def restored(cls, start: int, rows: Any, links: Links, exact_limit: int) -> Graph:
        """Return the graph that :meth:`links` took apart.

        Where hnswlib's random levels cannot be continued (see :func:`_multiplier`), it is built again instead, which
        gives the same and takes long.

        Args:
            start: its first slot.
            rows: the vectors of all slots, from 0: float32 [slots, dim], or what is sliced like that.
            links: as taken.
            exact_limit: as for the class.
        """
        graph = cls(start, rows.shape[1], 1, exact_limit)
        multiplier, stop = _multiplier(), start + len(links.levels)
        if multiplier is not None:
            graph._put(rows, links, multiplier)
        for i in range(graph.stop, stop, _ROWS):
            graph.extend(rows[i : min(i + _ROWS, stop)])
        return graph

    def _put(self, rows: Any, links: Links, multiplier: int) -> None:
        """Make an empty graph the one with these links."""
        size, width = len(links.levels), 4 * links.base.shape[1]
        state = self._hnsw.__getstate__()[0]
        level0 = np.empty((size, state["size_data_per_element"]), np.int8)  # per vector: links, vector, label
        level0[:, :width] = links.base.view(np.int8)
        for i in range(0, size, _ROWS):
            part = level0[i : i + _ROWS]
            part[:, width:-8] = rows[self.start + i : self.start + i + len(part)].view(np.int8)
        labels = np.arange(self.start, self.start + size, dtype=np.uint64)
        level0[:, -8:] = labels[:, None].view(np.int8)
        state |= {
            "max_elements": size,
            "cur_element_count": size,
            "ep_added": True,
            "max_level": int(links.levels.max()),
            "enterpoint_node": links.entry,
            "label_lookup_external": labels,
            "label_lookup_internal": np.arange(size, dtype=np.uint32),
            "element_levels": links.levels,
            "data_level0": level0.reshape(-1),
            "link_lists": links.upper.reshape(-1).view(np.int8),
            # Where a generator stands that began with SEED and has given a level to each vector.
            "seed": SEED * pow(multiplier, 2 * size, _MODULUS) % _MODULUS,
        }
        self._hnsw = type(self._hnsw)(state)


@functools.cache
def _multiplier() -> int | None:
    """Return what hnswlib's random levels are made with here, found by trying; None if graphs cannot be continued.

    That may be with another C++ library or another version of hnswlib.
    """
    vectors = np.random.default_rng(0).standard_normal((600, 4), np.float32)
    whole = Graph(0, 4, len(vectors), 0)
    whole.extend(vectors[:300])
    links = whole.links()
    whole.extend(vectors[300:])
    for multiplier in _MULTIPLIERS:
        part = Graph(0, 4, 1, 0)
        try:
            part._put(vectors[:300], links, multiplier)
        except (LookupError, TypeError, ValueError, RuntimeError):
            return None
        part.extend(vectors[300:])
        ours, theirs = part.links(), whole.links()
        if all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in ("levels", "base", "upper")):
            return multiplier
    return None


def hnswlib(exact_limit: int) -> Any:
    """Return the module, which is built from source on installation, so that not every machine has it."""
    try:
        import hnswlib as module
    except ImportError as error:
        raise MissingExtraError(f"a memory bank of more than {exact_limit:,} records", "hnsw") from error
    return module
