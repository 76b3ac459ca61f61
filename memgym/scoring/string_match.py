"""RULER's scores (NVIDIA/RULER, ``scripts/eval/synthetic/constants.py``): substrings of the raw prediction.

Upstream gives the mean over a task's predictions in percent, rounded to two decimals; here nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence


def string_match_all(prediction: str, references: Sequence[str]) -> float:
    """Return the share of the references that the prediction contains, ignoring case."""
    text = prediction.lower()
    return sum(reference.lower() in text for reference in references) / len(references)


def string_match_part(prediction: str, references: Sequence[str]) -> float:
    """Return 1.0 if the prediction contains any of the references, ignoring case."""
    text = prediction.lower()
    return float(any(reference.lower() in text for reference in references))


STRING_MATCH = {"all": string_match_all, "any": string_match_part}
"""What ``Question.match`` asks for, to the score."""
