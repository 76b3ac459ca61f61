"""RULER: the time that an episode of a million tokens takes, for each of the thirteen tasks and both counters."""

from __future__ import annotations

from timing import Report, best_of

from memgym.tasks.ruler import SUBTASKS, Ruler
from memgym.tokens import COUNTERS

TOKENS = 1_000_000
SECONDS = 5.0

if __name__ == "__main__":
    report = Report("An episode of 1,000,000 tokens")
    for counter in COUNTERS:
        for subtask in SUBTASKS:
            task = Ruler(subtask=subtask, length=TOKENS, counter=counter)
            seconds = best_of(lambda task=task: task.episode("train", 0), repeats=1)
            report.add(f"{subtask}, {counter}", f"{seconds:.2f} s", f"< {SECONDS:.0f} s", seconds < SECONDS)
    report.print()
