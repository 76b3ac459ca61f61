"""Which episodes are played how often, in the order of the rows that they leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from memgym.playing import Job


def repeated(indices: Sequence[int], times: int = 1) -> list[Job]:
    """Return each episode so many times in a row; where an index comes again, its trials count on."""
    seen: Counter[int] = Counter()
    jobs = []
    for index in map(int, indices):
        jobs += [Job(seen[index] + time, index) for time in range(times)]
        seen[index] += times
    return jobs
