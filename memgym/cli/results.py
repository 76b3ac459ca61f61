"""``memgym table``, ``verify``, ``compare``, ``rejudge`` and ``merge``: what is done with result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from memgym.cli.bars import Bars
from memgym.errors import ConfigError, DataError
from memgym.leaderboard.compare import common, compare, comparison_table
from memgym.leaderboard.files import Result, read_result, result_files
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify

SHOWN_PROBLEMS = 5  # per result file


def show_table(paths: Sequence[Path], score: str) -> None:
    """Print the leaderboard tables of result files, and of those in folders."""
    console = Console(markup=False)
    console.print(*leaderboard_tables([_read(path, console) for path in result_files(paths)], score))


def compare_files(before: Path, after: Path, score: str) -> None:
    """Print by how much a score rose from one file to another, or from each file of a folder to its namesake.

    Raises:
        ConfigError: only one of the two is a folder.
        DataError: the folders have no names in common.
    """
    console = Console(markup=False)
    console.width = max(console.width, 110)  # rather than cut numbers short in a pipe
    for first, second in _pairs(before, after):
        results = (_read(first, console), _read(second, console))
        changes = compare(*results, score)
        left_out = common(*results)[2]
        title = (
            f"{score}: {first} → {second}" if first.name == second.name else f"{score}: {first.name} → {second.name}"
        )
        console.print(comparison_table(title, changes, left_out))


def verify_files(paths: Sequence[Path], overrides: Mapping[str, Any]) -> bool:
    """Replay result files and say for each whether it is verified; return whether all are.

    Raises:
        DataError: a file is no result file.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    verified = True
    files = result_files(paths)
    for path in files:
        read_result(path)  # a file that is none is told now, not after an hour
    for path in files:
        result = _read(path, console)
        with Bars(console) as bars:
            bar = bars.add(str(path), len(result.episodes))
            problems = verify(
                result,
                overrides=overrides,
                replayed=partial(bars.advance, bar),
                stepped=partial(bars.step, bar),
            )
        verified &= not problems
        console.print(f"{path}: {'verified' if not problems else 'NOT verified'}")
        for problem in problems[:SHOWN_PROBLEMS]:
            console.print(f"  {problem}")
        if len(problems) > SHOWN_PROBLEMS:
            console.print(f"  … and {len(problems) - SHOWN_PROBLEMS} more")
    return verified


def _read(path: Path, console: Console) -> Result:
    """Read a result file, and say so if it was cut off."""
    result = read_result(path)
    if result.torn:
        told = "its last line is cut off: one episode is missing; --resume plays it again"
        console.print(f"{path}: {told}", highlight=False, soft_wrap=True)
    return result


def _pairs(before: Path, after: Path) -> list[tuple[Path, Path]]:
    if before.is_dir() != after.is_dir():
        raise ConfigError(f"compare two files or two folders, not {before} and {after}")
    if not before.is_dir():
        return [(before, after)]
    known = {path.name: path for path in result_files([after])}
    pairs = [(path, known[path.name]) for path in result_files([before]) if path.name in known]
    if not pairs:
        raise DataError(f"{before} and {after} have no result files of the same names")
    return pairs
