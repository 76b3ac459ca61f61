"""Intervals cover: of many samples, 95 in 100 intervals hold the truth, also at 20 episodes."""

from __future__ import annotations

import numpy as np
import pytest

from memgym.statistics import (
    _student,
    average_interval,
    difference_interval,
    interval,
    mean_interval,
    resampled_means,
    totals,
)


def sample(rng: np.random.Generator, groups: int, share: float, clustered: bool) -> list[list[float]]:
    """Draw 0/1 scores with a mean of ``share``: one for each episode, or ten that are alike."""
    if not clustered:
        return [[float(rng.random() < share)] for _ in range(groups)]
    own = rng.beta(2 * share, 2 * (1 - share), groups)
    return [(rng.random(10) < chance).astype(float).tolist() for chance in own]


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("groups", [5, 10, 20, 50])
def test_intervals_of_means_cover(groups: int, share: float, clustered: bool) -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(500):
        low, high = mean_interval(totals(sample(rng, groups, share, clustered)))
        hits += low <= share <= high
    assert hits >= 0.935 * 500


def test_a_bootstrap_does_not() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(200):
        low, high = interval(resampled_means(totals(sample(rng, 20, 0.1, True))))
        hits += low <= 0.1 <= high
    assert hits < 0.92 * 200


@pytest.mark.parametrize("changed", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("groups", [10, 20, 50])
def test_intervals_of_differences_cover(groups: int, changed: float) -> None:
    rng, hits = np.random.default_rng(2), 0
    for _ in range(400):
        before = (rng.random(groups) < 0.3).astype(float)
        after = np.where(rng.random(groups) < changed, rng.random(groups) < 0.8, before)
        low, high = difference_interval(totals([[x] for x in before]), totals([[x] for x in after]))
        hits += low <= changed * 0.5 <= high
    assert hits >= 0.935 * 400


def test_an_average_is_as_wide_as_its_parts_allow() -> None:
    assert average_interval([0.5], [(0.25, 0.875)]) == (0.25, 0.875)
    low, high = average_interval([0.5, 0.5], [(0.3, 0.7), (0.3, 0.7)])
    assert (low, high) == pytest.approx((0.5 - 0.2 / 2**0.5, 0.5 + 0.2 / 2**0.5))


def test_students_quantiles() -> None:
    """Against a table."""
    known = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 19: 2.093, 30: 2.042, 120: 1.980}
    assert {freedom: round(_student(freedom), 3) for freedom in known} == pytest.approx(known, abs=0.004)
