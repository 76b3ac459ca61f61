"""Recognising abstention."""

from __future__ import annotations

import pytest

from memgym.scoring.abstention import abstains


@pytest.mark.parametrize(
    "answer",
    [
        "Not mentioned in the conversation",
        "No information available",
        "You did not mention this information.",
        "You didn’t mention a hamster.",
        "The text does not say.",
        "The document doesn't specify the year.",
        "I don't know.",
        "I cannot answer that from the conversation.",
        "It can't be determined.",
        "There is no record of an uncle.",
        "I don't have any information about it.",
        "She never said where.",
        "That has not been stated.",
        "unanswerable",
        "Unknown.",
    ],
)
def test_abstentions(answer):
    assert abstains(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Lisbon",
        "No",
        "No, she moved to Rome.",
        "Likely no",
        "She did not go to Rome.",
        "Nothing",
        "He is not married.",
    ],
)
def test_answers(answer):
    assert not abstains(answer)
