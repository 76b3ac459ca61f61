"""Scoring answers of ``persona``: canonical forms and abstentions."""

from __future__ import annotations

import pytest

from memgym.episodes import Question
from memgym.tasks import make_task
from memgym.tasks.procedural.persona.answers import ABSTENTIONS, only_abstains

TASK = make_task("persona", difficulty="easy")


@pytest.mark.parametrize(
    ("gold", "same", "other"),
    [
        ("6 May 2023", ["2023-05-06", "May 6, 2023", "on the 6th of May 2023", "6 may 2023."], ["6 May", "5 May 2023"]),
        ("14 March", ["March 14", "the 14th of March", "14 Mar"], ["14 May", "March"]),
        ("14:35", ["2:35 pm", "at 14:35", "2:35 p.m.", "14.35"], ["2:35 am", "14:30"]),
        ("12", ["twelve", "12."], ["2", "12 or 13"]),
        ("21", ["twenty-one", "Twenty one"], ["20"]),
        ("Lisbon", ["in Lisbon", "lisbon.", "It is Lisbon"], ["Lisbon or Oslo", "Oslo", ""]),
        ("tax adviser", ["a tax adviser", "as a tax adviser"], ["adviser"]),
        ("The Silent Orchard", ["Silent Orchard"], ["The Silent Widow"]),
    ],
)
def test_answers_are_compared_in_canonical_form(gold: str, same: list[str], other: list[str]) -> None:
    question = Question("q", "?", (gold,))
    for answer in (gold, *same):
        assert TASK.score(question, answer) == {"answer": 1.0, "f1": 1.0}, answer
    for answer in other:
        assert TASK.score(question, answer)["answer"] == 0, answer


@pytest.mark.parametrize(
    "answer",
    ["unknown", "Unknown.", "not mentioned", "Not mentioned in the conversation.", "I don't know",
     "No information available", "It is not stated.", "cannot be determined from the dialogue",
     "There is no information about that"],
)  # fmt: skip
def test_abstentions_are_recognised(answer: str) -> None:
    assert only_abstains(answer)
    assert TASK.score(Question("q", "?", ABSTENTIONS, answerable=False), answer)["answer"] == 1


@pytest.mark.parametrize(
    "answer",
    ["", "Oslo", "unknown, but probably Oslo", "unknown Oslo", "not mentioned, I guess Lisbon",
     "Lisbon (not mentioned)",
     "not mentioned in the first sessions and later she says that she moved to Oslo"],
)  # fmt: skip
def test_hedged_and_long_answers_are_no_abstentions(answer: str) -> None:
    assert not only_abstains(answer)
