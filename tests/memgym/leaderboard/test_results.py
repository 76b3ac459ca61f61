"""Result files: written whole or not at all, checked when read, verified by replay, shown in a table."""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console

from memgym.errors import DataError, MemgymError
from memgym.leaderboard import results
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.results import FORMAT_VERSION, read_result, summarize, write_result
from memgym.leaderboard.schema import RESULT
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify

Result = dict[str, Any]

TINY = Suite(
    "tiny-v0",
    "for tests",
    (
        SuiteEntry(
            "bank", "memgym/MemoryBank-v0", {"task": "persona", "difficulty": "easy", "questions": 2}, "test", 1
        ),
        SuiteEntry("long", "memgym/Longcontext-v0", {"task": "multihop", "length": 600}, "test", 2, 2),
    ),
)


@pytest.fixture(scope="module")
def played() -> Result:
    return evaluate("baselines:Lexical", TINY)


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUITES, TINY.name, TINY)


@pytest.fixture
def result(played: Result) -> Result:
    return copy.deepcopy(played)


@pytest.fixture
def reread(tmp_path: Path) -> Callable[[Result], Result]:
    def through_a_file(result: Result) -> Result:
        write_result(result, tmp_path / "result.json")
        return read_result(tmp_path / "result.json")

    return through_a_file


@pytest.mark.parametrize("policy", ["baselines:Random", "baselines:Oracle", "baselines:Rules"])
def test_a_result_survives_its_file_and_is_verified(policy: str, reread: Callable[[Result], Result]) -> None:
    result = evaluate(policy, TINY, seed=3)
    again = reread(result)
    assert again == result
    replayed: list[str] = []
    assert verify(again, progress=lambda name, episodes: replayed.extend([name] * episodes)) == []
    assert replayed == ["bank"] * 1 + ["long"] * 4


def test_a_compressed_file_holds_the_same(played: Result, tmp_path: Path) -> None:
    plain, packed, again = tmp_path / "a.json", tmp_path / "a.json.gz", tmp_path / "b.json.gz"
    for path in (plain, packed, again):
        write_result(played, path)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.stat().st_size < plain.stat().st_size / 4
    assert packed.read_bytes() == again.read_bytes()  # no time, no name
    assert packed.read_bytes()[4:8] == b"\0\0\0\0"
    assert read_result(packed) == played


# ------------------------------------------------------------------ what verification finds


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        return [leaf for key in keys for leaf in leaves(value[key], (*path, key))]
    return [path]


def change(result: Result, path: tuple[Any, ...]) -> None:
    *parents, key = path
    container = result
    for parent in parents:
        container = container[parent]
    old = container[key]
    if isinstance(old, bool):
        container[key] = not old
    elif isinstance(old, int | float):
        container[key] = old + 1 if isinstance(old, int) else old + 1e-9
    else:
        container[key] = "x" if old is None else f"{old}x"


def found(result: Result, reread: Callable[[Result], Result]) -> bool:
    try:
        return bool(verify(reread(result)))
    except MemgymError:
        return True


def test_any_change_of_scores_or_episodes_is_found(played: Result, reread: Callable[[Result], Result]) -> None:
    """An action may be written differently and earn the same; nothing else may change."""
    informative = ("seconds", "env_spec", "action")
    paths = leaves({"entries": played["entries"], "summary": played["summary"]})
    paths = [path for path in paths if path[2] not in informative and path[-1] not in informative]
    outside = [path for path in paths if "steps" not in path]
    chosen = outside + Random(0).sample([path for path in paths if "steps" in path], 80)
    assert len(outside) > 40
    for path in chosen:
        changed = copy.deepcopy(played)
        change(changed, path)
        assert found(changed, reread), path
    assert not found(played, reread)


def steps(result: Result) -> list[dict[str, Any]]:
    return [step for entry in result["entries"] for episode in entry["results"] for step in episode["steps"]]


def test_a_changed_action_is_found(result: Result, reread: Callable[[Result], Result]) -> None:
    for number in range(len(steps(result))):
        changed = copy.deepcopy(result)
        steps(changed)[number]["action"] += " nonsense"
        assert found(changed, reread), number


def forge(result: Result) -> None:
    """Claim one right answer more, everywhere."""
    step = next(step for step in steps(result) if step["answers"] and not step["answers"][0]["scores"]["answer"])
    step["answers"][0]["scores"]["answer"] = step["rewards"]["answer"] = 1.0
    step["reward"] += 1.0


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (forge, "step .*: reward is"),
        (lambda r: r["entries"].pop(), "the entries are not those of suite 'tiny-v0'"),
        (lambda r: r["entries"].reverse(), "the entries are not those of suite 'tiny-v0'"),
        (lambda r: r["entries"][1]["kwargs"].update(length=700), "the entries are not those of suite|fingerprint"),
        (lambda r: r["entries"][1].update(episodes=1), "the entries are not those of suite"),
        (lambda r: r["entries"][1].update(split="train"), "the entries are not those of suite"),
        (lambda r: (r["entries"].pop(0), r["left_out"].append("bank")), "the entries are not those of suite"),
        (lambda r: r["entries"][1]["results"].pop(), "the episodes played are not those of the entry"),
        (lambda r: r["entries"][1]["results"].reverse(), "the episodes played are not those of the entry"),
        (lambda r: r["entries"][1].update(trials=10**12), "the entries are not|the episodes played"),
        (lambda r: r["entries"][0].update(task_fingerprint="0"), "bank: .*fingerprints differ"),
        (lambda r: r["entries"][0].update(judge={"id": "m", "prompt_hash": "0"}), "bank: judge None scores here"),
        (lambda r: r["entries"][0]["results"][0].update(episode_id="other"), "it is called 'persona-test-0'"),
        (lambda r: r["entries"][0]["results"][0]["steps"].pop(), "the episode is not complete"),
        (lambda r: r["entries"][0]["results"][0].update(steps=[]), "the episode is not complete"),
        (lambda r: r["entries"][1]["results"][0]["steps"].append(steps(r)[-1]), "episode ends after"),
        (lambda r: r["policy"].update(privileged=True), "observation_tokens is"),
        (lambda r: r["summary"]["answer"].update(mean=1.0), "the summary does not follow from the episodes"),
        (lambda r: r["summary"]["entries"]["long"]["categories"].update(x=1.0), "the summary does not follow"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_tampered_result(
    result: Result, tamper: Callable[[Result], Any], message: str, reread: Callable[[Result], Result]
) -> None:
    tamper(result)
    if "summary" not in message:
        with suppress(IndexError):  # no steps to summarise
            result["summary"] = summarize(result["entries"])
    problems = "\n".join(verify(reread(result)))
    assert re.search(message, problems)


def test_an_oracle_cannot_pass_for_a_competitor(reread: Callable[[Result], Result]) -> None:
    result = evaluate("baselines:Oracle", TINY)
    result["policy"]["privileged"] = False
    assert "observation_tokens" in verify(reread(result))[0]


def test_a_data_file_may_lie_elsewhere_but_not_differ(tmp_path: Path, reread: Callable[[Result], Result]) -> None:
    rows = [{"sections": ["Mira moved to Lisbon."], "questions": ["Where is Mira?"], "answers": ["Lisbon"]}]
    here, there, other = tmp_path / "here.json", tmp_path / "there.json", tmp_path / "other.json"
    here.write_text(json.dumps(rows))
    there.write_text(json.dumps(rows))
    other.write_text(json.dumps([{**rows[0], "answers": ["Porto"]}]))
    kwargs = {"task": "custom", "path": str(here)}
    suite = Suite("mine", "", (SuiteEntry("custom", "memgym/Longcontext-v0", kwargs, "all", 1),))
    result = reread(evaluate("baselines:KeepAll", suite))
    assert verify(result) == []
    here.unlink()
    with pytest.raises(DataError, match=r"here\.json"):
        verify(result)
    assert verify(result, overrides={"path": str(there)}) == []
    assert "fingerprints differ" in verify(result, overrides={"path": str(other)})[0]


# ------------------------------------------------------------------ files


def test_a_file_is_written_whole_or_not_at_all(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "result.json"
    write_result(result, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_result({**result, "seed": object()}, path)
    assert path.read_bytes() == before
    occupied = path.parent / "occupied.json"
    occupied.mkdir()
    with pytest.raises(OSError, match="occupied"):
        write_result(result, occupied)
    assert sorted(path.parent.iterdir()) == [occupied, path]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a JSON file"),
        (b"\xff\xfe", "not a JSON file"),
        (b"{", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", "not a memgym result file"),
        (b"null", "not a memgym result file"),
        (b'{"format": "other"}', "not a memgym result file"),
        (b'{"format": "memgym-result"}', "field 'format_version' cannot be None"),
        (b'{"format": "memgym-result", "format_version": "1"}', "field 'format_version' cannot be '1'"),
        (b'{"format": "memgym-result", "format_version": 1}', "field 'policy' is missing"),
        (json.dumps({"format": "memgym-result", "format_version": FORMAT_VERSION + 1}).encode(), "a newer memgym"),
    ],
    ids=range(11),
)
def test_foreign_damaged_and_newer_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read_result(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "not a JSON file"),
        (lambda data: b"{}", "not a gzip file"),
        (lambda data: data[:-20], "not a gzip file, or cut off"),
        (lambda data: data[:20] + b"?" + data[21:], "not a gzip file, or cut off|not a JSON file"),
        (lambda data: data[:-8] + b"12345678", "not a gzip file, or cut off"),
        (lambda data: gzip.compress(b"{"), "not a JSON file"),
    ],
    ids=range(6),
)
def test_damaged_compressed_files_are_refused(
    result: Result, tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "result.json.gz"
    write_result(result, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as refused:
        read_result(path)
    assert str(path) in str(refused.value)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_result(path)


def shaped(shape: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all fields that a result must have."""
    if isinstance(shape, list):
        return shaped(shape[0], (*path, 0))
    if isinstance(shape, dict):
        return [p for key, inner in shape.items() for p in [(*path, key), *shaped(inner, (*path, key))]]
    return []


@pytest.mark.parametrize("path", [p for p in shaped(RESULT) if "answers" not in p], ids=str)
def test_every_field_is_checked(result: Result, tmp_path: Path, path: tuple[Any, ...]) -> None:
    file = tmp_path / "result.json"
    container: Any = result
    for key in path[:-1]:
        container = container[key]
    if isinstance(path[-1], str):
        value = container.pop(path[-1])
        file.write_text(json.dumps(result))
        with pytest.raises(DataError, match=f"{path[-1]}' is missing"):
            read_result(file)
        container[path[-1]] = value
    container[path[-1]] = {} if isinstance(container[path[-1]], list) else [[]]
    file.write_text(json.dumps(result))
    with pytest.raises(DataError, match=r"field .* cannot be|is missing|is empty"):
        read_result(file)


@pytest.mark.parametrize(
    "empty",
    [
        lambda r: r.update(entries=[]),
        lambda r: r["entries"][0].update(results=[]),
        lambda r: r["summary"]["entries"].pop("bank"),
        lambda r: next(s for s in steps(r) if s["answers"])["answers"][0]["scores"].pop("answer"),
    ],
)
def test_empty_parts_are_refused(result: Result, tmp_path: Path, empty: Callable[[Result], Any]) -> None:
    empty(result)
    (tmp_path / "result.json").write_text(json.dumps(result))
    with pytest.raises(DataError, match=r"is empty|is missing"):
        read_result(tmp_path / "result.json")


# ------------------------------------------------------------------ the table


def printed(results: list[Result]) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(*leaderboard_tables(results))
    return capture.get()


def test_the_table_ranks_and_marks() -> None:
    names = ["NoMemory", "Oracle", "Lexical"]
    text = printed([evaluate(f"baselines:{name}", TINY) for name in names])
    lines = [line.split()[0] for line in text.splitlines() if line.split() and line.split()[0].rstrip("*") in names]
    assert lines == ["Oracle*", "Lexical", "NoMemory"]
    assert "tiny-v0" in text
    assert "* reads the gold answers: a ceiling" in text


def test_the_table_tells_policies_apart(result: Result) -> None:
    other = copy.deepcopy(result)
    other["policy"] = {"entry_point": "mine:Lexical", "options": {"k": "[/x]"}, "privileged": False}
    text = printed([result, other])
    assert "baselines:Lexical" in text
    assert "mine:Lexical(k=[/x])" in text


def test_results_of_other_entries_stand_apart(result: Result) -> None:
    other = copy.deepcopy(result)
    other["entries"][1]["kwargs"]["length"] = 700
    assert len(leaderboard_tables([result, other, result])) == 2


def test_versions_leave_out_an_extra_that_is_not_installed(monkeypatch):
    def version(name: str) -> str:
        if name == "hnswlib":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(results, "version", version)
    assert list(results.package_versions()) == ["python", "memgym", "gymnasium", "numpy", "bm25s"]
    monkeypatch.setattr(results, "version", lambda name: "1")
    assert list(results.package_versions()) == ["python", "memgym", "gymnasium", "numpy", "hnswlib", "bm25s"]
