"""Procedural tasks: time to generate an episode of a million tokens.

``tox run -e bench`` runs it.
"""

from __future__ import annotations

import time

from timing import Report

from memgym.tasks import make_task
from memgym.tasks.ruler import SUBTASKS

MILLION = 1_000_000
LIMIT = 5.0  # seconds

TASKS = [("multihop", {}), ("persona", {}), ("conflict", {}), ("icl", {}), *(("ruler", {"subtask": s}) for s in SUBTASKS)]


def main() -> None:
    """Run and print the table."""
    report = Report("an episode of a million tokens")
    for name, options in TASKS:
        task = make_task(name, length=MILLION, **options)
        task.episode("train", 0)
        start = time.perf_counter()
        episode = task.episode("train", 1)
        seconds = time.perf_counter() - start
        tokens = len(episode.text()) / 4
        label = " ".join([name, *options.values()])
        report.add(f"{label}: {tokens:,.0f} tokens", f"{seconds:.2f} s", f"under {LIMIT:g} s", seconds < LIMIT)
    report.print()


if __name__ == "__main__":
    main()
