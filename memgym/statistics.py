"""Bootstrap intervals: what a mean would have been, had other episodes (or questions) been drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

BOOTSTRAP_SAMPLES = 2_000


def totals(groups: Iterable[Sequence[float]]) -> np.ndarray:
    """Return sum and number of each group's values: float64[U, 2]."""
    return np.array([(sum(group), len(group)) for group in groups], np.float64)


def resampled_means(totals: np.ndarray) -> np.ndarray:
    """Return the means over groups drawn with replacement: float64[BOOTSTRAP_SAMPLES].

    The draws depend on the number of groups alone. So the differences between the samples of two results with the same
    groups in the same order are those of a paired bootstrap.

    Args:
        totals: ``[U, 2]``, sum and number of each group's values.
    """
    sums, counts = totals.T.copy()
    drawn = np.random.default_rng(0).integers(len(sums), size=(BOOTSTRAP_SAMPLES, len(sums)))
    return sums[drawn].sum(axis=1) / np.maximum(1, counts[drawn].sum(axis=1))


def interval(samples: np.ndarray) -> tuple[float, float]:
    """Return the ends of the 95 % interval."""
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)
