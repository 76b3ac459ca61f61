"""Learning curves: the figures that a training run writes, one JSON line for each iteration."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgym.errors import DataError

FILE = "metrics.jsonl"
SCORES = ("val/answer", "val/reward", "reward/mean", "loss")
"""What is drawn: the first of these that a run has."""
MOST_POINTS = 1000


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Args:
        name: of the run's folder.
        score: what is drawn.
        points: step and value.
    """

    name: str
    score: str
    points: list[tuple[float, float]]


def read_curve(folder: Path) -> Curve:
    """Read the curve of a run folder.

    Raises:
        DataError: it has none, or a line is damaged; a last line that is cut off is left out.
    """
    path = folder / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    records = [_record(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.endswith("\n")]
    for score in SCORES:
        points = [(record["step"], record[score]) for record in records if score in record]
        if points:
            return Curve(folder.name, score, _thinned(points))
    raise DataError(f"{path} has none of {', '.join(SCORES)}")


def _record(line: str, where: str) -> dict[str, float]:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not _is_number(record.get("step")):
        raise DataError(f"{where}: not a JSON object of numbers with a 'step'")
    return {name: value for name, value in record.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    """Return whether a value is a number that can be drawn: finite, and not beyond what a float holds."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most :data:`MOST_POINTS`, evenly spread, the last among them."""
    stride = math.ceil(len(points) / MOST_POINTS)
    return list(points[::-1][::stride][::-1])
