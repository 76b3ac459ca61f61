from __future__ import annotations

import pytest

from memgym.episodes import RUBRIC, Question
from memgym.tasks.published.beam.score import align, beam_score, listed, stated


def question(ability, text, gold, *points):
    answerable = ability != "abstention"
    metadata = {RUBRIC: "\n".join(points)}
    return Question("q", text, (gold,), category=ability, answerable=answerable, metadata=metadata)


COMMITS = question("knowledge_update", "How many commits have been merged?", "165 commits were.", "165 commits")
SPRINT = question(
    "temporal_reasoning",
    "How many days were there between the sprint and the deadline?",
    "There were 21 days between the sprint on March 29 and the deadline on April 19.",
    "21 days",
    "from March 29, 2024 till April 19, 2024",
)
ABSENT = question("abstention", "What did the review say?", "Nothing is told about it.", "nothing is told")
ORDER = question("event_ordering", "In which order?", "gold", "Core functionality", "Error handling", "Deployment")


@pytest.mark.parametrize(
    ("asked", "answer", "expected"),
    [
        (COMMITS, "By now 165 commits have been merged.", 1.0),
        (COMMITS, "165", 1.0),
        (COMMITS, "150 commits", 0.0),
        (COMMITS, "1165 commits", 0.0),
        (COMMITS, "commits", 0.0),
        (SPRINT, "21 days, from March 29 to April 19.", 1.0),
        (SPRINT, "21", 0.5),
        (SPRINT, "20 days, from March 29 to April 19.", 0.5),
        (SPRINT, "There were some days between the sprint and the deadline.", 0.0),
        (SPRINT, "18, 19, 20, 21, 22, 23, 24, 25, 26, 27 or 29 days, March, April", 0.0),  # hedges
        (ABSENT, "Based on the provided chat, there is no information related to the review of the parser.", 1.0),
        (ABSENT, "That was not mentioned.", 1.0),
        (ABSENT, "The review said that it is fine.", 0.0),
        (ORDER, "1) Core functionality, 2) handling of errors, 3) deployment", 1.0),
        (ORDER, "Deployment\nHandling errors\nThe core functionality", 0.0),
        (ORDER, "core functionality; deployment; error handling", (1 / 3 + 1) / 2),
        (ORDER, "core functionality", 0.5 * (2 / 6**0.5 + 1) / 2),
    ],
)
def test_score(asked, answer, expected):
    assert beam_score(asked, answer) == pytest.approx(expected)


@pytest.mark.parametrize("ability", ["summarization", "contradiction_resolution", "preference_following"])
def test_what_only_a_reader_can_judge_is_token_f1(ability):
    asked = question(ability, "?", "You moved from Rome to Oslo.", "Rome", "Oslo")
    assert beam_score(asked, "You moved from Rome to Oslo.") == 1.0
    assert beam_score(asked, "from Rome to Oslo") == pytest.approx(2 * 4 / (4 + 6))


def test_small_numbers_and_thousands_are_read():
    assert stated("Two columns", "I count 2 of them.", "How many columns are there?")
    assert stated("1,200 calls per day", "a quota of 1200 calls", "What is the daily quota?")
    assert not stated("fetch call latency is faster", "faster", "Which is faster, the fetch call latency or the API?")


def test_words_of_the_question_align_nothing():
    points = ["Debounce implementation", "Response time", "Cleanup"]
    items = ["Implementing a debounce delay", "the app in general", "Cleaning up after each response"]
    assert align(items, points, "In which order did I implement the app?") == [0, "item 1", 1]


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ("In this order: 1) one thing, 2) another, and 3) a third.", ["one thing", "another, and", "a third"]),
        ("1. alpha\n2. beta", ["alpha", "beta"]),
        ("- alpha\n- beta, gamma\n", ["alpha", "beta, gamma"]),
        ("alpha; beta, gamma", ["alpha", "beta, gamma"]),
        ("alpha, beta", ["alpha", "beta"]),
        ("alpha", ["alpha"]),
        ("", []),
    ],
)
def test_items_of_a_list(answer, items):
    assert listed(answer) == items
