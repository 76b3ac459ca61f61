"""What the benchmarks share: timing by the best of several runs, and a table of ratios."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table


def race(*runs: Callable[[], object], rounds: int = 5) -> list[float]:
    """Return the least time in seconds of each function, run in turns so that a busy machine troubles all alike."""
    for run in runs:
        run()
    best = [math.inf] * len(runs)
    for _ in range(rounds):
        for i, run in enumerate(runs):
            start = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


class Report:
    """A table of measured figures beside their targets."""

    def __init__(self, title: str):
        self._table = Table("figure", "measured", "target", "", title=title, title_justify="left")

    def add(self, figure: str, measured: str, target: str, met: bool | None) -> None:
        """Add one line; ``met`` is None where there is no target."""
        verdict = "" if met is None else "[green]met[/]" if met else "[red]missed[/]"
        self._table.add_row(figure, measured, target, verdict)

    def print(self) -> None:
        """Print the table."""
        Console(width=140).print(self._table)
