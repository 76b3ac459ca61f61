"""The questions with four options: whole, varied, and solved from themselves alone."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from memgym.scoring.phrases import contains
from memgym.scoring.statements import LONGEST, spell
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler2.items import LETTERS, Item, Items
from tests.memgym.tasks.procedural.ruler2.conftest import option

KINDS = ("alphabetical", "these numbers", "How many", "founded", "taller")


@pytest.fixture(scope="module")
def invented() -> dict[str, list[Item]]:
    made = {split: Items(np.random.default_rng(0), split) for split in SPLITS}
    return {split: [items.next() for _ in range(1_000)] for split, items in made.items()}


def test_each_is_solved_from_itself(invented):
    for item in (item for items in invented.values() for item in items):
        assert option(item.text) == item.answer


def test_each_is_one_line_with_four_different_options(invented):
    for item in invented["train"]:
        assert "\n" not in item.text
        assert len({item.answer, *item.wrong}) == len(LETTERS)
        assert not any(contains(other, item.answer) or contains(item.answer, other) for other in item.wrong)
        listed = item.text.rpartition("? A. ")[2]
        assert all(contains(listed, each) for each in (item.answer, *item.wrong))


def test_each_fits_into_a_statement(invented):
    assert max(len(spell(item.text, "house").split()) for item in invented["train"]) <= LONGEST


def test_all_kinds_and_places_of_the_right_option_are_as_likely(invented):
    kinds = Counter(next(kind for kind in KINDS if kind in item.text) for item in invented["train"])
    assert all(150 < kinds[kind] < 250 for kind in KINDS)
    places = Counter(re.search(rf"([A-D])\. {item.answer}\b", item.text)[1] for item in invented["train"])
    assert all(200 < places[letter] < 300 for letter in LETTERS)


def test_no_rank_of_the_options_is_right_too_often(invented):
    sums = [item for item in invented["train"] if "How many" in item.text]
    ranks = Counter(sorted(map(int, (item.answer, *item.wrong))).index(int(item.answer)) for item in sums)
    assert max(ranks.values()) < 0.35 * len(sums)  # a quarter expected


def test_right_options_and_questions_belong_to_one_split(invented):
    for found in (
        {split: {item.answer for item in items} for split, items in invented.items()},
        {split: {item.text for item in items} for split, items in invented.items()},
    ):
        assert not found["train"] & found["validation"]
        assert not found["train"] & found["test"]
        assert not found["validation"] & found["test"]
