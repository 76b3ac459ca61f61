"""What a person sees of a training run: a bar with the main figures, or lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from memgym.cli.terminal import make_console

FIGURES = {"reward/mean": "reward", "loss": "loss", "entropy": "entropy", "grad_norm": "gradient"}
"""Metrics of the live line, and what they are called there; validation metrics are lines of their own."""


class TrainingProgress:
    """A context in which the bar is shown.

    Args:
        iterations: how many the run has.
        visible: False shows nothing, e.g. on all ranks but the first.
    """

    def __init__(self, iterations: int, visible: bool = True):
        self.console = make_console(quiet=not visible)
        self._bar = Progress(
            TextColumn("iteration"),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("", total=iterations)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show the figures of an iteration."""
        line = "  ".join(f"{label} {metrics[name]:.3g}" for name, label in FIGURES.items() if name in metrics)
        self._bar.update(self._task, completed=step, description=line)
        if not self.console.is_terminal:
            self.say(f"iteration {step}: {line}")
        held_out = "  ".join(
            f"{name.removeprefix('val/')} {value:.3f}" for name, value in metrics.items() if name.startswith("val/")
        )
        if held_out:
            self.say(f"validation after iteration {step}: {held_out}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, markup=False, soft_wrap=True)
