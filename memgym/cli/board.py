"""``memgym leaderboard``: a page, a table and a file of results; or a new board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from importlib.metadata import distribution, version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from memgym.cli.bars import Bars
from memgym.cli.results import Terms
from memgym.cli.terminal import make_console
from memgym.errors import ConfigError
from memgym.leaderboard.board import Group, make_board, to_csv, to_markdown
from memgym.leaderboard.curves import read_curve
from memgym.leaderboard.files import read_result, result_files
from memgym.leaderboard.page import render_page
from memgym.leaderboard.page.content import Views
from memgym.leaderboard.page.trajectories import RowView, view_row
from memgym.leaderboard.standing import standing_of
from memgym.shown import plain

BOARD_FILES = {
    "README.md": "README.md",
    "verify.yml": ".github/workflows/verify.yml",
    "results.md": "results/README.md",
}
"""The files of a new board: as they lie in ``memgym/assets/board``, and in the board."""
PLACE = "{{ memgym }}"
"""Stands in them for what pip installs."""


class Outputs(NamedTuple):
    """What is to be made.

    Args:
        html, markdown, csv: files.
        title: of the page.
        episodes: how many of each entry can be stepped through on the page.
        runs: folders of training runs whose curves it shows.
    """

    html: Path | None
    markdown: Path | None
    csv: Path | None
    title: str
    episodes: int
    runs: Sequence[Path]


def make_leaderboard(paths: Sequence[Path], outputs: Outputs, terms: Terms) -> None:
    """Read result files and write what is asked for.

    Raises:
        ConfigError: a file cannot be written, or would show what is still sealed.
        DataError: a file is no result file, or a folder holds no run.
    """
    console = make_console(soft_wrap=True)
    if outputs.html and outputs.episodes and terms.round and terms.round.opens > date.today():
        told = f"round {terms.round.name!r} opens on {terms.round.opens}: until then a page must not show its episodes"
        raise ConfigError(f"{told}: give --episodes 0")
    results = [read_result(path) for path in result_files(paths)]
    terms.check(result.header for result in results)
    curves = [read_curve(folder) for folder in outputs.runs]
    groups = make_board(results, [standing_of(result) for result in results])
    if outputs.markdown:
        _write(outputs.markdown, to_markdown(groups), console)
    if outputs.csv:
        _write(outputs.csv, to_csv(groups), console)
    if outputs.html:
        views = Views(curves=curves)
        views = Views(_replayed(groups, views, outputs.episodes, terms, console), views.pool, curves)
        _write(outputs.html, render_page(groups, views, outputs.title), console)


def _replayed(
    groups: Sequence[Group], views: Views, episodes: int, terms: Terms, console: Console
) -> dict[tuple[int, int], RowView]:
    """Replay some episodes of each row, and say which rows cannot be."""
    rows = {(number, place): row for number, group in enumerate(groups) for place, row in enumerate(group.rows)}
    found = {}
    with Bars(console) as bars:
        bar = bars.add("replaying for the page", len(rows), unit="rows")
        for key, row in rows.items():
            found[key] = view_row(row, views.pool, episodes, terms.trust, terms.overrides, terms.round)
            bars.advance(bar)
    for key, view in found.items():
        if view.why:
            console.print(f"{rows[key].name}: not to be stepped through: {plain(view.why[0])}")
        if view.differing:
            told = f"in {view.differing} of {view.replayed} episodes a reward comes out differently"
            console.print(f"{rows[key].name}: {told}: 'memgym verify' says which")
    return found


def begin_board(folder: Path) -> None:
    """Make the folder of a new board, with a README and a CI file that verifies what is handed in.

    Raises:
        ConfigError: one of its files is there already, or cannot be written.
    """
    console = make_console(soft_wrap=True)
    targets = {name: folder / target for name, target in BOARD_FILES.items()}
    for target in targets.values():
        if target.exists():
            raise ConfigError(f"{target} is there already: choose another --init")
    requirement = _requirement()
    for name, target in targets.items():
        text = files("memgym").joinpath("assets/board", name).read_text(encoding="utf-8")
        _write(target, text.replace(PLACE, requirement), console)
    if "@" not in requirement:
        console.print(f"CI installs {requirement}: if no package index has that, name your repository in verify.yml")


def _requirement() -> str:
    """Return how pip gets the memgym that runs here: from its repository, if it was installed from one."""
    origin = json.loads(distribution("memgym").read_text("direct_url.json") or "{}")
    if "vcs_info" not in origin:
        return f"memgym[board]=={version('memgym')}"
    source = origin["vcs_info"]
    return f"memgym[board] @ {source['vcs']}+{origin['url']}@{source['commit_id']}"


def _write(path: Path, text: str, console: Console) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    console.print(plain(path))
