from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.scoring.strict import strict, strict_f1, strict_match


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C++", "C#"), ("-5", "5"), ("3.5", "35"), ("A", "the"), ("a", "an"), ("Vitamin A", "Vitamin"), ("A+", "A-"),
        ("$5", "5"), ("50%", "50"), ("1:2", "12"), ("1,5", "15"), ("x^2", "x2"), ("node.js", "nodejs"), ("<5", ">5"),
        (":)", ":("), ("?", "!"), ("3.10", "3.1"), ("1.0.0", "1"), ("f(x)", "f[x]"), ("里斯本", "里斯"), ("", "the"),
        ("#1", "1"), ("a/b", "ab"), ("½", "1/2"), ("m²", "m2"),
    ],
)  # fmt: skip
def test_every_sign_counts(one: str, other: str) -> None:
    assert strict_match(one, other) == strict_match(other, one) == 0.0
    assert strict_match(one, one) == strict_match(other, other) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the Eiffel Tower", "Eiffel Tower."), ("“Lisbon”", "Lisbon"), ("O’Brien", "o'brien"), ("里斯本。", "里斯本"),
        ("「リスボン」", "リスボン"), ("ลิสบอน!", "ลิสบอน"), ("東 京", "東京"), ("7,000", "7000"), ("7.0", "7"),
        ("ＡＢＣ", "abc"), ("Cafe\u0301", "café"), (" New\n York ", "new york"), ("'Who?'", "who"),
        ("“里斯本。”", "里斯本"), ("الله؟", "الله"), ("1990–95", "1990-95"), ("−5", "-5"),
    ],
)  # fmt: skip
def test_the_same_answer_otherwise_written(one: str, other: str) -> None:
    assert strict_match(one, other) == strict_match(other, one) == 1.0
    assert strict_f1(one, other) == 1.0


def test_words_keep_their_signs() -> None:
    assert strict_f1("C++", "C#") == strict_f1("-5", "5") == strict_f1("3.5", "35") == strict_f1("A", "the") == 0.0
    assert strict_f1("the tower (Eiffel), in Paris", "Eiffel tower") == pytest.approx(2 / 3)
    assert strict_f1("她住在里斯本", "里斯本") == pytest.approx(2 / 3)
    assert strict_f1("yes it is", "yes") == 0.0
    assert strict_f1("", "x") == strict_f1("", "") == 0.0


@given(st.text())
def test_a_text_is_its_own_answer(text: str) -> None:
    assert strict_match(text, text) == 1.0
    assert bool(strict(text)) == bool(strict(text).strip())
