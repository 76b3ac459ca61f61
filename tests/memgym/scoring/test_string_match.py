"""RULER's substring scores."""

from __future__ import annotations

import pytest

from memgym.scoring.string_match import string_match_all, string_match_part


@pytest.mark.parametrize(
    ("prediction", "references", "every", "some"),
    [
        ("The numbers are 12 and 345.", ["12", "345"], 1.0, 1.0),
        ("12", ["12", "345"], 0.5, 1.0),
        ("ABC", ["abc"], 1.0, 1.0),
        ("abc", ["ABC", "d", "e"], 1 / 3, 1.0),
        ("", ["a"], 0.0, 0.0),
        ("1234", ["23"], 1.0, 1.0),  # substrings, not words
    ],
)
def test_string_match(prediction, references, every, some):
    assert string_match_all(prediction, references) == pytest.approx(every)
    assert string_match_part(prediction, references) == some
