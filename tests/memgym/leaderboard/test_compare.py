"""Comparisons of two results: paired intervals, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.compare import compare, comparison_table
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.statistics import interval, resampled_means, totals

Result = dict[str, Any]

PAIR = Suite(
    "pair",
    "",
    (
        SuiteEntry(
            "bank",
            "memgym/RMMReranker-v0",
            {"task": "persona", "difficulty": "easy", "questions": 4, "reader": "contains"},
            "test",
            25,
        ),
        SuiteEntry("long", "memgym/Longcontext-v0", {"task": "multihop", "length": 600, "phases": ["read"]}, "test", 6),
    ),
)


@pytest.fixture(scope="module")
def played() -> tuple[Result, Result]:
    return evaluate("baselines:NoMemory", PAIR), evaluate("baselines:Lexical", PAIR)


@pytest.fixture
def pair(played: tuple[Result, Result]) -> tuple[Result, Result]:
    return copy.deepcopy(played)


def test_the_interval_is_that_of_the_paired_differences() -> None:
    """Against the normal approximation; unpaired, the interval would be four times as wide."""
    rng = np.random.default_rng(1)
    before = rng.random(400)
    after = before + rng.normal(0.1, 0.1, 400)
    pair = [resampled_means(totals([[value] for value in values])) for values in (before, after)]
    low, high = interval(pair[1] - pair[0])
    half = 1.96 * (after - before).std() / 20
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert (low + high) / 2 == pytest.approx((after - before).mean(), abs=half / 10)


def test_groups_weigh_by_their_values() -> None:
    samples = resampled_means(totals([[1.0], [0.0] * 99]))
    assert set(np.round(samples, 4)) == {0.0, 0.01, 1.0}


def test_compare_agrees_with_the_summaries(pair: tuple[Result, Result]) -> None:
    before, after = pair
    bank, long, both = compare(before, after)
    for change in (bank, long):
        means = [result["summary"]["entries"][change.name]["answer"]["mean"] for result in pair]
        assert [change.before, change.after] == pytest.approx(means)
    assert [both.before, both.after] == pytest.approx([result["summary"]["answer"]["mean"] for result in pair])
    assert both.difference[0] == pytest.approx((bank.difference[0] + long.difference[0]) / 2)
    for change in (bank, long, both):
        mean, low, high = change.difference
        assert low <= mean <= high
    assert long.before == 0.0
    assert long.relative is None  # no relative gain over nothing
    (recall,) = compare(before, after, "evidence_recall")  # the answers of `long` have no such score
    assert recall.after == pytest.approx(after["summary"]["entries"]["bank"]["scores"]["evidence_recall"])
    *memories, _ = compare(before, after, "memory_recall")
    finals = [after["summary"]["entries"][name]["final"]["memory_recall"] for name in ("bank", "long")]
    assert [memory.after for memory in memories] == pytest.approx(finals)


def test_few_episodes_with_many_questions_draw_questions(pair: tuple[Result, Result]) -> None:
    assert [change.drawn for change in compare(*pair)] == ["25 episodes", "6 episodes", "2 entries"]
    for result in pair:
        entry = result["entries"][0]
        entry["episodes"], entry["results"] = 5, entry["results"][:5]
    assert [change.drawn for change in compare(*pair)] == ["20 questions", "6 episodes", "2 entries"]


def test_a_result_does_not_differ_from_itself(played: tuple[Result, Result]) -> None:
    for change in compare(played[1], played[1]):
        assert change.difference == (0.0, 0.0, 0.0)
        assert change.relative == (0.0, 0.0, 0.0)


def test_trials_are_pooled_by_question() -> None:
    entry = SuiteEntry("long", "memgym/Longcontext-v0", {"task": "multihop", "length": 600}, "test", 3, 2)
    before = evaluate("baselines:Random", Suite("x", "", (entry,)))
    after = evaluate("baselines:Oracle", Suite("x", "", (entry,)))
    (change,) = compare(before, after)
    assert change.drawn == "3 episodes"
    assert change.after == 1.0


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda r: r["entries"].pop(), "different entries: bank, long and bank"),
        (lambda r: r["entries"].reverse(), "different entries"),
        (lambda r: r["entries"][0].update(trials=2), "entry 'bank': trials is 1 and 2"),
        (lambda r: r["entries"][0].update(split="train"), "entry 'bank': split is 'test' and 'train'"),
        (lambda r: r["entries"][0].update(env_id="memgym/MemoryBank-v0"), "entry 'bank': env_id is"),
        (lambda r: r["entries"][0].update(judge={"id": "m"}), "entry 'bank': judge is None and"),
        (lambda r: r["entries"][1].update(task_fingerprint="0"), "entry 'long': the task or its data differ"),
        (lambda r: r["entries"][1]["kwargs"].update(memory_tokens=9), "argument 'memory_tokens' is None and 9"),
        (lambda r: r["entries"][0]["results"].pop(), "the score 'answer' was not given to the same questions"),
    ],
)
def test_other_entries_are_refused(pair: tuple[Result, Result], tamper: Callable[[Result], Any], message: str) -> None:
    tamper(pair[1])
    with pytest.raises(DataError, match=message):
        compare(*pair)


def test_an_unknown_score_is_refused(played: tuple[Result, Result]) -> None:
    with pytest.raises(ConfigError, match=r"score of entry 'bank': 'evidence_recal'\. Did you mean 'evidence_recall'"):
        compare(*played, "evidence_recal")


def test_a_data_file_may_lie_elsewhere(tmp_path: Path) -> None:
    rows = [{"sections": ["Mira moved to Lisbon."], "questions": ["Where is Mira?"], "answers": ["Lisbon"]}]
    results = []
    for name in ("here.json", "there.json"):
        (tmp_path / name).write_text(json.dumps(rows))
        kwargs = {"task": "custom", "path": str(tmp_path / name)}
        entry = SuiteEntry("custom", "memgym/Longcontext-v0", kwargs, "all", 1)
        results.append(evaluate("baselines:KeepAll", Suite("mine", "", (entry,))))
    (change,) = compare(*results)
    assert change.difference[0] == 0.0


def test_the_table(played: tuple[Result, Result]) -> None:
    no_memory, lexical = played
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(comparison_table("answer: a → b [/x]", compare(lexical, no_memory)))
        console.print(comparison_table("back", compare(no_memory, lexical)))
    lines = capture.get().splitlines()
    assert lines[0].strip() == "answer: a → b [/x]"
    bank, bank_back = (line for line in lines if line.startswith("bank"))
    assert bank.split()[:6] == ["bank", "25", "episodes", "0.490", "0.040", "-0.450"]
    assert "-91.8%" in bank
    assert bank_back.split()[-1] == "–"  # in some draws, the score before is zero
