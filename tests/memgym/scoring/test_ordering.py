from __future__ import annotations

import pytest

from memgym.scoring.ordering import kendall_tau_b, order_score


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4], [2, 1, 3, 4], 4 / 6),
        ([1, 2, 3], [1, 1, 2], 2 / 6**0.5),  # one pair of the second is tied: 2 / sqrt(3 * 2)
        ([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.4714045207910316),  # the example of SciPy's documentation
        ([1, 1], [1, 2], 1.0),
        ([1], [1], 1.0),
    ],
)
def test_kendall_tau_b(first, second, expected):
    assert kendall_tau_b(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "due", "expected"),
    [
        ("abc", "abc", 1.0),
        ("cba", "abc", 0.0),
        ("acb", "abc", (1 / 3 + 1) / 2),
        ("", "abc", 0.0),
        ("xyz", "abc", 0.0),
        ("a", "a", 1.0),
        # c lacks and x is too many: F1 2/3; of the six pairs of a, b, c and x the last runs the other way
        ("abx", "abc", 2 / 3 * (4 / 6 + 1) / 2),
    ],
)
def test_the_order_counts_times_the_items(given, due, expected):
    assert order_score(given, due) == pytest.approx(expected)
