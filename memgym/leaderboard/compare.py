"""Compares two results on the same episodes: by how much did a score rise, and how sure is that?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from memgym.errors import DataError, unknown
from memgym.leaderboard.results import FINAL_REWARDS, EntryRecord
from memgym.statistics import interval, resampled_means, totals
from memgym.tasks import TASKS, task_class

FEW_EPISODES = 20

Groups = dict[Any, list[float]]
"""The values of a score by what is drawn: an episode's index, or that and a question's id."""


@dataclass(frozen=True)
class Change:
    """A score before and after, with 95 % intervals of the change by a paired bootstrap.

    Args:
        name: of the entry, or ``all``.
        drawn: what was drawn with replacement, e.g. ``20 episodes``.
        before, after: the means.
        difference: after − before: mean, low, high.
        relative: difference / before: mean, low, high; None where ``before`` is zero, or so near that it was zero in
            some of the draws.
    """

    name: str
    drawn: str
    before: float
    after: float
    difference: tuple[float, float, float]
    relative: tuple[float, float, float] | None


def compare(before: dict[str, Any], after: dict[str, Any], score: str = "answer") -> list[Change]:
    """Return how a score differs between two results, by entry and (where there are several) over their mean.

    A question's value is counted once per trial. The paired bootstrap draws episodes, the same for both results, with
    their questions and trials. Where an entry has fewer than 20 episodes and more questions than episodes, it draws
    questions instead: the interval then speaks for those conversations, not for others of their kind.

    Args:
        before, after: contents of result files of the same entries.
        score: any score that the questions have (``answer``, ``evidence_recall``, ``f1``, …), or the memories at the
            end of the episodes (``memory_recall``, ``memory_precision``, ``compression``). Entries without it are left
            out.

    Raises:
        DataError: the results are not of the same entries and data, or the score was not given to the same questions.
        ConfigError: the score does not exist.
    """
    _check_same(before["entries"], after["entries"])
    changes, samples = [], []
    entries = list(zip(before["entries"], after["entries"], strict=True))
    for first, second in [pair for pair in entries if any(score in _scores(entry) for entry in pair)] or entries:
        pair, drawn = _groups(first, second, score)
        counted = [totals(groups.values()) for groups in pair]
        means = tuple(float(np.divide(*values.sum(0))) for values in counted)
        sampled = tuple(map(resampled_means, counted))
        changes.append(_change(first["name"], drawn, means, sampled))
        samples.append(sampled)
    if len(changes) > 1:
        means = np.mean([(change.before, change.after) for change in changes], axis=0).tolist()
        changes.append(_change("all", f"{len(changes)} entries", tuple(means), tuple(np.mean(samples, axis=0))))
    return changes


def comparison_table(title: str, changes: Sequence[Change]) -> Table:
    """Return the changes as a table."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for i, name in enumerate(("entry", "drawn", "before", "after", "difference", "95 %", "relative", "95 %")):
        table.add_column(name, justify="left" if i < 2 else "right", no_wrap=True)
    for change in changes:
        mean, low, high = change.difference
        relative = ("–", "") if change.relative is None else _percent(*change.relative)
        cells = (f"{change.before:.3f}", f"{change.after:.3f}", f"{mean:+.3f}", f"{low:+.3f} … {high:+.3f}")
        table.add_row(Text(change.name), change.drawn, *cells, *relative)
    return table


def _check_same(before: Sequence[EntryRecord], after: Sequence[EntryRecord]) -> None:
    names = [[entry["name"] for entry in entries] for entries in (before, after)]
    if names[0] != names[1]:
        raise DataError(f"the results are of different entries: {', '.join(names[0])} and {', '.join(names[1])}")
    for first, second in zip(before, after, strict=True):
        for field in ("env_id", "split", "episodes", "trials", "judge"):
            if first[field] != second[field]:
                raise DataError(f"entry {first['name']!r}: {field} is {first[field]!r} and {second[field]!r}")
        if first["task_fingerprint"] != second["task_fingerprint"]:
            raise DataError(f"entry {first['name']!r}: the task or its data differ (fingerprints)")
        for name in sorted({*first["kwargs"], *second["kwargs"]} - _paths(first)):
            values = [entry["kwargs"].get(name) for entry in (first, second)]
            if values[0] != values[1]:
                raise DataError(f"entry {first['name']!r}: argument {name!r} is {values[0]!r} and {values[1]!r}")


def _paths(entry: EntryRecord) -> set[str]:
    """Return the arguments that name files, which the fingerprint covers wherever they lie.

    A task from outside is not imported for this: of its arguments only ``path`` counts as one.
    """
    task = entry["kwargs"].get("task")
    return set(getattr(task_class(task), "path_options", ())) if isinstance(task, str) and task in TASKS else {"path"}


def _groups(before: EntryRecord, after: EntryRecord, score: str) -> tuple[tuple[Groups, Groups], str]:
    """Return the values of both by what is drawn, in the same order, and in words what that is."""
    pair = tuple(_by_question(entry, score) for entry in (before, after))
    if pair[0].keys() != pair[1].keys():
        raise DataError(f"entry {before['name']!r}: the score {score!r} was not given to the same questions")
    questions = len(pair[0])
    episodes = len({index for index, _ in pair[0]})
    if episodes < FEW_EPISODES and questions > episodes:
        return pair, f"{questions} questions"
    return tuple(map(_by_episode, pair)), f"{episodes} episodes"


def _by_question(entry: EntryRecord, score: str) -> Groups:
    values: Groups = defaultdict(list)
    for episode in entry["results"]:
        for question, scores in _scored(episode):
            if score in scores:
                values[episode["index"], question].append(scores[score])
    if not values:
        raise unknown(f"score of entry {entry['name']!r}:", score, sorted(_scores(entry)))
    return dict(sorted(values.items()))


def _scored(episode: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Yield what has scores: each question by its id, and the memory at the end of the episode, by none."""
    for step in episode["steps"]:
        for answer in step["answers"]:
            yield answer["question_id"], answer["scores"]
    last = episode["steps"][-1]["rewards"]
    yield "", {name: last[name] for name in FINAL_REWARDS if name in last}


def _scores(entry: EntryRecord) -> set[str]:
    """Return the names of the scores that an entry's questions and memories have."""
    return {name for episode in entry["results"] for _, scores in _scored(episode) for name in scores}


def _by_episode(questions: Groups) -> Groups:
    episodes: Groups = defaultdict(list)
    for (index, _), values in questions.items():
        episodes[index] += values
    return episodes


def _change(name: str, drawn: str, means: tuple[float, float], samples: tuple[np.ndarray, np.ndarray]) -> Change:
    rise = samples[1] - samples[0]
    relative = None
    if means[0] > 0 and samples[0].min() > 0:
        relative = (means[1] / means[0] - 1, *interval(rise / samples[0]))
    return Change(name, drawn, *means, (means[1] - means[0], *interval(rise)), relative)


def _percent(mean: float, low: float, high: float) -> tuple[str, str]:
    return f"{mean:+.1%}", f"{low:+.1%} … {high:+.1%}"
