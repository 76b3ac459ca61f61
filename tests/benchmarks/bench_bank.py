"""How the memory bank fares against its yardsticks, as ratios within one run.

Run: ``python tests/benchmarks/bench_bank.py`` (about two minutes on two cores, nearly all of it building HNSW graphs).
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator

import hnswlib
import numpy as np

from memgym.bank import HashEmbedder, MemoryBank, Operation
from memgym.bank.index import EF, EF_CONSTRUCTION, M

K = 10
WORDS = [f"{a}{b}" for a in ("bar", "cor", "del", "fen", "gal", "hol", "jun", "kes") for b in range(400)]


def make_texts(count: int, seed: int = 0) -> list[str]:
    """Short texts with a long-tailed vocabulary."""
    rng = random.Random(seed)
    return [" ".join(WORDS[int(len(WORDS) * rng.random() ** 3)] for _ in range(12)) for _ in range(count)]


def seconds(run: Callable[[], object], repeat: int = 5) -> float:
    """Return the least time of ``repeat`` runs, after one to warm up."""
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def alternating(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 15) -> tuple[float, float]:
    """Time two things in turns, so that a busy machine troubles both alike."""
    pairs = [(seconds(ours, 1), seconds(theirs, 1)) for _ in range(rounds)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def report(what: str, ours: float, theirs: float, ratio: float, target: str, met: bool) -> None:
    """Print one row of the table."""
    print(f"{what:<46}{ours * 1e3:>11.3f}{theirs * 1e3:>11.3f}{ratio:>9.2f}  {target:<8}{'ok' if met else 'MISSED'}")


def bench_search() -> None:
    """Bank search, the query's vector in the cache, against the same query to a bare hnswlib index, per query."""
    texts = make_texts(100_000)
    queries = [" ".join(text.split()[:6]) for text in make_texts(100, seed=1)]
    for count in (1_000, 10_000, 100_000):
        bank = MemoryBank()
        bank.add_many({"value": text} for text in texts[:count])
        bank.search_many(queries, K)
        vectors, query_vectors = bank.embedder.embed(queries), HashEmbedder().embed(texts[:count])
        vectors, query_vectors = query_vectors, vectors
        raw = hnswlib.Index("ip", bank.embedder.dim)
        raw.init_index(count, M=M, ef_construction=EF_CONSTRUCTION, random_seed=100)
        raw.add_items(vectors)
        raw.set_ef(EF)

        def search(bank: MemoryBank = bank) -> None:
            for query in queries:
                bank.search(query, K)

        def query_raw(raw: hnswlib.Index = raw, query_vectors: np.ndarray = query_vectors) -> None:
            for vector in query_vectors:
                raw.knn_query(vector, K, num_threads=1)

        ours, theirs = (total / len(queries) for total in alternating(search, query_raw))
        ratio = ours / theirs
        report(f"search {count:,} records / bare hnswlib", ours, theirs, ratio, "<= 1.3", ratio <= 1.3)


def bench_fork() -> None:
    """A fork of 1,000 records against building them, alone and with the first write, which copies the vectors."""
    entries = [{"value": text} for text in make_texts(1_000)]
    embedder = MemoryBank().embedder

    def build() -> MemoryBank:
        bank = MemoryBank(embedder)
        bank.add_many(entries)
        return bank

    bank = build()
    parts = {"fork": bank.fork, "fork and first add": lambda: bank.fork().add("something new")}
    for what, run in parts.items():
        ours, theirs = alternating(run, build)
        report(f"{what} / build, vectors cached", ours, theirs, theirs / ours, ">= 20", theirs / ours >= 20)
        cold, build_cold = alternating(run, lambda: MemoryBank().add_many(entries))
        report(f"{what} / build", cold, build_cold, build_cold / cold, ">= 20", build_cold / cold >= 20)


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
        norm = math.sqrt(sum(x * x for x in vector))
        scores = []
        for other in self._vectors:
            dot = sum(x * y for x, y in zip(vector, other, strict=True))
            scores.append(dot / (norm * math.sqrt(sum(y * y for y in other))))
        return sorted(range(len(scores)), key=lambda i: -scores[i])[:k]


def batches(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def bench_cycle() -> None:
    """Embed and store 1,000 new texts, then search: in one plan, in 50 session plans, and one by one."""
    for searches in (1, 10):
        queries = make_texts(searches, seed=2)

        def slow(queries: list[str] = queries) -> None:
            store = ListStore()
            for text in make_texts(1_000):
                store.add(text)
            for query in queries:
                store.search(query, K)

        def quick(size: int, queries: list[str] = queries) -> None:
            bank = MemoryBank()
            for part in batches(make_texts(1_000), size):
                bank.apply([Operation("ADD", value=text) for text in part])
            for query in queries:
                bank.search(query, K)

        making = seconds(lambda: make_texts(1_000))
        theirs = seconds(slow, 2) - making
        for size in (1_000, 20, 1):
            ours = seconds(lambda size=size: quick(size)) - making
            ratio = theirs / ours
            what = f"list loop / cycle, {searches} searches, plans of {size:,}"
            report(what, ours, theirs, ratio, ">= 20", ratio >= 20)


if __name__ == "__main__":
    print(f"{'':<46}{'ours ms':>11}{'other ms':>11}{'ratio':>9}  target")
    bench_fork()
    bench_cycle()
    bench_search()
