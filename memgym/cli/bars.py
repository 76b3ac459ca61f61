"""Progress bars; where no terminal shows them, a line each minute."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_BETWEEN_LINES = 60.0


class Bars(Progress):
    """A bar for each policy or file: episodes ended of all, the steps within them, the time gone and the time left."""

    def __init__(self, console: Console):
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[steps]} steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._last_line = time.monotonic()

    def add(self, description: str, total: int, completed: int = 0) -> TaskID:
        """Add a bar for so many episodes."""
        return self.add_task(description, total=total, completed=completed, steps=0)

    def step(self, task_id: TaskID) -> None:
        """Count one step of an episode that runs."""
        self.update(task_id, steps=self._tasks[task_id].fields["steps"] + 1)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count an episode that has ended."""
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        now = time.monotonic()
        if self.console.is_terminal or now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        task = self._tasks[task_id]
        left = f", about {task.time_remaining / 60:.0f} min left" if task.time_remaining else ""
        total = f" of {task.total:.0f}" if task.total is not None else ""
        line = f"{task.description}: {task.completed:.0f}{total} episodes, {task.fields['steps']} steps{left}"
        self.console.print(line, highlight=False, soft_wrap=True)
