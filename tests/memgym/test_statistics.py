"""Whether 95 % intervals cover: simulated, with scores like those that tasks give."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from memgym.statistics import (
    Ends,
    average_interval,
    difference_interval,
    interval,
    mean_interval,
    resampled_means,
    totals,
)

Draw = Callable[[np.random.Generator, int], np.ndarray]
SIMULATIONS = 1_000
LEAST = 0.94
NOISE = 0.014  # two standard errors of a share of 0.95 over so many simulations


def right_or_wrong(p: float) -> tuple[Draw, float]:
    """One question per episode, right or wrong."""
    return lambda rng, n: np.column_stack([rng.random(n) < p, np.ones(n)]).astype(float), p


def clustered(p: float, alike: float, questions: tuple[int, int] = (8, 8)) -> tuple[Draw, float]:
    """Several questions per episode, and episodes that are hard or easy: ``alike`` is their intraclass correlation."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        share = rng.beta(p * (1 / alike - 1), (1 - p) * (1 / alike - 1), n)
        asked = rng.integers(questions[0], questions[1] + 1, n)
        return np.column_stack([rng.binomial(asked, share), asked]).astype(float)

    return draw, p


def shares(zero: float, a: float, b: float) -> tuple[Draw, float]:
    """A share per episode, such as F1 or a recall: often nothing, else drawn from a beta distribution."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.column_stack([np.where(rng.random(n) < zero, 0, rng.beta(a, b, n)), np.ones(n)])

    return draw, (1 - zero) * a / (a + b)


def coverage(draw: Draw, truth: float, episodes: int, ends: Callable[[np.ndarray], Ends] = mean_interval) -> float:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(SIMULATIONS):
        low, high = ends(draw(rng, episodes))
        covered += low <= truth <= high
    return covered / SIMULATIONS


@pytest.mark.parametrize("episodes", [10, 20, 50])
def test_a_mean_of_right_and_wrong_is_covered_whatever_it_is(episodes: int) -> None:
    """Exactly, by the binomial distribution."""
    numbers = range(episodes + 1)
    ends = [mean_interval(totals([[1.0]] * k + [[0.0]] * (episodes - k))) for k in numbers]
    for p in np.linspace(0.02, 0.98, 49):
        weights = [math.comb(episodes, k) * p**k * (1 - p) ** (episodes - k) for k in numbers]
        covered = sum(weight for weight, (low, high) in zip(weights, ends, strict=True) if low <= p <= high)
        assert covered >= (LEAST if episodes <= 20 else 0.93), p  # it oscillates with p


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("alike", [0.05, 0.3, 0.8])
def test_a_mean_of_clustered_questions_is_covered(p: float, alike: float) -> None:
    assert coverage(*clustered(p, alike), 20) >= LEAST - NOISE
    assert coverage(*clustered(p, alike, (1, 12)), 20) >= LEAST - NOISE


@pytest.mark.parametrize(("zero", "a", "b"), [(0.5, 2, 2), (0.8, 5, 1), (0.95, 1, 1), (0, 0.3, 0.3), (0, 20, 2)])
def test_a_mean_of_shares_is_covered(zero: float, a: float, b: float) -> None:
    assert coverage(*shares(zero, a, b), 20) >= LEAST - NOISE


def test_the_bootstrap_does_not_cover() -> None:
    """Why it is not used."""
    assert coverage(*right_or_wrong(0.1), 20, lambda drawn: interval(resampled_means(drawn))) < 0.92


def test_scores_that_vary_little_have_a_narrow_interval() -> None:
    draw, truth = shares(0, 20, 20)
    low, high = mean_interval(draw(np.random.default_rng(0), 60))
    assert low < truth < high
    assert high - low < 0.06


@pytest.mark.parametrize(("won", "lost"), [(0.05, 0), (0.1, 0.05), (0.3, 0.1), (0.5, 0), (0.8, 0.1), (0.9, 0.05)])
def test_a_paired_difference_is_covered(won: float, lost: float) -> None:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        luck = rng.random(n)
        both = (luck < 1 - won - lost) & (rng.random(n) < 0.4)
        after, before = (luck > 1 - won) | both, ((luck > 1 - won - lost) & (luck <= 1 - won)) | both
        return np.column_stack([before, np.ones(n), after, np.ones(n)]).astype(float)

    paired = coverage(draw, won - lost, 20, lambda drawn: difference_interval(drawn[:, :2], drawn[:, 2:]))
    assert paired >= LEAST - NOISE


@pytest.mark.parametrize(("p", "gain", "alike"), [(0.1, 0.0, 0.05), (0.5, 0.3, 0.3), (0.9, 0.9, 0.7), (0.95, 0.5, 0.9)])
def test_a_paired_difference_of_clustered_questions_is_covered(p: float, gain: float, alike: float) -> None:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        share = rng.beta(p * (1 / alike - 1), (1 - p) * (1 / alike - 1), n)
        eight = np.full(n, 8)
        better = rng.binomial(eight, share + gain * (1 - share))
        return np.column_stack([rng.binomial(eight, share), eight, better, eight]).astype(float)

    truth = gain * (1 - p)
    assert coverage(draw, truth, 20, lambda d: difference_interval(d[:, :2], d[:, 2:])) >= LEAST - NOISE


@pytest.mark.parametrize("means", [(0.1, 0.9, 0.5), (0.95, 0.99, 0.9, 0.8), (0.02, 0.5)])
def test_an_average_over_entries_is_covered(means: tuple[float, ...]) -> None:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.array([right_or_wrong(p)[0](rng, n) for p in means])

    def ends(drawn: np.ndarray) -> Ends:
        return average_interval([float(one[:, 0].mean()) for one in drawn], [mean_interval(one) for one in drawn])

    assert coverage(draw, float(np.mean(means)), 20, ends) >= LEAST - NOISE


def test_ends_hold_what_was_seen() -> None:
    every = totals([[1.0]] * 20)
    none = totals([[0.0]] * 20)
    assert mean_interval(every)[1] == 1.0
    assert mean_interval(every)[0] < 0.9
    assert difference_interval(none, every)[1] == 1.0
    low, high = difference_interval(every, every)
    assert low < 0 < high  # no change among twenty is not no change
    assert low == -high
    for number in (1, 2, 3):
        low, high = mean_interval(totals([[0.5, 1.0]] * number))
        assert 0 <= low < 0.75 < high <= 1


@pytest.mark.parametrize(
    "values",
    [(1, 1, 1 - 1e-16), (1, 1, 0.9999999999999999), (0, 0, 5e-324), (0, 0, 1e-300), (0, 1e-200, 0), (1, 1), (0, 0, 0)],
)
def test_values_that_differ_by_a_rounding_have_an_interval(values: tuple[float, ...]) -> None:
    low, high = mean_interval(totals([[value] for value in values]))
    assert 0 <= low <= np.mean(values) <= high <= 1


@pytest.mark.parametrize("values", [(2, 0, 1), (3, 1, 1), (-1, 0, 0), (1e6, -1e6, 3), (5, 5, 5)])
def test_values_that_are_no_shares_have_an_interval_within(values: tuple[float, ...]) -> None:
    low, high = mean_interval(totals([[value] for value in values]))
    assert 0 <= low <= high <= 1
