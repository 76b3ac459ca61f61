"""Parts of one evaluation, joined."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from memgym.errors import DataError
from memgym.leaderboard.files import Result
from memgym.leaderboard.merge import header_difference, merge

Changed = Callable[..., Result]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_parts_give_the_whole(played: Result, count: int) -> None:
    episodes = list(played.episodes)
    Random(count).shuffle(episodes)
    parts = {f"part {i}": Result(played.header, tuple(episodes[i::count])) for i in range(count)}
    merged = merge(parts)
    assert merged == played
    assert list(merged.missing()) == []
    parts.pop("part 0")
    if parts:
        assert set(merge(parts).missing()) == {episode.key for episode in episodes[0::count]}


def test_nothing_is_no_evaluation() -> None:
    with pytest.raises(DataError, match="there is nothing to merge"):
        merge({})


def test_no_episode_is_taken_twice(played: Result) -> None:
    first = played.episodes[0]
    message = "episode 0, trial 0 of 'bank' is in both a and b"
    with pytest.raises(DataError, match=message):
        merge({"a": Result(played.header, (first,)), "b": played})


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_an_episode_that_failed_in_one_part_gives_way(played: Result, names: tuple[str, str]) -> None:
    first, *others = played.episodes
    failed = msgspec.structs.replace(first, error="ApiError: HTTP 500", steps=[])
    parts = {"a": Result(played.header, (failed,)), "b": played}
    assert merge({name: parts[name] for name in names}) == played
    both = merge({"a": parts["a"], "b": Result(played.header, (failed, *others))})
    assert both.failed == [failed]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda h, e: h.update(seed=1), "seed is 0 and 1"),
        (lambda h, e: h.update(suite="other"), "suite is 'tiny-v0' and 'other'"),
        (lambda h, e: h["policy"]["options"].update(k=1), "policy is .* and .*'k': 1"),
        (lambda h, e: h["packages"].update(numpy="1"), "the version of numpy is '.*' and '1'"),
        (lambda h, e: h["packages"].pop("gymnasium"), "the version of gymnasium is '.*' and None"),
        (lambda h, e: h["packages"].update(python="2.7.1"), "the version of python is '.*' and '2.7.1'"),
        (lambda h, e: (h["entries"].pop(), e.clear()), "the entries are bank, long and bank"),
        (lambda h, e: h["entries"][1].update(task_fingerprint="0"), "entry 'long': task_fingerprint is '.*' and '0'"),
        (lambda h, e: h["entries"][0]["kwargs"].update(k=1), "entry 'bank': kwargs is"),
        (
            lambda h, e: h["entries"][0].update(judge={"id": "m", "prompt_hash": "0"}),
            "entry 'bank': judge is None and {'id': 'm', 'prompt_hash': '0'}",
        ),
    ],
)
def test_what_differs_is_said(played: Result, changed: Changed, change: Callable[..., Any], difference: str) -> None:
    other = changed(played, change)
    with pytest.raises(DataError, match=f"a and b are not parts of one evaluation: {difference}"):
        merge({"a": Result(played.header, ()), "b": other})


def test_pythons_last_number_may_differ(played: Result, changed: Changed) -> None:
    version = played.header.packages["python"].rpartition(".")[0] + ".99"
    other = changed(played, lambda h, e: h["packages"].update(python=version))
    assert header_difference(played.header, other.header) == ""
    assert merge({"a": Result(played.header, ()), "b": other}).header == played.header
