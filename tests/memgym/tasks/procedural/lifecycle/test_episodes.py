"""The ``lifecycle`` task: sizes, lives of facts, and options."""

from __future__ import annotations

import re
from datetime import date

import pytest

from memgym.errors import ConfigError
from memgym.tasks.procedural.lifecycle import DIFFICULTIES, Lifecycle
from memgym.tokens import get_counter


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_sizes_are_as_the_difficulty_says(difficulty):
    preset = DIFFICULTIES[difficulty]
    for index in range(5):
        episode = Lifecycle(difficulty=difficulty).episode("train", index)
        assert len(episode.sessions) == preset["sessions"]
        assert len(episode.questions) == preset["questions"]
        assert len({question.text.split(", ")[-1] for question in episode.questions}) == preset["questions"]
        assert len({fact.subject for fact in episode.facts}) <= preset["people"]


@pytest.mark.parametrize("length", [4_000, 50_000])
@pytest.mark.parametrize("counter", ["chars", "words"])
def test_a_length_is_met(length, counter):
    for index in range(3):
        episode = Lifecycle(length=length, counter=counter).episode("test", index)
        assert get_counter(counter).count(episode.text()) == pytest.approx(length, rel=0.02)


def test_facts_hold_from_their_turn_to_that_which_ends_them():
    for index in range(20):
        episode = Lifecycle(difficulty="medium").episode("validation", index)
        order = [turn.id for session in episode.sessions for turn in session.turns]
        openings = {session.turns[0].id for session in episode.sessions}
        assert any(fact.forgotten for fact in episode.facts)
        ended = [fact for fact in episode.facts if fact.until]
        for fact in ended:
            assert order.index(fact.source) < order.index(fact.until)
            text = dict(episode.passages())[fact.source]
            follows = [new for new in episode.facts if (new.subject, new.source) == (fact.subject, fact.until)]
            assert fact.forgotten or follows or (fact.until in openings and "until" in text.lower())
        lasting = [(fact.subject, fact.relation) for fact in episode.lasting_facts() or ()]
        assert max(map(lasting.count, lasting)) <= 2  # what holds, and what is lent beyond the last session


def test_what_is_lent_expires_with_its_day():
    for index in range(20):
        episode = Lifecycle().episode("train", index)
        days = {session.turns[0].id: date.fromisoformat(session.time[:10]) for session in episode.sessions}
        first = {turn.id: session.turns[0].id for session in episode.sessions for turn in session.turns}
        text = dict(episode.passages())
        for fact in episode.facts:
            if fact.until in days and " of " in text[fact.source] and not fact.forgotten:
                assert days[first[fact.source]] < days[fact.until]


def test_what_is_lent_up_to_another_year_names_it():
    """Over years of sessions a day without its year would be taken for the next one of that name."""
    far = 0
    for index in range(10):
        episode = Lifecycle(sessions=100, requests=0, questions=20).episode("test", index)
        year = {turn.id: session.time[:4] for session in episode.sessions for turn in session.turns}
        text = dict(episode.passages())
        for question in episode.questions:
            if question.category == "temporary" and year[question.evidence[0]] != question.time[:4]:
                assert re.search(r"until the \d+\w\w of [A-Z][a-z]+ \d{4}\b", text[question.evidence[0]], re.IGNORECASE)
                far += 1
    assert far >= 5


def test_questions_are_answered_right_or_wrong():
    task = Lifecycle()
    for question in task.episode("test", 0).questions:
        if question.answerable:
            (value,) = question.answers
            assert task.score(question, f"It is {value}.")["answer"] == 1.0
            assert task.score(question, f"{value} or Oslo")["answer"] == 0.0
            assert task.score(question, "unknown")["answer"] == 0.0
        else:
            assert task.score(question, "I do not know.")["answer"] == 1.0
            assert task.score(question, "I do not know, perhaps Oslo")["answer"] == 0.0


def test_the_same_elsewhere(same_elsewhere):
    assert same_elsewhere("lifecycle", {"difficulty": "medium"}, "validation", 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"difficulty": "mild"}, "'difficulty'"),
        ({"sessions": 3}, "'sessions'"),
        ({"requests": -1}, "'requests'"),
        ({"people": 0}, "'people'"),
        ({"people": 1, "questions": 9}, "'questions' must be an int from 1 to 6"),
        ({"changes": 6}, "'changes'"),
        ({"length": 500}, "'length' must be at least"),
        ({"counter": "letters"}, "letters"),
        ({"noise": 3}, "'noise'"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ConfigError, match=message):
        Lifecycle(**options)
