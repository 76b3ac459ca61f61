"""The ``whereabouts`` task, judged by a reader that knows the wording only."""

from __future__ import annotations

import re
from functools import cache

import gymnasium as gym
import pytest

from memgym.episodes import Episode
from memgym.errors import ConfigError
from memgym.scoring.text import normalize
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.whereabouts import MOVE, PLACES, QUESTIONS, QUIET, THINGS, Whereabouts

OPTIONS = [
    {},
    {"seed": 3, "stops": 1},
    {"moves": 40, "things": 20, "stops": 3, "questions": 10},
    {"moves": len(PLACES), "things": 1, "stops": len(PLACES)},
    {"moves": 1, "things": 1, "stops": 1},
    {"moves": 5, "things": 1, "quiet": 7},
]
EPISODES = 60
TOLD = re.compile(MOVE.replace(".", r"\.").format(thing=r"(\w+)", place=r"(\w+)"))
ASKED = [re.compile(text.replace("?", r"\?").format(thing=r"(\w+)")) for text in QUESTIONS]

all_options = pytest.mark.parametrize("option", range(len(OPTIONS)))


@cache
def episodes(option: int, split: str = "train") -> list[Episode]:
    task = Whereabouts(**OPTIONS[option])
    return [task.episode(split, index) for index in range(EPISODES)]


def lines(episode: Episode) -> list[tuple[str, str] | None]:
    """Return thing and place of every line, None where nothing was moved."""
    assert [section.id for section in episode.sections] == [f"line{i + 1}" for i in range(len(episode.sections))]
    return [None if section.text == QUIET else TOLD.fullmatch(section.text).groups() for section in episode.sections]


def moves(episode: Episode) -> list[tuple[str, str]]:
    return [move for move in lines(episode) if move]


def asked(text: str) -> str:
    (thing,) = [m[1] for question in ASKED if (m := question.fullmatch(text))]
    return thing


@all_options
def test_the_answer_is_where_the_thing_was_last_taken(option):
    for episode in episodes(option):
        told = moves(episode)
        last = dict(told)
        for question in episode.questions:
            assert question.answers == (last[asked(question.text)],)
            (source,) = question.evidence
            assert lines(episode)[int(source.removeprefix("line")) - 1] == (asked(question.text), *question.answers)
        assert len({question.text for question in episode.questions}) == len(episode.questions)


@all_options
def test_sizes_are_as_asked_for(option):
    task = Whereabouts(**OPTIONS[option])
    for episode in episodes(option):
        told = moves(episode)
        assert len(told) == task.config.moves
        assert len(lines(episode)) == task.config.moves + task.config.quiet
        assert len({thing for thing, _ in told}) == task.config.things
        assert len(set(told)) == len(told)  # no thing is twice at a place
        assert len(episode.questions) == task.config.questions
        for question in episode.questions:
            assert [thing for thing, _ in told].count(asked(question.text)) >= task.config.stops


@all_options
def test_facts_hold_until_the_next_move(option):
    for episode in episodes(option):
        read = set()
        for number, _ in enumerate(lines(episode), 1):
            read.add(f"line{number}")
            held = {fact.subject: fact.value for fact in episode.facts_after(read)}
            assert held == dict(filter(None, lines(episode)[:number]))
        assert {(fact.subject, fact.value) for fact in episode.lasting_facts()} == dict(moves(episode)).items()


@all_options
def test_no_log_begins_like_one_of_another_split(option):
    seen = {split: {(frozenset(dict(moves(e))), moves(e)[0][1]) for e in episodes(option, split)} for split in SPLITS}
    for split, found in seen.items():
        assert found
        assert not found & set().union(*(other for name, other in seen.items() if name != split))


def test_words_are_single_distinct_and_survive_scoring():
    words = [*THINGS, *PLACES]
    assert len(set(words)) == len(words)
    assert [normalize(word) for word in words] == words


def test_the_first_mention_is_seldom_the_answer_and_the_last_sentence_neither():
    told = [(moves(e), asked(e.questions[0].text), e.questions[0].answers[0]) for e in episodes(0)]
    first = [next(place for thing, place in text if thing == wanted) == answer for text, wanted, answer in told]
    last = [text[-1][1] == answer for text, _, answer in told]
    assert sum(first) == 0
    assert 0 < sum(last) < EPISODES // 2


def test_score_is_exact_match():
    task = Whereabouts()
    (question,) = task.episode("test", 0).questions
    (place,) = question.answers
    assert task.score(question, f"The {place}.")["answer"] == 1.0
    assert task.score(question, f"{place} or {PLACES[0]}")["answer"] == 0.0


def test_the_same_elsewhere(same_elsewhere):
    assert same_elsewhere("whereabouts", {"questions": 2}, "validation", 5)


def test_a_section_of_16_words_is_four_lines():
    env = gym.make("memgym/Longcontext-v1", task="whereabouts", counter="words", section_tokens=16)
    for index in range(20):
        env.reset(options={"index": index})
        pages = env.unwrapped._pages
        assert [len([line for line in page.splitlines() if line]) for page in pages] == [4, 4, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"things": 0}, "'things'"),
        ({"things": 25}, "'things' must be an int from 1 to 24"),
        ({"moves": 4, "things": 4}, "'moves' must be an int from 5"),
        ({"moves": 49, "things": 1}, "'moves' must be an int from 2 to 48"),
        ({"questions": 5}, "'questions' must be an int from 1 to 4"),
        ({"quiet": -1}, "'quiet'"),
        ({"stops": 49}, "'stops'"),
        ({"place": "attic"}, "'place'"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ConfigError, match=message):
        Whereabouts(**options)
