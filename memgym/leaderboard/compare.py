"""Compares two results on the same episodes: by how much did a score rise, and how sure is that?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from memgym.errors import DataError, unknown
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import EntryRecord
from memgym.leaderboard.summary import FEWEST, score_names, scored
from memgym.shown import plain
from memgym.statistics import average_interval, difference_interval, interval, resampled_means, totals
from memgym.tasks import TASKS, task_class

FEW_EPISODES = 20

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")
Groups = dict[Any, list[float]]
"""The values of a score by what is drawn: an episode's index, or that and a question's id."""


@dataclass(frozen=True)
class Change:
    """A score before and after, with 95 % intervals of the change on the same episodes (:mod:`memgym.statistics`).

    Args:
        name: of the entry, or ``all``.
        drawn: what was drawn with replacement, e.g. ``20 episodes``.
        before, after: the means.
        difference: after − before: mean, low, high.
        relative: difference / before: mean, low, high; None where ``before`` is zero, or so near that it was zero in
            some of the draws.
        few: whether so few were drawn that the intervals tell nothing.
    """

    name: str
    drawn: str
    before: float
    after: float
    difference: tuple[float, float, float]
    relative: tuple[float, float, float] | None
    few: bool


def compare(before: Result, after: Result, score: str = "answer") -> list[Change]:
    """Return how a score differs between two results, by entry and (where there are several) over their mean.

    Only episodes count that both results have played to the end, see :func:`common`; a question's value counts once per
    trial. What varies is the episode, with its questions and trials. Where an entry has fewer than 20 episodes and more
    questions than episodes, it is the question: the interval then speaks for those conversations, not for others of
    their kind.

    Args:
        before, after: contents of result files of the same entries.
        score: any score that the questions have (``answer``, ``evidence_recall``, ``f1``, …), or the memories at the
            end of the episodes (``memory_recall``, ``memory_precision``, …). Entries without it are left
            out.

    Raises:
        DataError: the results are not of the same entries and data, have no episode of an entry in common, or the score
            was not given to the same questions.
        ConfigError: the score does not exist.
    """
    _check_same(before.header.entries, after.header.entries, score)
    before, after, _ = common(before, after)
    changes, samples = [], []
    names = [entry.name for entry in before.header.entries]
    for name in names:
        if not before.of(name):
            raise DataError(f"entry {name!r}: no episode was played to the end in both")
    for name in [name for name in names if score in score_names(before, name) | score_names(after, name)] or names:
        pair, drawn = _groups(before, after, name, score)
        counted = _both(lambda groups: totals(groups.values()), pair)
        means = _both(lambda values: float(np.divide(*values.sum(0))), counted)
        sampled = _both(resampled_means, counted)
        ends = difference_interval(*counted)
        changes.append(_change(name, drawn, means, ends, sampled, len(pair[0]) < FEWEST))
        samples.append(sampled)
    if len(changes) > 1:
        means = np.mean([(change.before, change.after) for change in changes], axis=0).tolist()
        few = any(change.few for change in changes)
        rises = [change.difference for change in changes]
        ends = average_interval([rise for rise, _, _ in rises], [(low, high) for _, low, high in rises])
        sampled = tuple(np.mean(samples, axis=0))
        changes.append(_change("all", f"{len(changes)} entries", tuple(means), ends, sampled, few))
    return changes


def common(before: Result, after: Result) -> tuple[Result, Result, int]:
    """Return both results with the episodes that both have played to the end, and how many others there should be."""
    keys = {key for key, failed in before.keys() if not failed}  # noqa: SIM118 - not a dict
    keys &= {key for key, failed in after.keys() if not failed}  # noqa: SIM118
    first, second = (
        replace(result, episodes=result.select(lambda key, failed: key in keys)) for result in (before, after)
    )
    return first, second, sum(entry.count * entry.trials for entry in before.header.entries) - len(keys)


def comparison_table(title: str, changes: Sequence[Change], left_out: int = 0) -> Table:
    """Return the changes as a table.

    Args:
        title: stands above it.
        changes: its rows.
        left_out: how many episodes are not in both results; noted below it.
    """
    table = Table(
        title=Text(plain(title)), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False
    )
    rows = [_cells(change) for change in changes]
    for i, name in enumerate(("entry", "drawn", "before", "after", "difference", "95 %", "relative", "95 %")):
        widest = max(len(row[i]) for row in rows)  # where there is no room, names are folded, numbers never cut
        least = min(20, widest) if i < 2 else max(widest, len(name))
        table.add_column(name, justify="left" if i < 2 else "right", min_width=least)
    for row in rows:
        table.add_row(*map(Text, row))
    if left_out:
        table.caption, table.caption_justify = f"{left_out} episodes failed or are missing in one of them", "left"
    return table


def _cells(change: Change) -> list[str]:
    mean, low, high = change.difference
    relative = ("–", "") if change.relative is None else _percent(*change.relative)
    cells = [f"{change.before:.3f}", f"{change.after:.3f}", f"{mean:+.3f}", f"{low:+.3f} … {high:+.3f}", *relative]
    if change.few:
        cells[3], cells[5] = "–", "–" if relative[1] else ""
    return [plain(change.name), change.drawn, *cells]


def _check_same(before: Sequence[EntryRecord], after: Sequence[EntryRecord], score: str) -> None:
    names = [[entry.name for entry in entries] for entries in (before, after)]
    if names[0] != names[1]:
        raise DataError(f"the results are of different entries: {', '.join(names[0])} and {', '.join(names[1])}")
    for first, second in zip(before, after, strict=True):
        errata = ("errata",) if score == "corrected" else ()  # no other score depends on them
        for field in ("env_id", "split", "episodes", "trials", "judge", "tokenizer", *errata):
            values = [getattr(entry, field) for entry in (first, second)]
            if values[0] != values[1]:
                raise DataError(f"entry {first.name!r}: {field} is {values[0]!r} and {values[1]!r}")
        if first.task_fingerprint != second.task_fingerprint:
            raise DataError(f"entry {first.name!r}: the task or its data differ (fingerprints)")
        for name in sorted({*first.kwargs, *second.kwargs} - _paths(first)):
            values = [entry.kwargs.get(name) for entry in (first, second)]
            if values[0] != values[1]:
                raise DataError(f"entry {first.name!r}: argument {name!r} is {values[0]!r} and {values[1]!r}")


def _paths(entry: EntryRecord) -> set[str]:
    """Return the arguments that name files, which hashes cover wherever they lie.

    A task from outside is not imported for this: of its arguments only ``path`` counts as one.
    """
    task = entry.kwargs.get("task")
    known = isinstance(task, str) and task in TASKS
    paths = set(getattr(task_class(str(task)), "path_options", ())) if known else {"path"}
    return paths | {"counter"} if entry.tokenizer else paths


def _groups(before: Result, after: Result, entry: str, score: str) -> tuple[tuple[Groups, Groups], str]:
    """Return the values of both by what is drawn, in the same order, and in words what that is."""
    pair = _both(lambda result: _by_question(result, entry, score), (before, after))
    if pair[0].keys() != pair[1].keys():
        raise DataError(f"entry {entry!r}: the score {score!r} was not given to the same questions")
    questions = len(pair[0])
    episodes = len({index for index, _ in pair[0]})
    if episodes < FEW_EPISODES and questions > episodes:
        return pair, f"{questions} questions"
    return _both(_by_episode, pair), f"{episodes} episodes"


def _by_question(result: Result, entry: str, score: str) -> Groups:
    final = result.header.entry(entry).final_rewards
    values: Groups = defaultdict(list)
    for episode in result.of(entry):
        for question, scores in scored(episode, final):
            if score in scores:
                values[episode.index, question].append(scores[score])
    if not values:
        raise unknown(f"score of entry {entry!r}:", score, sorted(score_names(result, entry)))
    return dict(sorted(values.items()))


def _by_episode(questions: Groups) -> Groups:
    episodes: Groups = defaultdict(list)
    for (index, _), values in questions.items():
        episodes[index] += values
    return episodes


def _change(
    name: str,
    drawn: str,
    means: tuple[float, float],
    ends: tuple[float, float],
    samples: tuple[np.ndarray, np.ndarray],
    few: bool,
) -> Change:
    rise = samples[1] - samples[0]
    relative = None
    if means[0] > 0 and samples[0].min() > 0:
        relative = (means[1] / means[0] - 1, *interval(rise / samples[0]))
    return Change(name, drawn, *means, (means[1] - means[0], *ends), relative, few)


def _both(function: Callable[[_Given], _Found], pair: tuple[_Given, _Given]) -> tuple[_Found, _Found]:
    return function(pair[0]), function(pair[1])


def _percent(mean: float, low: float, high: float) -> tuple[str, str]:
    return f"{mean:+.1%}", f"{low:+.1%} … {high:+.1%}"
