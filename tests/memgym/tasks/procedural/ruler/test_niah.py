"""The structure of the needle tasks, as RULER's paper and code define it (REFERENCE: k, v, q, haystack, key, value)."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from memgym.tasks.procedural.ruler import Ruler
from memgym.tasks.procedural.ruler.niah import DEPTHS, VARIANTS

NEEDLE = re.compile(r"One of the special magic (\w+) for ([\w-]+) is: ([\w-]+)\.")
FORMS = {
    "numbers": re.compile(r"[1-9]\d{6}"),
    "words": re.compile(r"[a-z]+-[a-z]+"),
    "uuids": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
}
NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."


@pytest.mark.parametrize(
    ("subtask", "haystack", "key", "value", "k", "v", "q"),
    [
        ("niah_single_1", "noise", "words", "numbers", 1, 1, 1),
        ("niah_single_2", "essay", "words", "numbers", 1, 1, 1),
        ("niah_single_3", "essay", "words", "uuids", 1, 1, 1),
        ("niah_multikey_1", "essay", "words", "numbers", 4, 1, 1),
        ("niah_multikey_2", "needle", "words", "numbers", 1, 1, 1),
        ("niah_multikey_3", "needle", "uuids", "uuids", 1, 1, 1),
        ("niah_multivalue", "essay", "words", "numbers", 1, 4, 1),
        ("niah_multiquery", "essay", "words", "numbers", 4, 1, 4),
    ],
)
def test_structure(subtask, haystack, key, value, k, v, q):
    for index in range(20):
        episode = Ruler(subtask=subtask, length=3_000).episode("train", index)
        text, (question,) = episode.text(), episode.questions
        needles = NEEDLE.findall(text)
        assert all(
            kind == value and FORMS[key].fullmatch(name) and FORMS[value].fullmatch(held)
            for kind, name, held in needles
        )
        assert len({held for _, _, held in needles}) == len(needles)  # no value stands twice
        asked = [name for _, name, _ in needles if name in question.text]
        assert len(set(asked)) == q
        assert len(question.answers) == len(asked) == q * v
        assert question.match == "all"
        rest = NEEDLE.sub("", text)
        if haystack == "needle":
            assert len(needles) > 50
            assert not rest.strip()
            assert len({name for _, name, _ in needles}) == len(needles)
        else:
            assert len(needles) == k * v
            lines = {line.strip() for line in rest.splitlines() if line.strip()}
            assert (haystack == "noise") == all(NOISE.startswith(line) for line in lines)


def test_all_variants_are_covered():
    assert len(VARIANTS) == 8


def test_needles_in_prose_lie_at_forty_depths():
    seen = Counter()
    for index in range(400):
        episode = Ruler(subtask="niah_single_2", length=6_000).episode("train", index)
        text = episode.text()
        at = NEEDLE.search(text).start() / len(text)
        seen[int(np.abs(DEPTHS - at).argmin())] += 1
    assert len(DEPTHS) == 40
    assert (DEPTHS[0], DEPTHS[-1]) == (0, 1)
    assert len(seen) >= 38
    assert max(seen.values()) < 30  # 10 expected


@pytest.mark.parametrize("subtask", ["niah_single_1", "niah_multikey_2"])
def test_other_needles_lie_anywhere(subtask):
    places = []
    for index in range(300):
        episode = Ruler(subtask=subtask, length=2_000).episode("train", index)
        places.append(episode.text().index(episode.questions[0].answers[0]) / len(episode.text()))
    counts, _ = np.histogram(places, bins=5, range=(0, 1))
    assert counts.min() > 35  # 60 expected
    assert counts.max() < 85


def test_the_asked_key_is_any_of_the_four():
    order = []
    for index in range(100):
        episode = Ruler(subtask="niah_multikey_1", length=1_000).episode("train", index)
        names = [name for _, name, _ in NEEDLE.findall(episode.text())]
        order.append(next(i for i, name in enumerate(names) if name in episode.questions[0].text))
    assert all(order.count(place) > 10 for place in range(4))
