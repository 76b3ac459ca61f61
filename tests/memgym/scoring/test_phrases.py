"""The house rule: every script and every typographer, and plain ASCII as by SQuAD's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.scoring import phrases, text

ascii_texts = st.text(st.characters(max_codepoint=127))

HELD = [
    ("安娜搬到了里斯本。", "里斯本"),
    ("アンナはリスボンに引っ越した。", "リスボン"),
    ("อันนาย้ายไปลิสบอน", "ลิสบอน"),
    ("ແອນນາຍ້າຍໄປລິສບອນ", "ລິສບອນ"),
    ("អាណាបានផ្លាស់ទៅលីសបោន។", "លីសបោន"),
    ("အန်နာ လစ္စဘွန်းသို့ ပြောင်းခဲ့သည်။", "လစ္စဘွန်း"),
    ("안나는 리스본, 포르투갈로", "리스본"),
    ("आना लिस्बन। में", "लिस्बन"),
    ("“Lisbon”, she said", "Lisbon"),
    ("‘Nu, pogodi!’ and „Olive“", "Olive"),
    ("Patrick O’Brien", "O'Brien"),
    ("the years 1990–1995", "1990-1995"),
    ("She left Lisbon—for Porto…", "lisbon"),
    ("to Ｌｉｓｂｏｎ！", "Lisbon"),
    ("to Lisbon\u200b, then", "Lisbon"),
    ("a CAFE\u0301", "Café"),
    ("5\u00a0km", "5 km"),
    ("¿Lisboa? ¡Sí!", "sí"),
]


@pytest.mark.parametrize(("memory", "answer"), HELD)
def test_a_phrase_is_found_in_any_script(memory: str, answer: str) -> None:
    assert phrases.contains(memory, answer)
    assert phrases.exact_match(f"{answer}。", answer) == 1.0
    assert phrases.f1(memory, answer) > 0


@pytest.mark.parametrize(
    ("memory", "answer"),
    [
        ("她住在波尔图。", "里斯本"),
        ("Lisbonne’s", "Lisbon"),
        ("本斯里", "里斯本"),
        ("。", "。"),
        ("里斯本", ""),
        ("¿?", "?"),
    ],
)
def test_what_is_not_there_is_not_found(memory: str, answer: str) -> None:
    assert not phrases.contains(memory, answer)


def test_the_official_rules_keep_their_limit() -> None:
    """SQuAD's script, byte for byte, knows ASCII only."""
    assert not text.contains("安娜搬到了里斯本。", "里斯本")
    assert text.exact_match("“Lisbon”", "Lisbon") == text.f1("她住在里斯本", "里斯本") == 0.0
    assert phrases.contains("“Lisbon”", "Lisbon")
    assert not phrases.contains("“Lisbon”", "Lisbon", "squad")


@given(ascii_texts, ascii_texts)
def test_plain_ascii_scores_as_by_squad(prediction: str, reference: str) -> None:
    assert phrases.plain(prediction) == text.normalize(prediction)
    for name in ("contains", "exact_match", "f1"):
        house, official = getattr(phrases, name), getattr(text, name)
        assert house(prediction, reference) == official(prediction, reference)
        assert house(f"x {prediction} y", prediction) == official(f"x {prediction} y", prediction)
