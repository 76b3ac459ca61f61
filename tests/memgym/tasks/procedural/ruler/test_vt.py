"""The structure of variable tracking: one chain of four hops, in order, in noise."""

from __future__ import annotations

import re
from itertools import pairwise

from memgym.tasks.procedural.ruler import Ruler


def test_one_chain_of_four_hops_in_order():
    for index in range(50):
        episode = Ruler(subtask="vt", length=2_000).episode("test", index)
        (question,) = episode.questions
        lines = re.findall(r"^VAR ([A-Z]{5}) = (.+)$", episode.text(), re.MULTILINE)
        names = [name for name, _ in lines]
        assert len(set(names)) == 5
        assert re.fullmatch(r"\d{5}", lines[0][1])
        assert [held for _, held in lines[1:]] == [f"VAR {name}" for name, _ in pairwise(names)]
        assert question.answers == tuple(names)
        assert lines[0][1] in question.text


def test_the_rest_is_noise():
    text = Ruler(subtask="vt", length=2_000).episode("test", 0).text()
    noise = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
    others = [line for line in text.splitlines() if line and not line.startswith("VAR ")]
    assert set(others[:-1]) == {noise}
    assert noise.startswith(others[-1])


def test_the_chain_spreads_over_the_text():
    firsts, lasts = [], []
    for index in range(200):
        text = Ruler(subtask="vt", length=2_000).episode("test", index).text()
        firsts.append(text.index("VAR ") / len(text))
        lasts.append(text.rindex("VAR ") / len(text))
    # of five places taken at random the first lies at 1/6 and the last at 5/6 on average
    assert 0.12 < sum(firsts) / 200 < 0.22
    assert 0.74 < sum(lasts) / 200 < 0.88
