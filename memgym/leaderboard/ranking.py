"""Who is better than whom, as far as the intervals tell; and what is worth its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memgym.leaderboard.files import Result
from memgym.leaderboard.records import EpisodeRecord
from memgym.leaderboard.summary import FEWEST, Mean, scored
from memgym.statistics import average_interval, difference_interval, mean_interval, totals

Values = dict[int, dict[int, float]]
"""The mean of a score in an episode, by the episode's index and the trial."""


@dataclass(frozen=True)
class Place:
    """Where a result stands among others of the same entries.

    Args:
        rank: 1 more than there are results that are better for sure; None for a reference, and where an entry was not
            played.
        ties: the places (in the sequence that was given) of those from which it cannot be told apart.
    """

    rank: int | None
    ties: tuple[int, ...]


@dataclass(frozen=True)
class TrialMeans:
    """A score of an entry over its trials.

    Args:
        average: the mean over all trials, avg@k; each episode weighs the same.
        best: the mean of each episode's best trial, best@k.
        trials: k, the most trials of an episode.
    """

    average: Mean
    best: Mean
    trials: int


def trial_values(result: Result, entry: str, score: str = "answer") -> Values:
    """Return the values of a score by episode and trial, of those that were played to the end and have it."""
    final = result.header.entry(entry).final_rewards
    values: Values = {}
    for episode in result.of(entry):
        found = _values(episode, final, score)
        if found:
            values.setdefault(episode.index, {})[episode.trial] = float(np.mean(found))
    return dict(sorted(values.items()))


def trial_means(values: Values) -> TrialMeans | None:
    """Return avg@k and best@k with their 95 % intervals over episodes; None if there are no values."""
    if not values:
        return None
    average = [float(np.mean([*trials.values()])) for trials in values.values()]
    best = [max(trials.values()) for trials in values.values()]
    return TrialMeans(_mean(average), _mean(best), max(map(len, values.values())))


def rank(results: Sequence[Result], score: str = "answer") -> list[Place]:
    """Rank results of the same entries by their differences on the episodes that both of a pair have played.

    One is better than another *for sure* if the 95 % interval of the difference of their means over the entries does
    not hold zero. No correction is made for how many pairs there are: of 20 equal ones, one seems to differ.

    Args:
        results: of the same entries. References get no rank: they saw the gold, or something else than a memory.
        score: by which.
    """
    played = [
        {entry.name: trial_values(result, entry.name, score) for entry in result.header.entries} for result in results
    ]
    competing = [
        place for place, result in enumerate(results) if not result.header.reference and all(played[place].values())
    ]
    places = [Place(None, ())] * len(results)
    for place in competing:
        differences = {other: _compare(played[place], played[other]) for other in competing if other != place}
        better = sum(sign < 0 for sign in differences.values())
        places[place] = Place(better + 1, tuple(other for other, sign in differences.items() if sign == 0))
    return places


def pareto(points: Sequence[tuple[float, float] | None]) -> list[bool]:
    """Return of each (cost, quality) whether no other is both as cheap and better, or cheaper and as good.

    A point that is None, as its cost is not known, is on no front.
    """
    known = [point for point in points if point is not None]

    def dominated(cost: float, quality: float) -> bool:
        return any(c <= cost and q >= quality and (c < cost or q > quality) for c, q in known)

    return [point is not None and not dominated(*point) for point in points]


def _compare(first: Mapping[str, Values], second: Mapping[str, Values]) -> int:
    """Return 1 if the first is better for sure, -1 if the second is, 0 if that cannot be told."""
    rises, ends = [], []
    for entry, values in first.items():
        others = second.get(entry, {})
        common = [index for index in values if index in others]
        if len(common) < FEWEST:
            if values or others:
                return 0
            continue
        one, other = (totals([[*played[index].values()] for index in common]) for played in (values, others))
        rises.append(float(np.divide(*one.sum(0)) - np.divide(*other.sum(0))))
        ends.append(difference_interval(other, one))
    if not rises:
        return 0
    low, high = average_interval(rises, ends)
    return (low > 0) - (high < 0)


def _values(episode: EpisodeRecord, final: Sequence[str], score: str) -> list[float]:
    return [scores[score] for _, scores in scored(episode, final) if score in scores]


def _mean(values: Sequence[float]) -> Mean:
    ends = mean_interval(totals([[value] for value in values])) if len(values) >= FEWEST else None
    return Mean(float(np.mean(values)), ends)
