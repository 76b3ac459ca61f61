"""Progress bars; where no terminal shows them, a line each minute."""

from __future__ import annotations

import time

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from memgym.shown import plain

SECONDS_BETWEEN_LINES = 60.0
BAR = 20
FIGURES = 48
"""Columns of a terminal that the figures take, up to 99,999 episodes and 999,999 steps."""
LEAST_NAME = 8


class _Name(ProgressColumn):
    """What a bar is of; where the line has no room for all of it, its middle is left out."""

    def __init__(self, width: int):
        super().__init__()
        self._width = width

    def render(self, task: Task) -> Text:
        """Return the name; the names of files differ at the end, those of policies at the beginning."""
        name = task.description
        if cell_len(name) > self._width:
            head = (self._width - 1) // 2
            tail = self._width - 1 - head
            name = f"{set_cell_size(name, head)}…{set_cell_size(name[::-1], tail)[::-1]}"
        return Text(name)


class Bars(Progress):
    """A bar for each policy or file: episodes ended of all, the steps within them, the time gone and the time left."""

    def __init__(self, console: Console):
        wide = console.width >= FIGURES + 2 * BAR
        bar = [BarColumn(bar_width=BAR)] if wide else []
        super().__init__(
            _Name(max(console.width - FIGURES - (BAR + 1) * wide, LEAST_NAME)),
            *bar,
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._last_line = time.monotonic()

    def add(self, description: str, total: int, completed: int = 0, unit: str = "episodes") -> TaskID:
        """Add a bar for so many episodes, or what else is counted; only episodes have steps."""
        told = "0 steps" if unit == "episodes" else unit
        return self.add_task(plain(description), total=total, completed=completed, steps=0, unit=unit, told=told)

    def step(self, task_id: TaskID) -> None:
        """Count one step of an episode that runs."""
        steps = self._tasks[task_id].fields["steps"] + 1
        self.update(task_id, steps=steps, told=f"{steps} steps")
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
        steps = f", {task.fields['steps']} steps" if task.fields["steps"] else ""
        line = f"{task.description}: {task.completed:.0f}{total} {task.fields['unit']}{steps}{left}"
        self.console.print(line, highlight=False, soft_wrap=True)
