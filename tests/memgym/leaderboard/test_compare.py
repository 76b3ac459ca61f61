"""Comparisons of two results: paired intervals, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.compare import common, compare, comparison_table
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.summary import summarize
from memgym.leaderboard.verify import verify
from memgym.statistics import interval, resampled_means, totals
from memgym.tokens import _of_file

Changed = Callable[..., Result]
Pair = tuple[Result, Result]

PAIR = Suite(
    "pair",
    "",
    (
        SuiteEntry(
            "bank",
            "memgym/RMMReranker-v1",
            {"task": "persona", "difficulty": "easy", "questions": 4, "reader": "supported"},
            "test",
            25,
        ),
        SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600, "phases": ["read"]}, "test", 6),
    ),
)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return evaluate("baselines:NoMemory", PAIR), evaluate("baselines:Lexical", PAIR)


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


def test_compare_agrees_with_the_summaries(pair: Pair) -> None:
    before, after = pair
    bank, long, both = compare(before, after)
    for change in (bank, long):
        means = [summarize(result).entries[change.name].mean.mean for result in pair]
        assert [change.before, change.after] == pytest.approx(means)
    assert [both.before, both.after] == pytest.approx([summarize(result).mean.mean for result in pair])
    assert both.difference[0] == pytest.approx((bank.difference[0] + long.difference[0]) / 2)
    for change in (bank, long, both):
        mean, low, high = change.difference
        assert low <= mean <= high
    assert long.before == 0.0
    assert long.relative is None  # no relative gain over nothing
    (recall,) = compare(before, after, "evidence_recall")  # the answers of `long` have no such score
    assert recall.after == pytest.approx(summarize(after).entries["bank"].scores["evidence_recall"])
    *memories, _ = compare(before, after, "memory_recall")
    finals = [summarize(after).entries[name].final["memory_recall"] for name in ("bank", "long")]
    assert [memory.after for memory in memories] == pytest.approx(finals)


def test_few_episodes_with_many_questions_draw_questions(pair: Pair) -> None:
    assert [change.drawn for change in compare(*pair)] == ["25 episodes", "6 episodes", "2 entries"]
    assert [change.drawn for change in compare(*first(5, *pair))] == ["20 questions", "6 episodes", "2 entries"]


def first(count: int, *results: Result) -> list[Result]:
    """Return the results as if only the first episodes of `bank` had been played to their end."""
    return [Result(result.header, (*result.of("bank")[:count], *result.of("long"))) for result in results]


def test_only_what_both_have_played_is_compared(pair: Pair) -> None:
    """Whether an episode failed or is missing, before or after."""
    before, after = pair
    whole = compare(*first(23, *pair))
    failed = tuple(
        msgspec.structs.replace(episode, error="ApiError: HTTP 400") if episode.key == ("bank", 0, 24) else episode
        for episode in after.episodes
    )
    (fewer,) = first(24, before)
    lost = Result(fewer.header, tuple(episode for episode in fewer.episodes if episode.key != ("bank", 0, 23)))
    results = lost, Result(after.header, failed)
    assert compare(*results) == whole != compare(*pair)
    assert common(*results)[2] == 2
    assert common(*pair)[2] == 0
    table = comparison_table("x", whole, common(*results)[2])
    assert table.caption == "2 episodes failed or are missing in one of them"
    with pytest.raises(DataError, match="entry 'bank': no episode was played to the end in both"):
        compare(*first(0, *pair))


@pytest.mark.parametrize(("episodes", "phases"), [(1, ["read"]), (2, ["read"]), (3, ["read"])])
def test_an_interval_of_one_or_two_is_a_dash(episodes: int, phases: list[str]) -> None:
    kwargs = {"task": "multihop", "length": 600, "phases": phases}
    entry = SuiteEntry("long", "memgym/Longcontext-v1", kwargs, "test", episodes)
    results = [evaluate(f"baselines:{name}", Suite("x", "", (entry,))) for name in ("NoMemory", "Lexical")]
    (change,) = compare(*results)
    assert change.few == (episodes < 3)
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(comparison_table("x", [change]))
    line = next(line for line in capture.get().splitlines() if line.startswith("long"))
    assert (" … " in line) == (episodes == 3)
    assert "±0.000" not in line


def test_a_result_does_not_differ_from_itself(pair: Pair) -> None:
    for change in compare(pair[1], pair[1]):
        assert change.difference[0] == 0.0
        assert change.difference[1] < 0.0 < change.difference[2]  # of so few episodes, no change is no certainty
        assert change.relative == (0.0, 0.0, 0.0)


def test_trials_are_pooled_by_question() -> None:
    entry = SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, "test", 3, 2)
    before = evaluate("baselines:Random", Suite("x", "", (entry,)))
    after = evaluate("baselines:Oracle", Suite("x", "", (entry,)))
    (change,) = compare(before, after)
    assert change.drawn == "3 episodes"
    assert change.after == 1.0


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda h, e: (h["entries"].pop(), e.clear()), "different entries: bank, long and bank"),
        (lambda h, e: h["entries"].reverse(), "different entries"),
        (lambda h, e: h["entries"][0].update(trials=2), "entry 'bank': trials is 1 and 2"),
        (lambda h, e: h["entries"][0].update(split="train"), "entry 'bank': split is 'test' and 'train'"),
        (lambda h, e: h["entries"][0].update(env_id="memgym/MemoryBank-v1"), "entry 'bank': env_id is"),
        (lambda h, e: h["entries"][0].update(judge={"id": "m", "prompt_hash": "0"}), "entry 'bank': judge is None and"),
        (lambda h, e: h["entries"][1].update(task_fingerprint="0"), "entry 'long': the task or its data differ"),
        (lambda h, e: h["entries"][1]["kwargs"].update(memory_tokens=9), "argument 'memory_tokens' is None and 9"),
        (
            lambda h, e: next(step for step in e[0]["steps"] if step["answers"])["answers"].pop(),
            "the score 'answer' was not given to the same questions",
        ),
    ],
)
def test_other_entries_are_refused(pair: Pair, changed: Changed, tamper: Callable[..., Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        compare(pair[0], changed(pair[1], tamper))


def test_an_unknown_score_is_refused(pair: Pair) -> None:
    with pytest.raises(ConfigError, match=r"score of entry 'bank': 'evidence_recal'\. Did you mean 'evidence_recall'"):
        compare(*pair, "evidence_recal")


def test_a_data_file_may_lie_elsewhere(tmp_path: Path) -> None:
    rows = [{"sections": ["Mira moved to Lisbon."], "questions": ["Where is Mira?"], "answers": ["Lisbon"]}]
    results = []
    for name in ("here.json", "there.json"):
        (tmp_path / name).write_text(json.dumps(rows))
        kwargs = {"task": "custom", "path": str(tmp_path / name)}
        entry = SuiteEntry("custom", "memgym/Longcontext-v1", kwargs, "all", 1)
        results.append(evaluate("baselines:KeepAll", Suite("mine", "", (entry,))))
    (change,) = compare(*results)
    assert change.difference[0] == 0.0


def test_a_tokenizer_file_may_lie_elsewhere_but_must_be_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))  # a file's tokenizer is found there by its name alone
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    results = []
    for name, letters in (("here", alphabet), ("there", alphabet), ("other", alphabet[::-1])):
        made = tokenizers.Tokenizer(tokenizers.models.BPE({letter: i for i, letter in enumerate(letters)}, []))
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        made.save(str(tmp_path / f"{name}.json"))
        kwargs = {"task": "whereabouts", "counter": f"hf:{tmp_path / name}.json", "memory_tokens": 60}
        entry = SuiteEntry("log", "memgym/Longcontext-v1", kwargs, "test", 2)
        results.append(evaluate("baselines:KeepAll", Suite("mine", "", (entry,))))
    here, there, other = results
    assert here.header.entries[0].tokenizer == there.header.entries[0].tokenizer is not None
    assert compare(here, there)[0].difference[0] == 0.0
    with pytest.raises(DataError, match="entry 'log': tokenizer is"):
        compare(here, other)
    assert verify(here) == []
    (tmp_path / "here.json").write_bytes((tmp_path / "other.json").read_bytes())
    _of_file.cache_clear()
    assert "tokenizer" in verify(here)[0] or "fingerprints differ" in verify(here)[0]


def test_the_table(pair: Pair) -> None:
    no_memory, lexical = pair
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(comparison_table("answer: a → b [/x]", compare(lexical, no_memory)))
        console.print(comparison_table("back", compare(no_memory, lexical)))
    lines = capture.get().splitlines()
    assert lines[0].strip() == "answer: a → b [/x]"
    bank, bank_back = (line for line in lines if line.startswith("bank"))
    assert bank.split()[:6] == ["bank", "25", "episodes", "0.470", "0.040", "-0.430"]
    assert "-91.5%" in bank
    assert bank_back.split()[-1] == "–"  # in some draws, the score before is zero
