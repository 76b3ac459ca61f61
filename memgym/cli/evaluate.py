"""``memgym evaluate`` and ``memgym verify``: progress bars around the leaderboard's functions."""

from __future__ import annotations

import re
import time
import zlib
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.evaluate import episode_indices, evaluate, make_env
from memgym.leaderboard.results import read_result, write_result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import missing_file, present
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify
from memgym.playing import CONCURRENCY
from memgym.policy import policy_class

SHOWN_PROBLEMS = 5  # per result file
LONGEST_NAME = 150  # bytes; file systems allow 255, and a name is longer while its file is written
SECONDS_BETWEEN_LINES = 60.0  # where no terminal shows the bars


def evaluate_policies(
    entry_points: list[str],
    suite: Suite,
    options: dict[str, Any],
    out: Path,
    seed: int = 0,
    concurrency: int = CONCURRENCY,
    gzip: bool = False,
) -> None:
    """Play each policy through the suite, write its result file (compressed if asked for), and print the table.

    Raises:
        ConfigError: a policy, an environment or the folder cannot be made; checked before anything is played.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be a folder: {error.strerror}") from None
    console = Console(markup=False)
    suite = _without_missing(suite, console)
    for entry_point in entry_points:
        policy_class(entry_point, **options)  # a wrong name is told now, a model is loaded when its turn comes
    total = sum(_count(entry) for entry in suite.entries)
    results, paths = [], []
    with _Bars(console) as progress:
        for entry_point in entry_points:
            bar = progress.add_task(entry_point, total=total)
            result = evaluate(
                entry_point,
                suite,
                options=options,
                seed=seed,
                concurrency=concurrency,
                progress=lambda name, episodes, bar=bar: progress.advance(bar, episodes),
            )
            path = out / (_file_name(suite.name, entry_point, options) + (".gz" if gzip else ""))
            write_result(result, path)
            results.append(result)
            paths.append(path)
    console.print(*leaderboard_tables(results))
    console.print("result files:", *[f"\n  {path}" for path in paths], highlight=False, soft_wrap=True)


def verify_files(paths: list[Path], overrides: dict[str, Any]) -> bool:
    """Replay result files and say for each whether it is verified; return whether all are.

    Raises:
        DataError: a file is no result file.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    results = [read_result(path) for path in paths]
    verified = True
    for path, result in zip(paths, results, strict=True):
        with _Bars(console) as progress:
            bar = progress.add_task(str(path), total=sum(len(entry["results"]) for entry in result["entries"]))
            problems = verify(result, overrides=overrides, progress=lambda name, n, bar=bar: progress.advance(bar, n))
        verified &= not problems
        console.print(f"{path}: {'verified' if not problems else 'NOT verified'}")
        for problem in problems[:SHOWN_PROBLEMS]:
            console.print(f"  {problem}")
        if len(problems) > SHOWN_PROBLEMS:
            console.print(f"  … and {len(problems) - SHOWN_PROBLEMS} more")
    return verified


def _without_missing(suite: Suite, console: Console) -> Suite:
    """Say which entries lack their data file, and leave them out."""
    for entry in suite.entries:
        if missing_file(entry):
            console.print(f"left out: {entry.name} (no file {missing_file(entry)}; --data names its folder)")
    played = present(suite)
    if not played.entries:
        raise DataError(f"suite {suite.name!r}: no data file found; --data FOLDER names where they are")
    return played


def _count(entry: SuiteEntry) -> int:
    return len(episode_indices(make_env(entry), entry)) * entry.trials


def _file_name(suite: str, entry_point: str, options: dict[str, Any]) -> str:
    """Return a name that tells what was played; one that would be too long is cut, and ends in its checksum."""
    parts = [suite, entry_point.replace(":", "."), *(f"{name}-{value}" for name, value in options.items())]
    said = ".".join(parts)
    name = re.sub(r"[^\w.-]+", "_", said)
    if len(name.encode()) > LONGEST_NAME:
        name = f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}.{zlib.crc32(said.encode()):08x}"
    return f"{name}.json"


class _Bars(Progress):
    """A bar for each policy or file; where no terminal shows them, a line each minute."""

    def __init__(self, console: Console):
        name = TextColumn("{task.description}", markup=False)
        super().__init__(name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        self._last_line = time.monotonic()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        now = time.monotonic()
        if not self.console.is_terminal and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            task = self.tasks[task_id]
            line = f"{task.description}: {task.completed:.0f} of {task.total:.0f} episodes"
            self.console.print(line, highlight=False, soft_wrap=True)
