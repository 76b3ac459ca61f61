"""Procedural tasks: time to generate an episode of a million tokens, by both token counters.

``tox run -e bench`` runs it.
"""

from __future__ import annotations

from functools import partial

from timing import Report, race

from memgym.tasks import make_task
from memgym.tasks.procedural.ruler import SUBTASKS
from memgym.tasks.procedural.ruler2 import SUBTASKS as SUBTASKS_2
from memgym.tokens import COUNTERS

MILLION = 1_000_000
LIMIT = 5.0  # seconds

TASKS = [
    *((name, {}) for name in ("multihop", "persona", "conflict", "icl")),
    *(("ruler", {"subtask": subtask}) for subtask in SUBTASKS),
    *(("ruler2", {"subtask": subtask}) for subtask in SUBTASKS_2),
]


def main() -> None:
    """Run and print the table."""
    report = Report("an episode of a million tokens")
    for counter in COUNTERS:
        for name, options in TASKS:
            task = make_task(name, length=MILLION, counter=counter, **options)
            (seconds,) = race(partial(task.build, "train", 0), rounds=1)
            label = " ".join([name, *options.values(), f"({counter})"])
            report.add(label, f"{seconds:.2f} s", f"under {LIMIT:g} s", seconds < LIMIT)
    report.print()


if __name__ == "__main__":
    main()
