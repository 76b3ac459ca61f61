"""``Finder`` solves ``whereabouts``; told to keep any mention, it is right as often as chance has it."""

from __future__ import annotations

import numpy as np

from baselines import Finder
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suites import ad_hoc_suite
from memgym.leaderboard.summary import by_episode

KWARGS = {"task": "whereabouts", "counter": "words", "section_tokens": 16, "memory_tokens": 4}
SUITE = ad_hoc_suite("memgym/Longcontext-v1", KWARGS, "test", 200, 1)


def scores(**options: object) -> np.ndarray:
    result = evaluate("baselines:Finder", SUITE, options=options)
    (entry,) = result.header.entries
    return np.array(list(by_episode(result, entry.name).values())).squeeze(1)


def test_the_newest_mention_is_always_right() -> None:
    assert scores().mean() == 1.0


def test_any_mention_is_right_between_a_fifth_and_three_fifths_of_the_time() -> None:
    assert 0.2 < scores(newest=False).mean() < 0.6


def test_of_several_things_each_has_its_line() -> None:
    suite = ad_hoc_suite("memgym/Longcontext-v1", {**KWARGS, "questions": 2, "memory_tokens": 8}, "test", 100, 1)
    for newest, least, most in ((True, 1.0, 1.0), (False, 0.2, 0.6)):
        result = evaluate("baselines:Finder", suite, options={"newest": newest})
        (entry,) = result.header.entries
        mean = np.mean([score for played in by_episode(result, entry.name).values() for score in played])
        assert least <= mean <= most


def test_the_draw_follows_from_the_seed_and_the_observation() -> None:
    from memgym import Block, Observation

    told = "cup to barn.\nhat to cave.\ncup to pond."
    seen = str(Observation("read", "", (Block("question", "Where is the cup?"), Block("section", told))))
    drawn = set()
    finder = Finder(newest=False)
    for seed in range(20):
        assert finder.act(seen, seed) == finder.act(seen, seed)
        drawn.add(finder.act(seen, seed))
    assert drawn == {"cup to barn.", "cup to pond."}
