"""``memgym table``, ``verify``, ``compare``, ``rejudge`` and ``merge``: what is done with result files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from memgym.cli.bars import Bars
from memgym.cli.terminal import make_console, print_whole
from memgym.errors import ConfigError, DataError, unknown
from memgym.leaderboard.compare import common, compare, comparison_table
from memgym.leaderboard.files import SUFFIXES, Result, read_result, result_files, write_result
from memgym.leaderboard.merge import merge
from memgym.leaderboard.records import Header
from memgym.leaderboard.rejudge import JudgeSpec, count_answers, lacks_verdicts, rejudge
from memgym.leaderboard.reproduce import drawn, reproduce
from memgym.leaderboard.rounds import Round, file_digest
from memgym.leaderboard.standing import Standing, note_standing, standing_of
from memgym.leaderboard.suites import judge_label, suite_title
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.trust import Trust, UntrustedError, check_header
from memgym.leaderboard.verify import claims, verify
from memgym.shown import plain

SHOWN_PROBLEMS = 5  # per result file
SHOWN_MISSING = 5


def show_table(paths: Sequence[Path], score: str) -> None:
    """Print the leaderboard tables of result files, and of those in folders."""
    console = make_console()
    results = [_read(path, console) for path in result_files(paths)]
    print_whole(console, *leaderboard_tables(results, score, [standing_of(result) for result in results]))


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
        claimed = [path for path, result in zip((first, second), results, strict=True) if not standing_of(result)]
        if claimed:
            names = plain(", ".join(map(str, claimed)))
            console.print(f"claimed, not replayed here ('memgym verify' recomputes it): {names}", soft_wrap=True)


class Terms(NamedTuple):
    """On what terms files of others are replayed.

    Args:
        trust: what they may name beside what is memgym's own.
        overrides: make-arguments of this machine in place of the files'.
        round: on which they were played, with its seed.
    """

    trust: Trust
    overrides: Mapping[str, Any]
    round: Round | None = None

    def check(self, headers: Iterable[Header]) -> None:
        """Check that each override is in place of an argument of some entry; they are left as they are elsewhere.

        Raises:
            ConfigError: it is in place of none, with the nearest name.
        """
        if not self.overrides:
            return
        known = {name for header in headers for entry in header.entries for name in entry.kwargs}
        for name in self.overrides:
            if name not in known:
                raise unknown("make-argument", name, map(plain, known), of="the entries of these files")


def verify_files(paths: Sequence[Path], terms: Terms) -> bool:
    """Replay result files and say for each whether it is verified, and what is not checked; return whether all are.

    Args:
        paths: result files, or folders of them.
        terms: of the replay.

    Raises:
        DataError, UntrustedError: a file is no result file, or names what is not admitted.
    """
    console = make_console(soft_wrap=True)
    files = _checked(paths, terms)
    done = [_verified(path, _read(path, console), terms, console) for path in files]
    return all(done)


def _checked(paths: Sequence[Path], terms: Terms, **ours: Any) -> list[Path]:
    """Return the files; one that is none, or is not admitted, is told now, and not after an hour.

    Args:
        paths: result files, or folders of them.
        terms: of the replay.
        **ours: overrides beside those that the reader gives.
    """
    files = result_files(paths)
    headers = [read_result(path).header for path in files]
    for path, header in zip(files, headers, strict=True):
        try:
            check_header(header, terms.trust, {**terms.overrides, **ours})
        except (UntrustedError, DataError) as error:
            raise type(error)(f"{path}: {error}") from None
    terms.check(headers)
    return files


def _verified(path: Path, result: Result, terms: Terms, console: Console) -> bool:
    with Bars(console) as bars:
        bar = bars.add(str(path), len(result.episodes))
        problems = verify(
            result,
            trust=terms.trust,
            overrides=terms.overrides,
            round_=terms.round,
            replayed=partial(bars.advance, bar),
            stepped=partial(bars.step, bar),
        )
    told = plain(path)
    if problems:
        _say_problems(console, f"{told}: NOT verified", problems)
        return False
    standing, sealed = (Standing.replayed, "") if terms.round is None else _sealed(path, terms.round)
    _note(result, standing, console)
    header = result.header
    suite = suite_title(header.suite, [entry.suite_entry() for entry in header.entries], header.left_out)
    replayed = f"{len(result.episodes)} episodes of {suite} replayed, every reward as recorded"
    console.print(f"{told}: verified{plain(sealed)}: {replayed}")
    console.print(f"  claimed, not checked: {claims(header)}")
    return True


def _sealed(path: Path, round_: Round) -> tuple[Standing, str]:
    """Say whether a verified file was there before its round was opened."""
    if round_.opens > date.today():
        return Standing.replayed, f", on round {round_.name!r}, which opens on {round_.opens}"
    digest = file_digest(path)
    taken = next((taken for taken in round_.submissions if taken.sha256 == digest), None)
    if taken is None:
        told = f", but not sealed: the file was not handed in before round {round_.name!r} was opened"
        return Standing.replayed, told
    told = f", sealed: handed in on {taken.added}, before round {round_.name!r} was opened on {round_.opens}"
    return Standing.sealed, told


def _note(result: Result, standing: Standing, console: Console) -> None:
    """Note what was checked; where that cannot be written, it is said, and what was checked is as true."""
    try:
        note_standing(result, standing)
    except DataError as error:
        console.print(plain(error))


def _say_problems(console: Console, told: str, problems: Sequence[str]) -> None:
    console.print(told)
    for problem in problems[:SHOWN_PROBLEMS]:
        console.print(f"  {plain(problem)}")
    if len(problems) > SHOWN_PROBLEMS:
        console.print(f"  … and {len(problems) - SHOWN_PROBLEMS} more")


def reproduce_files(paths: Sequence[Path], terms: Terms, share: float, draw: int, options: Mapping[str, Any]) -> bool:
    """Play the policies of result files again on a random part; return whether all are reproduced.

    A file that was not verified here is verified first.

    Args:
        paths: result files, or folders of them.
        terms: of the replay.
        share: of each entry's episodes.
        draw: seed of the choice.
        options: arguments of the policies in place of the files'.

    Raises:
        DataError, UntrustedError: a file is no result file, or names what is not admitted.
        ConfigError: a policy cannot be made.
    """
    console = make_console(soft_wrap=True)
    files = _checked(paths, terms)
    done = [_reproduced(path, console, terms, share, draw, options) for path in files]
    return all(done)


def _reproduced(
    path: Path, console: Console, terms: Terms, share: float, draw: int, options: Mapping[str, Any]
) -> bool:
    result = _read(path, console)
    if not standing_of(result) and not _verified(path, result, terms, console):
        return False
    with Bars(console) as bars:
        bar = bars.add(str(path), len(drawn(result, share, draw)))
        found = reproduce(
            result,
            share=share,
            draw=draw,
            options=options,
            trust=terms.trust,
            overrides=terms.overrides,
            round_=terms.round,
            played=partial(bars.advance, bar),
        )
    told = (
        f"{found.episodes} of {len(result.episodes)} episodes played again (--seed {draw}), {found.equal} of them alike"
    )
    if found.problems:
        _say_problems(console, f"{plain(path)}: NOT reproduced: {told}", found.problems)
        return False
    _note(result, Standing.reproduced, console)
    console.print(f"{plain(path)}: reproduced: {told}")
    return True


def rejudge_files(paths: Sequence[Path], judge: JudgeSpec, out: Path | None, terms: Terms) -> int:
    """Judge the answers of result files and write a new file for each; return how many episodes have no verdict.

    A new file that lacks verdicts is made anew: those that were given are kept, and not asked for again.

    Args:
        paths: result files, or folders of them.
        judge: as for the make-argument ``judge``.
        out: folder of the new files; None for that of the old ones. They are called after the old ones and the judge.
        terms: of the replay.

    Raises:
        ConfigError: a new file is there already and whole, or two have the same name; told before anything is judged.
    """
    console = make_console(soft_wrap=True)
    targets = {path: _judged_path(path, judge, out) for path in _checked(paths, terms, judge=judge)}
    for path, target in targets.items():
        if not (target.is_file() and lacks_verdicts(read_result(target), read_result(path), judge)):
            _check_new(target)
    if len(set(targets.values())) < len(targets):
        raise ConfigError("two of the files have the same name: choose another --out for each")
    without = 0
    for path, target in targets.items():
        result = _read(path, console)
        with Bars(console) as bars:
            bar = bars.add(str(path), count_answers(result), unit="answers")
            advance = partial(bars.advance, bar)
            judged = rejudge(
                result, judge, trust=terms.trust, overrides=terms.overrides, round_=terms.round, judged=advance
            )
        write_result(judged, target)
        failed = len(judged.failed) - len(result.failed)
        without += failed
        console.print(f"{plain(path)} → {plain(target)}")
        if failed:
            error = next(episode.error for episode in judged.failed if "JudgeError" in (episode.error or ""))
            console.print(f"  {failed} episodes lack a verdict, the first: {plain(error)}")
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
    console.print(
        f"{plain(out)}: {len(merged.episodes)} episodes of {len(files)} files, {len(merged.failed)} of them failed"
    )
    missing = sum(entry.count * entry.trials for entry in merged.header.entries) - len(merged.episodes)
    if missing:
        lost = islice(merged.missing(), SHOWN_MISSING)
        shown = [f"{plain(name)} {index} (trial {trial})" for name, trial, index in lost]
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
        console.print(f"{plain(path)}: {told}", highlight=False, soft_wrap=True)
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
