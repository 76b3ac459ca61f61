"""Intervals: what a mean would have been, had other episodes (or questions) been drawn.

Ends are those of 95 % intervals that cover at 20 episodes, too. A mean of scores in [0, 1] has Wilson's interval, with
Student's t for the normal quantile and the number of groups that would give the spread that was seen (after Korn &
Graubard, Survey Methodology 24, 1998: questions of one episode are not independent). A difference on the same groups
has Student's, with a pair of opposite changes added (after Agresti & Min, Statistics in Medicine 24, 2005), so that no
change at all in a few groups does not pass for certainty. Means of several entries are put together by their ends
(MOVER: Zou & Donner, Statistics in Medicine 27, 2008). A plain bootstrap covers 91 % at 20 episodes where these cover
94 % or more: measured in ``tests/memgym/test_statistics.py``, for right and wrong answers, shares, and questions that
come in clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np

BOOTSTRAP_SAMPLES = 2_000
_LEVEL = 0.975
_FAR = 0.5
"""The least change of the two added pairs: with less, a few large changes among many groups are too rare to be seen."""
_LEAST = 1e-9
"""The least number of groups that would give a spread: all but none, where values differ by no more than rounding."""

Ends = tuple[float, float]


def totals(groups: Iterable[Sequence[float]]) -> np.ndarray:
    """Return sum and number of each group's values: float64[U, 2]."""
    return np.array([(sum(group), len(group)) for group in groups], np.float64)


def mean_interval(totals: np.ndarray) -> Ends:
    """Return the ends of the interval of a mean of values in [0, 1].

    Args:
        totals: ``[U, 2]``, sum and number of each group's values; of two groups at least one has values.
    """
    totals = totals[totals[:, 1] > 0]
    groups = len(totals)
    mean = min(1.0, max(0.0, _ratio(totals)))
    spread = _variance(totals, mean)
    size = max(_LEAST, mean * (1 - mean) / spread) if spread > 0 else float(groups)
    t = _student(max(1, groups - 1))
    middle = (mean + t * t / (2 * size)) / (1 + t * t / size)
    half = t * math.sqrt(mean * (1 - mean) / size + t * t / (4 * size * size)) / (1 + t * t / size)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference_interval(before: np.ndarray, after: np.ndarray) -> Ends:
    """Return the ends of the interval of the difference of two means over the same groups, in [-1, 1].

    Args:
        before, after: ``[U, 2]`` each, sum and number of each group's values.
    """
    groups = len(before)
    change = _ratio(after) - _ratio(before)
    moved = _linear(after, _ratio(after)) - _linear(before, _ratio(before)) + change  # by how much, group by group
    far = float(np.clip(np.abs(moved).max(), _FAR, 1)) if moved.any() else 1.0
    middle = change * groups / (groups + 2)
    around = np.append(moved, (far, -far)) - middle
    half = _student(max(1, groups - 1)) * math.sqrt(float(around @ around) / (groups + 1) / (groups + 2))
    return max(-1.0, middle - half), min(1.0, middle + half)


def average_interval(means: Sequence[float], ends: Sequence[Ends]) -> Ends:
    """Return the ends of the interval of an average of independent means, from the ends of theirs."""
    middle, count = float(np.mean(means)), len(means)
    below = math.sqrt(sum((mean - low) ** 2 for mean, (low, _) in zip(means, ends, strict=True))) / count
    above = math.sqrt(sum((high - mean) ** 2 for mean, (_, high) in zip(means, ends, strict=True))) / count
    return middle - below, middle + above


def resampled_means(totals: np.ndarray) -> np.ndarray:
    """Return the means over groups drawn with replacement: float64[BOOTSTRAP_SAMPLES].

    The draws depend on the number of groups alone. So the ratios between the samples of two results with the same
    groups in the same order are those of a paired bootstrap.

    Args:
        totals: ``[U, 2]``, sum and number of each group's values.
    """
    sums, counts = totals.T.copy()
    drawn = np.random.default_rng(0).integers(len(sums), size=(BOOTSTRAP_SAMPLES, len(sums)))
    return sums[drawn].sum(axis=1) / np.maximum(1, counts[drawn].sum(axis=1))


def interval(samples: np.ndarray) -> Ends:
    """Return the ends between which 95 % of the samples lie."""
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def _ratio(totals: np.ndarray) -> float:
    return float(totals[:, 0].sum() / max(1.0, totals[:, 1].sum()))


def _linear(totals: np.ndarray, mean: float) -> np.ndarray:
    """Return by how much each group moves the mean, times the number of groups."""
    return (totals[:, 0] - mean * totals[:, 1]) / max(1e-12, totals[:, 1].mean())


def _variance(totals: np.ndarray, mean: float) -> float:
    """Return the variance of a ratio of sums over groups, by linearisation.

    One more group in the middle of the range counts: among few groups the rare one that differs may not have been
    drawn.
    """
    groups = len(totals)
    if groups < 2:
        return 0.0
    values = _linear(totals, mean)
    spread = float(values @ values)
    return (spread + (0.5 - mean) ** 2 if spread else 0.0) / (groups * (groups - 1))


def _student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t (Hill, Communications of the ACM 13, 1970; exact for 1 and 2)."""
    if freedom == 1:
        return math.tan(math.pi * (_LEVEL - 0.5))
    if freedom == 2:
        tail = 2 * _LEVEL - 1
        return tail * math.sqrt(2 / (1 - tail * tail))
    z = NormalDist().inv_cdf(_LEVEL)
    n = float(freedom)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n**power for power, term in enumerate(terms, 1))
