from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.episodes import Episode, Question, Turn
from memgym.tasks.procedural.sizing import fitting, fitting_turns, in_sessions, nearest
from memgym.tokens import COUNTERS, get_counter

WORDS = st.lists(st.integers(1, 9), min_size=1, max_size=40).map(lambda sizes: [" ".join("word" * n) for n in sizes])


@given(WORDS, st.sampled_from(sorted(COUNTERS)), st.integers(-3, 400))
def test_fitting_takes_all_that_fits_and_no_more(pieces, name, tokens):
    counter = get_counter(name)
    n = fitting(pieces, "\n", counter, tokens)
    assert counter.count("\n".join(pieces[:n])) <= max(0, tokens)
    if n < len(pieces):
        assert counter.count("\n".join(pieces[: n + 1])) > tokens


def test_nearest_prefers_nothing_to_too_much():
    words = get_counter("words")
    pieces = ["a b c", "a b c d e f", "a"]
    assert nearest(pieces, words, 5) == "a b c d e f"
    assert nearest(pieces, words, 2) == "a b c"
    assert nearest(pieces, words, 0) is None
    assert nearest(pieces, words, -4) is None


def written(lines, per_session):
    turns = [Turn(f"t{i}", *line.split(": ")) for i, line in enumerate(lines)]
    sessions = in_sessions(turns, per_session)
    assert [turn for session in sessions for turn in session.turns] == turns
    assert all(len(session.turns) == per_session for session in sessions[:-1])
    return Episode("e", (Question("q", "?", ("a",)),), sessions=sessions).text()


@pytest.mark.parametrize("name", sorted(COUNTERS))
@given(sizes=st.lists(st.integers(6, 14), min_size=60, max_size=80), per_session=st.integers(1, 12), data=st.data())
def test_turns_meet_a_length(name, sizes, per_session, data):
    counter = get_counter(name)
    lines = [f"user: {' '.join(['word'] * n)}" for n in sizes]
    tokens = data.draw(st.integers(100, 300))
    taken = fitting_turns(lines, per_session, counter, tokens)
    assert len(set(taken)) == len(taken)
    assert taken[:-1] == list(range(len(taken) - 1))
    assert abs(counter.count(written([lines[i] for i in taken], per_session)) - tokens) <= 5
