from __future__ import annotations

import pytest

from memgym.scoring.frequencies import most_frequent


@pytest.mark.parametrize(
    ("text", "count", "words"),
    [
        ("57: vadol\n31: mira sibay\n", 2, ["vadol", "mira"]),
        ("1. nylon 2. elver 3. nylon", 1, ["nylon"]),
        ("elver nylon: 3, ivory (7)", 2, ["ivory", "nylon"]),
        ("- elver = 2\n- nylon x9\n- ivory × 4\n- opal - 3", 3, ["nylon", "ivory", "opal"]),
        ("old-elver: 4 elver elver", 1, ["old-elver"]),
        ("elver: 3 elver", 1, ["elver"]),
        ("... 12 7: ", 3, []),
        (f"elver: {'9' * 5000}", 1, ["elver"]),  # no number that a count could be
        ("", 3, []),
    ],
)
def test_the_most_frequent_words_by_notes_or_counted(text: str, count: int, words: list[str]) -> None:
    assert most_frequent(text, count) == words


@pytest.mark.parametrize("sign", ["a", "a-", "a ", "1: ", "a: 1 "])
def test_long_texts_are_counted_at_once(sign: str) -> None:
    """What took the square of their length would not end here."""
    assert len(most_frequent(sign * 200_000, 2)) <= 1
