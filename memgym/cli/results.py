"""``memgym table``, ``verify``, ``compare``, ``rejudge`` and ``merge``: what is done with result files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from memgym.cli.bars import Bars
from memgym.cli.terminal import make_console, print_whole
from memgym.errors import ConfigError, DataError
from memgym.leaderboard.compare import common, compare, comparison_table
from memgym.leaderboard.files import SUFFIXES, Result, read_result, result_files, write_result
from memgym.leaderboard.merge import merge
from memgym.leaderboard.rejudge import JudgeSpec, count_answers, judge_label, rejudge
from memgym.leaderboard.rounds import Round, file_digest
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify

SHOWN_PROBLEMS = 5  # per result file
SHOWN_MISSING = 5


def show_table(paths: Sequence[Path], score: str) -> None:
    """Print the leaderboard tables of result files, and of those in folders."""
    console = make_console()
    print_whole(console, *leaderboard_tables([_read(path, console) for path in result_files(paths)], score))


def compare_files(before: Path, after: Path, score: str) -> None:
    """Print by how much a score rose from one file to another, or from each file of a folder to its namesake.

    Raises:
        ConfigError: only one of the two is a folder.
        DataError: the folders have no names in common.
    """
    console = make_console()
    for first, second in _pairs(before, after):
        results = (_read(first, console), _read(second, console))
        changes = compare(*results, score)
        left_out = common(*results)[2]
        title = (
            f"{score}: {first} → {second}" if first.name == second.name else f"{score}: {first.name} → {second.name}"
        )
        print_whole(console, comparison_table(title, changes, left_out))


def verify_files(paths: Sequence[Path], overrides: Mapping[str, Any], round_: Round | None = None) -> bool:
    """Replay result files and say for each whether it is verified; return whether all are.

    Args:
        paths: result files, or folders of them.
        overrides: make-arguments that differ on this machine.
        round_: the round on which they were played, with its seed.

    Raises:
        DataError: a file is no result file.
    """
    console = make_console(soft_wrap=True)
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
                round_=round_,
                replayed=partial(bars.advance, bar),
                stepped=partial(bars.step, bar),
            )
        verified &= not problems
        told = "" if problems or round_ is None else _sealed(path, round_)
        console.print(f"{path}: {'verified' if not problems else 'NOT verified'}{told}")
        for problem in problems[:SHOWN_PROBLEMS]:
            console.print(f"  {problem}")
        if len(problems) > SHOWN_PROBLEMS:
            console.print(f"  … and {len(problems) - SHOWN_PROBLEMS} more")
    return verified


def _sealed(path: Path, round_: Round) -> str:
    """Say whether a verified file was there before its round was opened."""
    if round_.opens > date.today():
        return f", on round {round_.name!r}, which opens on {round_.opens}"
    digest = file_digest(path)
    taken = next((taken for taken in round_.submissions if taken.sha256 == digest), None)
    if taken is None:
        return f", but not sealed: the file was not handed in before round {round_.name!r} was opened"
    return f", sealed: handed in on {taken.added}, before round {round_.name!r} was opened on {round_.opens}"


def rejudge_files(paths: Sequence[Path], judge: JudgeSpec, out: Path | None, overrides: Mapping[str, Any]) -> int:
    """Judge the answers of result files and write a new file for each; return how many episodes have no verdict.

    Args:
        paths: result files, or folders of them.
        judge: as for the make-argument ``judge``.
        out: folder of the new files; None for that of the old ones. They are called after the old ones and the judge.
        overrides: make-arguments that differ on this machine.

    Raises:
        ConfigError: a new file is there already, or two have the same name; told before anything is judged.
    """
    console = make_console(soft_wrap=True)
    targets = {path: _judged_path(path, judge, out) for path in result_files(paths)}
    for path, target in targets.items():
        read_result(path)
        _check_new(target)
    if len(set(targets.values())) < len(targets):
        raise ConfigError("two of the files have the same name: choose another --out for each")
    without = 0
    for path, target in targets.items():
        result = _read(path, console)
        with Bars(console) as bars:
            bar = bars.add(str(path), count_answers(result), unit="answers")
            judged = rejudge(result, judge, overrides=overrides, judged=partial(bars.advance, bar))
        write_result(judged, target)
        failed = len(judged.failed) - len(result.failed)
        without += failed
        console.print(f"{path} → {target}")
        if failed:
            error = next(episode.error for episode in judged.failed if "JudgeError" in (episode.error or ""))
            console.print(f"  {failed} episodes lack a verdict, the first: {error}")
    return without


def merge_files(paths: Sequence[Path], out: Path) -> None:
    """Join the parts of an evaluation, and say what is missing.

    Raises:
        ConfigError: ``out`` is there already, or its name is none of a result file.
        DataError: they are not parts of one evaluation.
    """
    console = make_console(soft_wrap=True)
    if not out.name.endswith(SUFFIXES):
        raise ConfigError(f"--out {out}: a result file is called *{' or *'.join(SUFFIXES)}")
    _check_new(out)
    files = result_files(paths)
    merged = merge({str(path): _read(path, console) for path in files})
    write_result(merged, out)
    console.print(f"{out}: {len(merged.episodes)} episodes of {len(files)} files, {len(merged.failed)} of them failed")
    missing = sum(entry.count * entry.trials for entry in merged.header.entries) - len(merged.episodes)
    if missing:
        shown = [f"{name} {index} (trial {trial})" for name, trial, index in islice(merged.missing(), SHOWN_MISSING)]
        console.print(f"{missing} episodes are missing: {', '.join(shown)}{', …' if missing > len(shown) else ''}")


def _judged_path(path: Path, judge: JudgeSpec, out: Path | None) -> Path:
    suffix = next((end for end in SUFFIXES if path.name.endswith(end)), path.suffix)
    label = re.sub(r"[^\w.-]+", "_", judge_label(judge))
    return (out or path.parent) / f"{path.name.removesuffix(suffix)}.judge-{label}{suffix}"


def _check_new(path: Path) -> None:
    """Check that a file can be made, without writing over another.

    Raises:
        ConfigError: it cannot.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already: choose another --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path.parent} cannot be a folder: {error.strerror}") from None


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
