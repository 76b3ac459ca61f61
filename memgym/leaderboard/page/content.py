"""What the page's script reads: the board and the replayed episodes as JSON-able data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memgym.leaderboard.board import Group, Row
from memgym.leaderboard.curves import Curve
from memgym.leaderboard.page.trajectories import Pool, RowView
from memgym.leaderboard.summary import Mean
from memgym.leaderboard.table import numbered
from memgym.shown import plain


@dataclass(frozen=True)
class Views:
    """What a page shows beside the board.

    Args:
        rows: what was replayed, by the place of the group and the place of the row in it.
        pool: the texts of what was replayed, each once.
        curves: of training runs.
    """

    rows: Mapping[tuple[int, int], RowView] = field(default_factory=dict)
    pool: Pool = field(default_factory=Pool)
    curves: Sequence[Curve] = ()


def content(groups: Sequence[Group], views: Views) -> dict[str, Any]:
    """Return what the script reads; all texts of trajectories are places in ``texts``, rows and curves have own names.

    The charts go by these names.
    """
    curves = numbered(plain(curve.name) for curve in views.curves)
    return {
        "groups": [
            _group(group, [views.rows.get((number, place), RowView()) for place in range(len(group.rows))])
            for number, group in enumerate(groups)
        ],
        "texts": views.pool.texts,
        "curves": [
            {"name": name, "score": curve.score, "points": curve.points}
            for name, curve in zip(curves, views.curves, strict=True)
        ],
    }


def _group(group: Group, views: Sequence[RowView]) -> dict[str, Any]:
    entries = [
        {"name": plain(entry.name), "task": plain(entry.kwargs.get("task", entry.env_id)), "context": context}
        for entry, context in zip(group.entries, group.contexts, strict=True)
    ]
    rows = [_row(row, group, view) for row, view in zip(group.rows, views, strict=True)]
    return {"title": group.title, "entries": entries, "scores": [plain(score) for score in group.scores], "rows": rows}


def _row(row: Row, group: Group, view: RowView) -> dict[str, Any]:
    return {
        "name": row.name,
        "ceiling": row.reference,
        "front": row.front,
        "mean": _mean(row.official.mean),
        "tokens": row.tokens,
        "seconds": row.seconds,
        "kept": row.kept,
        "scores": {
            plain(score): [_mean(summary.entries[entry.name].mean) for entry in group.entries]
            for score, summary in row.summaries.items()
        },
        "losses": view.losses,
        "right": view.right,
        "trajectories": view.trajectories,
        "why": view.why,
    }


def _mean(mean: Mean | None) -> list[float] | None:
    return None if mean is None else [mean.mean, *(mean.interval or ())]
