from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym import Block, Observation
from memgym.operators.text import bm25, counter_of, keep_best
from memgym.tokens import COUNTERS
from memgym.words import sentences

WORDS = st.sampled_from(["cat", "dog", "Lisbon", "moved", "zebra", "the", "ünder"])
LINES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


def slow_bm25(query: str, texts: list[str]) -> list[float]:
    """Return Lucene's BM25 (k1 = 1.5, b = 0.75), word by word; "the" is a stop word."""
    documents = [[word for word in re.findall(r"\w\w+", text.lower()) if word != "the"] for text in texts]
    mean_length = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(texts)
    for word in re.findall(r"\w\w+", query.lower()):
        holding = sum(word in document for document in documents)
        idf = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        for i, document in enumerate(documents):
            tf = document.count(word)
            scores[i] += idf * tf / (tf + 1.5 * (0.25 + 0.75 * len(document) / mean_length)) if tf else 0.0
    return scores


@settings(deadline=None, derandomize=True)
@given(LINES, st.lists(LINES, min_size=1, max_size=6))
def test_bm25_against_a_slow_one(query: str, texts: list[str]) -> None:
    scores = bm25(query, texts)
    assert scores.dtype == np.float32
    assert scores.tolist() == pytest.approx(slow_bm25(query, texts), abs=1e-6)


@pytest.mark.parametrize(
    ("query", "texts"), [("", ["x"]), ("?!", ["?!"]), ("the", ["the a"]), ("cat", [""]), ("cat", ["dog", "the"])]
)
def test_bm25_without_a_common_word_is_zero(query: str, texts: list[str]) -> None:
    assert bm25(query, texts).tolist() == [0.0] * len(texts)


def test_sentences() -> None:
    text = 'He left.  "Why?" she asked! [Note] 3.5 km at 5 p.m. today\n\n• one\n two \n'
    assert sentences(text) == ["He left.", '"Why?" she asked!', "[Note] 3.5 km at 5 p.m. today", "• one", "two"]
    assert sentences(" \n ") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("安娜搬到了里斯本。她说：“好！”然后走了。", ["安娜搬到了里斯本。", "她说：“好！”", "然后走了。"]),
        ("真的？！是。", ["真的？！", "是。"]),
        ("他说「走吧。」，然后走了。", ["他说「走吧。」，然后走了。"]),
        ("안나는 이사했다. 그녀는 행복하다.", ["안나는 이사했다.", "그녀는 행복하다."]),
        ("मैं गया। वह आई।", ["मैं गया।", "वह आई।"]),
        ("ذهب. عاد؟ نعم", ["ذهب.", "عاد؟", "نعم"]),
        ("Он ушёл. Она осталась.", ["Он ушёл.", "Она осталась."]),
        ("He left. “Why?” she asked.", ["He left.", "“Why?” she asked."]),
        ("နေတယ်။ သွားတယ်။", ["နေတယ်။", "သွားတယ်။"]),
    ],
)
def test_sentences_of_other_scripts(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("安娜住在哪里", ["安娜搬到了里斯本。", "猫叫奥利弗。"]),
        ("アンナの猫", ["猫はオリーブ。", "今日も雨です。"]),
        ("ลิสบอน", ["เธออยู่ที่ลิสบอน", "xyz"]),
        ("Anna 住哪", ["Anna in Lisbon", "it rains"]),
        ("ຫຼິສບອນ", ["ລິສບອນ", "ABC"]),
    ],
)
def test_bm25_of_scripts_without_spaces(query: str, texts: list[str]) -> None:
    first, second = bm25(query, texts).tolist()
    assert first > second
    assert bm25("狗", ["猫", "cat"]).tolist() == [0.0, 0.0]


@settings(deadline=None, derandomize=True)
@given(LINES, st.lists(LINES, min_size=1, max_size=6))
def test_bm25_of_a_latin_text_does_not_depend_on_its_neighbours_script(query: str, texts: list[str]) -> None:
    length = sum(len([w for w in text.split() if w != "the"]) for text in texts)
    if length:
        alone, beside = bm25(query, texts), bm25(query + " 里", texts)
        assert beside.tolist() == pytest.approx(alone.tolist(), abs=1e-6)


@settings(deadline=None, derandomize=True)
@given(st.lists(LINES, max_size=8), st.integers(1, 12), st.sampled_from(sorted(COUNTERS)), st.data())
def test_the_best_lines_are_kept_in_their_order(
    lines: list[str], tokens: int, counter: str, data: st.DataObject
) -> None:
    scores = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(lines), max_size=len(lines))), np.float32)
    budget = Block("budget", "", {"tokens": str(tokens), "used": "0", "counter": counter})
    observation = Observation("read", blocks=(budget,))
    assert counter_of(observation) is COUNTERS[counter]
    kept = keep_best(lines, scores, observation)
    assert COUNTERS[counter].count(kept) <= tokens
    chosen = kept.split("\n") if kept else []
    remaining = iter(lines)
    assert all(line in remaining for line in chosen)
    best = lines[int(np.argmax(scores))] if lines else ""
    if COUNTERS[counter].count(best + "\n") <= tokens:
        assert best in chosen or not lines


def test_without_a_budget_everything_is_kept() -> None:
    observation = Observation("read")
    assert keep_best(["b", "a"], np.zeros(2), observation) == "b\na"
    assert keep_best([], np.zeros(0), observation) == ""
    assert counter_of(observation) is COUNTERS["chars"]
