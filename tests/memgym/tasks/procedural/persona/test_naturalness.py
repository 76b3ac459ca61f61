"""How the dialogues of ``persona`` read, in numbers: variety, and turns that go on from the one before."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from random import Random

import pytest

from memgym.tasks import make_task
from memgym.words import STOP_WORDS, stem

EPISODES = {"easy": 10, "medium": 4, "hard": 1}
WORDS = 15_000
"""How many words are looked at: shares of different ones fall with the length of a text."""


@cache
def sessions(difficulty: str) -> list[list[str]]:
    """Return the turns of some sessions."""
    task = make_task("persona", difficulty=difficulty)
    episodes = [task.episode("test", index) for index in range(EPISODES[difficulty])]
    return [[turn.text for turn in session.turns] for episode in episodes for session in episode.sessions]


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def distinct(turns: list[str], n: int) -> float:
    """Return the share of different ones among the n-grams of the first words; none goes over the end of a turn."""
    found: list[tuple[str, ...]] = []
    left = WORDS
    for turn in turns:
        said = words(turn)[:left]
        left -= len(said)
        found += zip(*(said[i:] for i in range(n)), strict=False)
    return len(set(found)) / len(found)


def shared(turns: list[str]) -> list[bool]:
    """Return for each turn but the first whether it has a content word of the one before."""
    content = [{stem(word) for word in words(turn) if word not in STOP_WORDS} for turn in turns]
    return [bool(one & next_one) for one, next_one in pairwise(content)]


def mean(values: list[bool]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("difficulty", EPISODES)
def test_the_wording_varies(difficulty: str) -> None:
    """Version 2 had 0.25 to 0.30 different pairs of words, 0.40 to 0.46 triples, and every fourth turn came again."""
    turns = [turn for session in sessions(difficulty) for turn in session]
    assert distinct(turns, 2) > 0.42
    assert distinct(turns, 3) > 0.60
    assert 1 - len(set(turns)) / len(turns) < 0.20


@pytest.mark.parametrize("difficulty", EPISODES)
def test_turns_go_on_from_the_one_before(difficulty: str) -> None:
    """A turn shares a word with the one before three times as often as by chance; in version 2, 1.2 times."""
    told = mean([is_shared for session in sessions(difficulty) for is_shared in shared(session)])
    mixed = [Random(0).sample(session, len(session)) for session in sessions(difficulty)]
    chance = mean([is_shared for session in mixed for is_shared in shared(session)])
    assert told > 0.15
    assert told > 2.5 * chance


@pytest.mark.parametrize("difficulty", EPISODES)
def test_questions_are_followed_by_what_is_no_question(difficulty: str) -> None:
    pairs = [pair for session in sessions(difficulty) for pair in pairwise(session)]
    asked = [(turn, reply) for turn, reply in pairs if turn.endswith("?")]
    assert len(asked) > 0.15 * sum(map(len, sessions(difficulty)))
    assert mean([reply.endswith("?") for _, reply in asked]) < 0.15
