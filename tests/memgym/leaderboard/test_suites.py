"""Suites: ours, and anyone's from a file or a module."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import pytest
from rich.console import Console

from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import read_result, write_result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES, ad_hoc_suite, get_suite, judged_name, present, suite_title
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify

OWN = """
name = "own-v1"
description = "two entries"

[[entries]]
name = "easy"
env_id = "memgym/Longcontext-v1"
kwargs = {task = "multihop", length = 600, phases = ["read", "answer"]}
episodes = 2

[[entries]]
name = "rows"
env_id = "memgym/Longcontext-v1"
kwargs = {task = "custom", path = "no_such_rows.json"}
split = "all"
trials = 3
"""


def test_published_suites_can_be_played() -> None:
    for name, suite in SUITES.items():
        assert get_suite(name).name == name
        assert len({e.name for e in suite.entries}) == len(suite.entries)
        assert json.loads(json.dumps([e.kwargs for e in suite.entries])) == [e.kwargs for e in suite.entries]
    for played in SUITES["quick-v2"].entries:
        assert gym.make(played.env_id, **played.kwargs, split=played.split)
    with pytest.raises(ConfigError, match=r"unknown suite 'quick'\. Did you mean 'quick-v2'\?"):
        get_suite("quick")


def test_a_suite_of_one_environment(tmp_path: Path) -> None:
    rows = [{"id": str(i), "sections": ["x"], "questions": ["q"], "answers": ["a"]} for i in range(30)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    env_id, kwargs = "memgym/Longcontext-v1", {"task": "custom", "path": str(path), "memory_tokens": 9}
    suite = ad_hoc_suite(env_id, kwargs, None, None, 2)
    assert suite.entries == (SuiteEntry("custom", env_id, kwargs, "all", 30, 2),)
    assert suite.name == "Longcontext-v1 task=custom path=rows.json memory_tokens=9"
    endless = ad_hoc_suite(env_id, {}, "validation", None, 1).entries[0]
    assert (endless.name, endless.split, endless.episodes) == ("multihop", "validation", 20)
    assert ad_hoc_suite(env_id, {"split": "test"}, None, 3, 1).entries[0].split == "test"
    assert ad_hoc_suite(env_id, {"split": "test"}, "train", 3, 1).entries[0].split == "train"
    with pytest.raises(ConfigError, match="unknown split"):
        ad_hoc_suite(env_id, {}, "tset", None, 1)


def test_a_suite_of_ones_own_from_a_file_and_from_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    suite = get_suite(str(path))
    long = {"task": "multihop", "length": 600, "phases": ["read", "answer"]}
    rows = {"task": "custom", "path": "no_such_rows.json"}
    assert suite == Suite(
        "own-v1",
        "two entries",
        (
            SuiteEntry("easy", "memgym/Longcontext-v1", long, "test", 2, 1),
            SuiteEntry("rows", "memgym/Longcontext-v1", rows, "all", 20, 3),
        ),
    )
    (tmp_path / "own_suites.py").write_text(
        "from dataclasses import replace\nfrom memgym.leaderboard.suite import Suite, SuiteEntry\n"
        f"OWN = {suite!r}\nOTHER = replace(OWN, name='a b')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert get_suite("own_suites:OWN") == suite
    with pytest.raises(ConfigError, match="suite 'own_suites:OTHER': 'name' must be of letters"):
        get_suite("own_suites:OTHER")


def test_what_a_suite_of_ones_own_left_out_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    result = evaluate("baselines:Lexical", present(get_suite(str(path))))
    assert (result.header.suite, result.header.left_out) == ("own-v1", ["rows"])
    assert [entry.name for entry in result.header.entries] == ["easy"]
    write_result(result, tmp_path / "result.jsonl")
    assert verify(read_result(tmp_path / "result.jsonl")) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("own-v1", "quick-v2", r"own\.toml is called 'quick-v2' like a suite of memgym"),
        ("own-v1", "Quick-V2", "like a suite of memgym"),
        ("own-v1", "quick-v2 ", "'name' must be of letters"),
        ("own-v1", "quick‑v0", "'name' must be of letters"),
        ('name = "own-v1"', "", r"own\.toml needs the field 'name'"),
        ('name = "own-v1"', "name = 3", "'name' must be of letters"),
        ('description = "two entries"', "description = 3", "'description' must be a text"),
        ("description", "descripton", r"unknown field in suite .*own\.toml: 'descripton'. Did you mean 'description'"),
        ("[[entries]]", "[[entrys]]", "Did you mean 'entries'"),
        ("episodes = 2", "episode = 2", r"own\.toml, entry 1: 'episode'. Did you mean 'episodes'"),
        ("episodes = 2", "episodes = 0", r"own\.toml, entry 1: argument 'episodes' must be an int of at least 1"),
        ("trials = 3", "trials = true", r"own\.toml, entry 2: argument 'trials'"),
        ('split = "all"', "split = 1", "entry 2: 'split' must be a text"),
        ('name = "rows"', 'name = "easy"', "entry 2: another entry is called 'easy'"),
        ('name = "rows"', "", "entry 2 needs the field 'name'"),
        ("length = 600", "length = nan", "entry 1: 'kwargs' must be such that JSON can write them"),
        ("length = 600", "length = 2024-01-01", "entry 1: 'kwargs' must be such that JSON can write them"),
        ("length = 600", "reveal_gold = true", "entry 1: 'kwargs' must not have 'reveal_gold'"),
        ("length = 600", "split = 'test'", "entry 1: 'kwargs' must not have 'split'"),
        ('kwargs = {task = "multihop", length = 600, phases = ["read", "answer"]}', "kwargs = 3", "'kwargs' must be"),
        (OWN, "name = 'x'\nentries = []", "has no entries"),
        (OWN, "name = 'x'\nentries = 3", "'entries' must be tables"),
        (OWN, "name = ", "is no TOML file"),
    ],
)
def test_a_wrong_suite_file_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "own.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        get_suite(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.toml", "suite absent.toml cannot be read: No such file"),
        ("statistics:mean", "suite 'statistics:mean' is not a memgym.leaderboard.suite.Suite"),
        ("no_such_module_at_all:X", "cannot load suite"),
        (None, "unknown suite None"),
    ],
)
def test_what_is_no_suite_is_told(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_suite(name)


def test_a_wrong_argument_names_its_entry() -> None:
    entry = SuiteEntry("mine", "memgym/Longcontext-v1", {"task": "multihop", "lenght": 600})
    with pytest.raises(ConfigError, match=r"entry .mine.: .*unexpected keyword argument .*Did you mean 'length'"):
        evaluate("baselines:Lexical", Suite("own", "", (entry,)))


def test_other_entries_under_a_name_of_ours_are_seen_in_the_table_and_by_verification() -> None:
    entry = SuiteEntry("easy", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, episodes=1)
    console = Console(width=200)
    for name, seen in (("quick-v2", True), ("own-v1", False)):
        result = evaluate("baselines:Lexical", Suite(name, "", (entry,)))
        with console.capture() as capture:
            console.print(*leaderboard_tables([result]))
        assert ("not the entries of memgym's suite quick-v2" in " ".join(capture.get().split())) is seen
        assert bool(verify(result)) is seen


@pytest.mark.parametrize("judge", ["gpt-5", {"model": "org/grader", "prompt": "strict", "base_url": "http://x"}])
def test_a_suite_of_ours_keeps_its_name_with_a_judge_that_every_entry_has(judge: object) -> None:
    ours = SUITES["core-v2"]
    name = judged_name(ours.name, judge)
    judged = [replace(entry, kwargs={**entry.kwargs, "judge": judge}) for entry in ours.entries]
    assert suite_title(name, judged, ()) == name
    other = f"{name} (not memgym's: other entries)"
    for changed in (
        ours.entries,
        judged[:-1],
        [*judged[:-1], ours.entries[-1]],
        [replace(judged[0], kwargs={**judged[0].kwargs, "judge": "another"}), *judged[1:]],
        [replace(judged[0], kwargs={**judged[0].kwargs, "difficulty": "hard"}), *judged[1:]],
        [replace(judged[0], episodes=1), *judged[1:]],
    ):
        assert suite_title(name, changed, ()) == other
    assert suite_title("core-v2", judged, ()) == "core-v2 (not memgym's: other entries)"


@pytest.mark.parametrize(
    "name",
    ["core-v2.1", "memgym core-v2", "core-v2 \u2713", "my-core-v2", "Core V2 plus", "c\u043ere-v2 x", "core-v2 judge="],
)
def test_no_name_of_ours_stands_in_another_without_being_told(name: str) -> None:
    assert suite_title(name, SUITES["core-v2"].entries, ()).endswith(" (not memgym's core-v2)")


def test_names_of_ones_own_are_shown_as_they_are() -> None:
    for name in ("mine", "core", "Longcontext-v1 task=icl", "mine judge=gpt-5", "hardcore-v3", "long memories 0"):
        assert suite_title(name, (), ()) == name
