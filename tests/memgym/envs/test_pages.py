from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.envs.pages import Pages
from memgym.tokens import COUNTERS

PIECES = st.lists(st.text(st.sampled_from("ab1 .,\n"), max_size=80), min_size=1, max_size=6)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(PIECES, st.integers(1, 15), st.sampled_from(sorted(COUNTERS)))
def test_the_pages_are_the_text_and_fit_the_size(pieces: list[str], tokens: int, counter_name: str) -> None:
    counter = COUNTERS[counter_name]
    pages = Pages(pieces, tokens, counter)
    text = "\n\n".join(pieces)
    assert "".join(pages) == text
    assert pages.total_chars == len(text)
    assert len(pages) >= 1
    assert all(counter.count(page) <= tokens for page in pages)
    assert all(list(pages)[:-1])  # no page is empty, unless the text is
    floor = 3 * tokens // 4 - 1  # a page is cut at a mark in its last quarter, or where it is full
    if counter_name == "chars":
        assert all(counter.count(page) >= floor for page in list(pages)[:-1])


@settings(deadline=None, derandomize=True)
@given(PIECES)
def test_without_a_size_the_pieces_are_the_pages(pieces: list[str]) -> None:
    pages = list(Pages(pieces, None, COUNTERS["chars"]))
    assert "".join(pages) == "\n\n".join(pieces)
    assert pages == [piece + "\n\n" for piece in pieces[:-1]] + pieces[-1:]


def test_cuts_prefer_line_breaks_then_spaces() -> None:
    chars = COUNTERS["chars"]
    assert list(Pages(["a" * 13 + "\nb c" + "d" * 5], 4, chars)) == ["a" * 13 + "\n", "b cddddd"]
    assert list(Pages(["a" * 13 + " bb" + "d" * 5], 4, chars)) == ["a" * 13 + " ", "bbddddd"]
    assert list(Pages(["a\nb " + "a" * 20], 4, chars)) == ["a\nb " + "a" * 12, "a" * 8]  # too far from the end
    assert list(Pages(["a" * 40], 4, chars)) == ["a" * 16, "a" * 16, "a" * 8]


def test_indices() -> None:
    pages = Pages(["x" * 40], 4, COUNTERS["chars"])
    assert len(pages) == 3
    for index in (-1, 3):
        with pytest.raises(IndexError):
            pages[index]
