"""``memgym diagnose``: where wrong answers were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from memgym.cli.bars import Bars
from memgym.cli.results import Terms
from memgym.cli.terminal import make_console, print_whole
from memgym.errors import MemgymError
from memgym.leaderboard.diagnose import LOSSES, Loss, diagnose, tally
from memgym.leaderboard.files import Result, read_result, result_files
from memgym.leaderboard.records import EntryRecord
from memgym.leaderboard.trace import trace, unjudged_env
from memgym.shown import plain


class _Diagnosed(NamedTuple):
    """What was found in an entry: its losses with the episodes' indices, and how many answers there are."""

    entry: str
    losses: list[tuple[int, Loss]]
    answers: int
    differing: int


def diagnose_files(paths: Sequence[Path], terms: Terms, shown: int) -> None:
    """Replay result files and print for each where its wrong answers were lost.

    Args:
        paths: result files, or folders of them.
        terms: of the replay.
        shown: how many wrong answers of each file are shown.

    Raises:
        MemgymError: a file is no result file, or cannot be replayed here; the message names file and entry.
    """
    console = make_console()
    places: set[str] = set()
    files = result_files(paths)
    terms.check(read_result(path).header for path in files)
    for path in files:
        result = read_result(path)
        with Bars(console) as bars:
            bar = bars.add(str(path), len(result.episodes))
            advance = partial(bars.advance, bar)
            found = [_diagnosed(path, result, entry, terms, advance) for entry in result.header.entries]
        print_whole(console, _table(plain(path), found))
        for line in list(_told(found))[:shown]:
            console.print(line, soft_wrap=True)
        places |= {loss.place for one in found for _, loss in one.losses}
    for place in (place for place in LOSSES if place in places):
        console.print(f"{place}: {LOSSES[place]}", soft_wrap=True)


def _diagnosed(
    path: Path, result: Result, entry: EntryRecord, terms: Terms, replayed: Callable[[], None]
) -> _Diagnosed:
    losses: list[tuple[int, Loss]] = []
    answers = differing = 0
    try:
        env = unjudged_env(result.header, entry, terms.trust, terms.overrides, terms.round)
        for record in result.of(entry.name):
            traced = trace(env, record)
            losses += [(record.index, loss) for loss in diagnose(traced)]
            answers += sum(step.scores is not None for step in traced.steps)
            differing += traced.differs
            replayed()
    except MemgymError as error:
        raise type(error)(f"{path}: {error}") from None
    return _Diagnosed(plain(entry.name), losses, answers, differing)


def _table(title: str, found: Sequence[_Diagnosed]) -> Table:
    places = [place for place in LOSSES if any(loss.place == place for one in found for _, loss in one.losses)]
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for number, name in enumerate(("entry", "answers", "wrong", *places)):
        table.add_column(name, justify="right" if number else "left", min_width=len(name) if number else None)
    for one in found:
        counts = tally(loss for _, loss in one.losses)
        cells = [one.entry, one.answers, len(one.losses), *(counts.get(place, 0) for place in places)]
        table.add_row(*(Text(str(cell)) for cell in cells))
    differing = sum(one.differing for one in found)
    if differing:
        told = f"in {differing} episodes a reward comes out differently: 'memgym verify' says which"
        table.caption, table.caption_justify = told, "left"
    return table


def _told(found: Sequence[_Diagnosed]) -> Iterator[str]:
    for one in found:
        for index, loss in one.losses:
            right = " | ".join(loss.question.answers)
            told = f"{loss.question.text} – answered {loss.answer!r}, right is {right!r}: {loss.place}"
            yield plain(f"{one.entry} {index}, step {loss.step + 1}: {told}")
