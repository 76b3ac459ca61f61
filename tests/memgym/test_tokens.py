from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.errors import ConfigError
from memgym.tokens import COUNTERS, TokenCounter, get_counter

thorough = settings(deadline=None, derandomize=True, max_examples=200)

TEXTS = st.text(st.sampled_from("ab1 .,\n\té–字_'"), max_size=60) | st.text(max_size=40)


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS, tokens=st.integers(0, 20))
def test_a_cut_is_the_longest_prefix_within_the_budget(counter: TokenCounter, text: str, tokens: int) -> None:
    cut = counter.cut(text, tokens)
    assert text.startswith(cut)
    assert counter.count(cut) <= tokens
    fitting = [end for end in range(len(text) + 1) if counter.count(text[:end]) <= tokens]
    whole_words = [end for end in fitting if counter is not COUNTERS["words"] or _between_words(text, end)]
    assert len(cut) == max(whole_words)


def _between_words(text: str, end: int) -> bool:
    word = [character.isalnum() or character == "_" for character in text[max(0, end - 1) : end + 1]]
    return not (len(word) == 2 and all(word)) or end == 0


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@thorough
@given(text=TEXTS, start=st.integers(0, 60), tokens=st.integers(0, 20))
def test_end_counts_from_its_start(counter: TokenCounter, text: str, start: int, tokens: int) -> None:
    start = min(start, len(text))
    assert counter.end(text, start, tokens) == start + len(counter.cut(text[start:], tokens))


def test_counts() -> None:
    assert [COUNTERS["chars"].count("x" * n) for n in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]
    assert COUNTERS["words"].count("Mira's cat, 7 years old -- hm…") == 12
    assert COUNTERS["words"].count(" \n ") == 0


@pytest.mark.parametrize("name", ["word", "", 5, None, ["chars"]])
def test_unknown_counters_are_refused(name: object) -> None:
    with pytest.raises(ConfigError, match=r"unknown token counter .*Known: chars, words"):
        get_counter(name)
