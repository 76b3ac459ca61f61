"""How the memory bank fares against its yardsticks, as ratios within one run.

``tox run -e bench`` runs it (about two minutes on two cores, nearly all of it building HNSW graphs).
"""

from __future__ import annotations

import hashlib
import math
import random
from functools import partial

import hnswlib
import numpy as np
from timing import Report, race

from memgym.bank import CachedEmbedder, HashEmbedder, MemoryBank, Operation
from memgym.bank.graph import EF, EF_CONSTRUCTION, M

K = 10
WORDS = [f"{a}{b}" for a in ("bar", "cor", "del", "fen", "gal", "hol", "jun", "kes") for b in range(400)]


def make_texts(count: int, seed: int = 0) -> list[str]:
    """Short texts with a long-tailed vocabulary."""
    rng = random.Random(seed)
    return [" ".join(WORDS[int(len(WORDS) * rng.random() ** 3)] for _ in range(12)) for _ in range(count)]


def add_ratio(report: Report, figure: str, ours: float, theirs: float, at_most: float | None) -> None:
    """Add a ratio of two times in seconds with the most that is accepted."""
    ratio = ours / theirs
    report.add(
        f"{figure} ({ours * 1e3:,.3f} ms / {theirs * 1e3:,.3f} ms)",
        f"{ratio:.3f} x",
        "" if at_most is None else f"at most {at_most:.3g} x",
        None if at_most is None else ratio <= at_most,
    )


def bare_index(bank: MemoryBank, vectors: np.ndarray) -> hnswlib.Index:
    """Return the bank's own graph, which spares building it twice, or else one with the same settings."""
    if bank._index._graphs:
        return bank._index._graphs[0]._hnsw
    raw = hnswlib.Index("ip", vectors.shape[1])
    raw.init_index(len(vectors), M=M, ef_construction=EF_CONSTRUCTION, random_seed=100)
    raw.add_items(vectors)
    raw.set_ef(EF)
    return raw


def bench_search(report: Report) -> None:
    """Bank search, the query's vector in the cache, against the same query to a bare hnswlib index, per query."""
    texts = make_texts(100_000)
    queries = [" ".join(text.split()[:6]) for text in make_texts(50, seed=1)]
    embedder = HashEmbedder()
    vectors, query_vectors = embedder.embed(texts), embedder.embed(queries)
    for count in (1_000, 10_000, 100_000):
        bank = MemoryBank(CachedEmbedder(embedder))
        bank.add_many({"value": text} for text in texts[:count])
        bank.search(queries[0], K)
        raw = bare_index(bank, vectors[:count])
        times = [
            race(partial(bank.search, query, K), partial(raw.knn_query, vector, K, num_threads=1))
            for query, vector in zip(queries, query_vectors, strict=True)
        ]
        ours, theirs = np.mean(times, axis=0)
        add_ratio(report, f"search {count:,} records / bare hnswlib", ours, theirs, at_most=1.3)


def bench_fork(report: Report) -> None:
    """A fork of 1,000 records against building them, alone and with the first write, which copies the vectors."""
    entries = [{"value": text} for text in make_texts(1_000)]
    embedder = CachedEmbedder(HashEmbedder())

    def build() -> MemoryBank:
        bank = MemoryBank(embedder)
        bank.add_many(entries)
        return bank

    bank = build()

    def first_add() -> None:
        bank.fork().add("something new")

    for what, run, at_most in (("fork", bank.fork, 1 / 20), ("fork and first add", first_add, None)):
        ours, theirs = race(run, build)
        add_ratio(report, f"{what} / build (vectors cached)", ours, theirs, at_most=at_most)


class ListStore:
    """The slow yardstick: a seeded noise vector per text, kept as a Python list, compared in a Python loop."""

    def __init__(self) -> None:
        self._vectors: list[list[float]] = []

    def embed(self, text: str) -> list[float]:
        seed = int(hashlib.md5(text.encode()).hexdigest()[:8], 16)
        vector = np.random.RandomState(seed).randn(1024)
        return (vector / np.linalg.norm(vector)).tolist()

    def add(self, text: str) -> None:
        self._vectors.append(self.embed(text))

    def search(self, query: str, k: int) -> list[int]:
        vector = self.embed(query)
        scores = [cosine(vector, other) for other in self._vectors]
        return sorted(range(len(scores)), key=lambda i: -scores[i])[:k]


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b)))


def bench_cycle(report: Report) -> None:
    """Embed and store 1,000 new texts, then search: in one plan, in 50 plans (one a session), and one by one."""
    texts = make_texts(1_000)
    embedder = HashEmbedder()

    def slow(queries: list[str]) -> None:
        store = ListStore()
        for text in texts:
            store.add(text)
        for query in queries:
            store.search(query, K)

    def quick(queries: list[str], size: int) -> None:
        bank = MemoryBank(CachedEmbedder(embedder))
        for start in range(0, len(texts), size):
            bank.apply([Operation("ADD", value=text) for text in texts[start : start + size]])
        for query in queries:
            bank.search(query, K)

    for searches in (1, 10):
        queries = make_texts(searches, seed=2)
        (theirs,) = race(partial(slow, queries), rounds=2)
        for size in (1_000, 20, 1):
            (ours,) = race(partial(quick, queries, size))
            what = f"cycle, {searches} searches, plans of {size:,} / list loop"
            add_ratio(report, what, ours, theirs, at_most=1 / 20 if size > 1 else None)


def main() -> None:
    """Run all and print the table."""
    report = Report("MemoryBank")
    bench_fork(report)
    bench_cycle(report)
    bench_search(report)
    report.print()


if __name__ == "__main__":
    main()
