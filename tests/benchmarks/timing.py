"""What the benchmarks share: timing by the best of several runs, and a table of ratios."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table


def best_of(function: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of several run times in seconds, after one run to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def best_of_two(ours: Callable[[], object], theirs: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Return the shortest run times of two functions in seconds, run in turns so that noise hits both alike."""
    ours(), theirs()
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        theirs()
        times.append((middle - start, time.perf_counter() - middle))
    return min(first for first, _ in times), min(second for _, second in times)


class Report:
    """A table of measured figures beside their targets."""

    def __init__(self, title: str):
        self._table = Table("figure", "measured", "target", "", title=title, title_justify="left")

    def add(self, figure: str, measured: str, target: str, met: bool) -> None:
        """Add one line."""
        self._table.add_row(figure, measured, target, "[green]met[/]" if met else "[red]missed[/]")

    def print(self) -> None:
        """Print the table."""
        Console(width=140).print(self._table)
