"""Words in many scripts, and that plain ASCII is what it always was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.words import even, find_words, has_unspaced, is_unspaced, spaced


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("里斯本。", ["里", "斯", "本"]),
        ("アンナ・カレーニナ", [*"アンナカレーニナ"]),
        ("ｱﾝﾅ", [*"アンナ"]),
        ("ลิสบอน", [*"ลิสบอน"]),
        ("里斯本Lisbon市", ["里", "斯", "本", "lisbon", "市"]),
        ("리스본에 산다.", ["리스본에", "산다"]),
        ("हिन्दी में।", ["हिन्दी", "में"]),
        ("أنا في لشبونة؟", ["أنا", "في", "لشبونة"]),
        ("O’Brien said “Lisbon”—then…", ["o", "brien", "said", "lisbon", "then"]),
        ("CAFE\u0301 Straße ﬁnd ＡＢＣ", ["café", "strasse", "find", "abc"]),
        ("€5 and 5½ and 10²", ["€", "5", "and", "5½", "and", "10²"]),
        ("I ❤️ it\u200b", ["i", "❤", "it"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert find_words(text) == words


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_has_the_words_of_a_regular_expression(text: str) -> None:
    assert find_words(text) == re.findall(r"\w+", text.lower())
    assert even(text) == spaced(text) == text.lower()
    assert not has_unspaced(text)


@given(st.text())
def test_any_text_has_words_without_white_space(text: str) -> None:
    words = find_words(text)
    assert all(word and not re.search(r"\s", word) for word in words)
    assert not any(is_unspaced(word) and len(word) > 1 for word in words)
