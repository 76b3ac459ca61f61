from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym import Block, Observation
from memgym.operators import first, lexical, recent
from memgym.tokens import COUNTERS

WORDS = st.lists(st.sampled_from(["Mira", "moved", "to", "Lisbon.", "Ben", "naps.", "\n"]), max_size=20).map(" ".join)


def reading(memory: str, section: str, tokens: int | None, counter: str = "chars", question: str = "") -> Observation:
    blocks = [Block("question", question), Block("memory", memory), Block("section", section)]
    if tokens is not None:
        blocks.append(Block("budget", "", {"tokens": str(tokens), "used": "0", "counter": counter}))
    return Observation("read", blocks=tuple(blocks))


@settings(deadline=None, derandomize=True)
@given(WORDS, WORDS, st.integers(1, 20), st.sampled_from(sorted(COUNTERS)))
def test_the_budget_is_kept_and_used(memory: str, section: str, tokens: int, counter: str) -> None:
    observation = reading(memory, section, tokens, counter, "Where is Mira?")
    whole = f"{memory}\n{section}" if memory else section
    count = COUNTERS[counter].count
    beginning, end = first(observation), recent(observation)
    assert whole.startswith(beginning)
    assert whole.endswith(end)
    assert count(beginning) == count(end) == min(tokens, count(whole))
    assert count(lexical(observation)) <= tokens


def test_first_and_recent() -> None:
    assert first(reading("abcd", "efghijkl", 2)) == "abcd\nefg"
    assert recent(reading("abcd", "efghijkl", 2)) == "hijkl"  # a token has four characters, counted from the front
    for operator in (first, recent):
        assert operator(reading("a", "b", None)) == "a\nb"
        assert operator(reading("", "b", None)) == "b"


@pytest.mark.parametrize("tokens", [6, 12, None])
def test_lexical_keeps_the_sentences_like_the_question(tokens: int | None) -> None:
    memory, section = "Ben naps.\nMira moved to Lisbon.", "It rains a lot. Mira likes it. It rains a lot."
    kept = lexical(reading(memory, section, tokens, question="Where did Mira move to?"))
    expected = {
        6: "Mira likes it.",
        12: "Mira moved to Lisbon.\nMira likes it.",
        None: "Ben naps.\nMira moved to Lisbon.\nIt rains a lot.\nMira likes it.",
    }
    assert kept == expected[tokens]
    assert lexical(reading("", "", tokens)) == ""
