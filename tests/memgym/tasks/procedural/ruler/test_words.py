"""The word counts of cwe and fwe."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter

import numpy as np
import pytest

from memgym.tasks.procedural.ruler import Ruler
from memgym.tasks.procedural.ruler.words import NOISE_WORD, zipf_ranks


@pytest.mark.parametrize(
    ("length", "common", "uncommon"), [(600, 6, 1), (4_095, 6, 1), (4_096, 30, 3), (100_000, 30, 3)]
)
def test_cwe_has_ten_common_words(length, common, uncommon):
    for index in range(3):
        episode = Ruler(subtask="cwe", length=length).episode("train", index)
        items = re.findall(r"(\d+)\. ([a-z-]+)", episode.text())
        assert " ".join(f"{i}. {word}" for i, word in items) == episode.text()
        assert [int(i) for i, _ in items] == list(range(1, len(items) + 1))
        counts = Counter(word for _, word in items)
        assert sorted(word for word, n in counts.items() if n == common) == sorted(episode.questions[0].answers)
        assert Counter(counts.values()) == {common: 10, uncommon: len(counts) - 10}


def test_cwe_takes_compound_words_where_single_ones_do_not_suffice():
    def words(length: int) -> set[str]:
        return set(re.findall(r"[a-z-]+", Ruler(subtask="cwe", length=length).episode("train", 0).text()))

    assert not any("-" in word for word in words(60_000))
    assert all("-" in word for word in words(120_000))


def test_cwe_shuffles_its_words():
    text = Ruler(subtask="cwe", length=20_000).episode("train", 0).text()
    half = text[: len(text) // 2]
    words = Counter(re.findall(r"[a-z]+", half))
    answers = Ruler(subtask="cwe", length=20_000).episode("train", 0).questions[0].answers
    assert all(5 < words[answer] < 25 for answer in answers)  # 15 expected


@pytest.mark.parametrize("length", [500, 4_096, 50_000])
def test_fwe_follows_zipfs_law(length):
    episode = Ruler(subtask="fwe", length=length).episode("train", 0)
    counts = Counter(episode.text().split())
    assert all(word == NOISE_WORD or re.fullmatch("[a-z]{6}", word) for word in counts)
    ranked = counts.most_common()
    assert ranked[0][0] == NOISE_WORD
    assert tuple(word for word, _ in ranked[1:4]) == episode.questions[0].answers
    assert ranked[3][1] > ranked[4][1]
    total = ranked[0][1] * np.pi**2 / 6  # N, up to the rounding of the first count
    for rank, (_, count) in enumerate(ranked, 1):
        assert count == pytest.approx(total / (rank**2 * np.pi**2 / 6), abs=1.001)
    assert len(counts) <= length // 50


def test_fwe_has_the_counts_of_the_published_files(data_dir):
    with gzip.open(data_dir / "eval_fwe_16384.json.gz") as file:
        rows = json.load(file)
    vocabulary = 16_384 // 50
    ours = [np.bincount(zipf_ranks(size, vocabulary)).tolist() for size in range(7_000, 9_000)]
    by_words = {sum(counts): counts for counts in ours}
    for row in rows:
        words = row["context"].split()
        ranked = Counter(words).most_common()
        assert [count for _, count in ranked] == by_words[len(words)]
        assert [word for word, _ in ranked[:4]] == [NOISE_WORD, *row["outputs"]]
