"""``memgym table``, ``verify``, ``compare``, ``rejudge``, ``merge`` and ``schema``, in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result as Done
from typer.testing import CliRunner

from memgym.cli import app
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, read_result, write_result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.summary import summarize

Run = Callable[..., Done]

ENTRY = SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, "test", 4)
SUITE = Suite("mine", "", (ENTRY,))


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {name: evaluate(f"baselines:{name}", SUITE) for name in ("NoMemory", "Lexical")}


@pytest.fixture
def folder(results: dict[str, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    write_result(results["NoMemory"], tmp_path / "out" / "nothing.jsonl")
    write_result(results["Lexical"], tmp_path / "out" / "lexical.jsonl.gz")
    return tmp_path / "out"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*arguments: object, code: int = 0) -> Done:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output
        return done

    return invoke


def test_folders_stand_for_their_files(run: Run, folder: Path) -> None:
    for given in (["out"], ["out/nothing.jsonl", "out/lexical.jsonl.gz"]):
        shown = run("table", *given).stdout
        assert "mine: answer score" in shown
        names = [line.split()[0] for line in shown.splitlines() if line.startswith(("Lex", "NoM"))]
        assert names == ["Lexical", "NoMemory"]
        assert run("verify", *given).stdout.count(": verified") == 2
    (folder.parent / "empty").mkdir()
    for command, *others in (["table"], ["verify"], ["compare", "out"], ["merge", "--out", "x.jsonl"]):
        assert "empty: the folder has no result file" in run(command, "empty", *others, code=2).stderr


def test_the_table_of_any_score(run: Run, folder: Path, results: dict[str, Result]) -> None:
    shown = run("table", "out", "--score", "memory_recall").stdout
    assert "mine: memory_recall score" in shown
    assert f"{summarize(results['Lexical'], 'memory_recall').mean.mean:.3f}" in shown
    assert "Did you mean 'memory_recall'?" in run("table", "out", "--score", "memory_recal", code=2).stderr


def test_a_torn_file_is_told_in_a_line(run: Run, folder: Path) -> None:
    path = folder / "nothing.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    told = "out/nothing.jsonl: its last line is cut off: one episode is missing; --resume plays it again\n"
    for command in ("table", "compare"):
        arguments = ["out"] if command == "table" else ["out/nothing.jsonl", "out/lexical.jsonl.gz"]
        assert told in run(command, *arguments).stdout
    shown = run("verify", "out", code=1).stdout
    assert told in shown
    assert "out/nothing.jsonl: NOT verified\n  long: 1 of 4 episodes are missing\n" in shown
    assert "out/lexical.jsonl.gz: verified" in shown


def test_a_forged_file_is_not_verified(run: Run, folder: Path) -> None:
    path = folder / "nothing.jsonl"
    header, *lines = path.read_text().splitlines()
    episodes = [json.loads(line) for line in lines]
    for episode in episodes:
        for step in episode["steps"]:
            step["reward"] += 0.5
    path.write_text("\n".join([header, *map(json.dumps, episodes), ""]))
    shown = run("verify", path, code=1).stdout
    assert f"{path}: NOT verified\n  long, episode 0, trial 0: step 1: reward is" in shown


@pytest.mark.parametrize(
    "command",
    [
        ["verify"],
        ["reproduce"],
        ["diagnose"],
        ["replay"],
        ["leaderboard", "--csv", "new.csv"],
        ["rejudge", "--judge", "m"],
    ],
)
def test_an_override_of_no_entry_is_refused(run: Run, folder: Path, command: list[str]) -> None:
    done = run(*command, "out/nothing.jsonl", "--set", "lenght=500", code=2)
    assert "unknown make-argument 'lenght' of the entries of these files. Did you mean 'length'?" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["lexical.jsonl.gz", "nothing.jsonl"]


def test_comparison_of_files_and_folders(run: Run, folder: Path, results: dict[str, Result]) -> None:
    shown = run("compare", "out/nothing.jsonl", "out/lexical.jsonl.gz").stdout
    assert "answer: nothing.jsonl → lexical.jsonl.gz" in shown
    (folder.parent / "new").mkdir()
    write_result(results["Lexical"], folder.parent / "new" / "nothing.jsonl")
    again = run("compare", "out", "new").stdout
    assert "answer: out/nothing.jsonl → new/nothing.jsonl" in again
    assert [line for line in shown.splitlines() if line.startswith("long")] == [
        line for line in again.splitlines() if line.startswith("long")
    ]
    assert "compare two files or two folders" in run("compare", "out", "new/nothing.jsonl", code=2).stderr
    (folder.parent / "new" / "nothing.jsonl").rename(folder.parent / "new" / "other.jsonl")
    assert "no result files of the same names" in run("compare", "out", "new", code=2).stderr


def test_shards_are_merged(run: Run, folder: Path, results: dict[str, Result]) -> None:
    whole = results["Lexical"]
    (folder.parent / "parts").mkdir()
    for part in range(3):
        path = folder.parent / "parts" / f"{part}.jsonl"
        write_result(Result(whole.header, whole.episodes[part::3]), path)
    shown = run("merge", "parts", "--out", "merged/all.jsonl.gz").stdout
    assert shown == "merged/all.jsonl.gz: 4 episodes of 3 files, 0 of them failed\n"
    assert read_result(folder.parent / "merged" / "all.jsonl.gz") == whole
    assert "is there already" in run("merge", "parts", "--out", "merged/all.jsonl.gz", code=2).stderr
    assert "a result file is called" in run("merge", "parts", "--out", "all.json", code=2).stderr
    shown = run("merge", "parts/0.jsonl", "parts/1.jsonl", "--out", "some.jsonl").stdout
    assert "1 episodes are missing: long 2 (trial 0)\n" in shown
    refused = run("merge", "parts", "out/nothing.jsonl", "--out", "mix.jsonl", code=2).stderr
    assert "are not parts of one evaluation: policy is" in refused
    assert not (folder.parent / "mix.jsonl").exists()


def test_answers_are_judged_anew(run: Run, folder: Path, judge_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    judge = ("--judge", "org/grader", "--base-url", judge_server.url)
    shown = run("rejudge", "out", *judge, "--out", "judged").stdout
    assert "out/lexical.jsonl.gz → judged/lexical.judge-org_grader.jsonl.gz\n" in shown
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    judged = read_result(folder.parent / "judged" / "lexical.judge-org_grader.jsonl.gz")
    assert judged.header.suite == "mine judge=org/grader"
    assert judged.header.entries[0].judge.id.startswith("org/grader@")
    asked = len(judge_server.requests)
    assert "judge 'org/grader' is behind an API" in run("verify", "judged", code=2).stderr
    monkeypatch.setenv("OPENAI_BASE_URL", judge_server.url)
    assert run("verify", "judged", "--allow-api").stdout.count(": verified") == 2
    assert len(judge_server.requests) == asked
    assert "mine judge=org/grader: answer score" in run("table", "judged", "--score", "answer").stdout
    assert "rule score" in run("table", "judged", "--score", "rule").stdout

    assert "is there already" in run("rejudge", "out", *judge, "--out", "judged", code=2).stderr
    assert len(judge_server.requests) == asked
    run("rejudge", "out/nothing.jsonl", *judge, "--prompt", "lenient")
    assert (folder / "nothing.judge-org_grader_prompt_lenient.jsonl").is_file()


def test_missing_verdicts_are_told(run: Run, folder: Path, judge_server: Any) -> None:
    for _ in range(3):
        judge_server.then_status(400)
    command = ("rejudge", "out/nothing.jsonl", "--judge", "m", "--base-url", judge_server.url)
    shown = run(*command, code=1).stdout
    assert "3 episodes lack a verdict, the first: JudgeError: no verdict of judge 'm@" in shown
    target = folder / "nothing.judge-m.jsonl"
    assert len(read_result(target).failed) == 3

    asked, lacking = len(judge_server.requests), target.read_bytes()
    run("rejudge", "out/nothing.jsonl", "--judge", "m", "--base-url", "http://127.0.0.1:1", code=2)  # another judge
    assert target.read_bytes() == lacking
    run(*command)  # goes on
    assert len(judge_server.requests) == asked + 3
    assert not read_result(target).failed
    assert "is there already" in run(*command, code=2).stderr


def test_the_schema_is_that_of_the_lines(run: Run, folder: Path) -> None:
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    lines = [json.loads(line) for line in (folder / "nothing.jsonl").read_text().splitlines()]
    for line in lines:
        jsonschema.validate(line, schema)
    assert len(lines) == 5
    lines[1]["steps"][0]["rewords"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(lines[1], schema)


def test_what_is_known_stands_in_the_table(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMGYM_CACHE", str(folder.parent / "cache"))
    for known, told in (("claimed", "claimed: drawn from the file and not replayed here"), ("replayed", "")):
        shown = run("table", "out").stdout
        rows = [line for line in shown.splitlines() if line.startswith(("Lex", "NoM"))]
        assert [line.split()[-1] for line in rows] == [known, known]
        assert ("not replayed here" in shown) == bool(told)
        compared = run("compare", "out/nothing.jsonl", "out/lexical.jsonl.gz").stdout
        assert ("claimed, not replayed here" in compared) == bool(told)
        assert run("verify", "out").stdout.count("\n  claimed, not checked: policy baselines:") == 2
    shown = run("reproduce", "out", "--share", "0.5", "--seed", "3").stdout
    assert shown.count(": reproduced: 2 of 4 episodes played again (--seed 3), 2 of them alike") == 2
    assert run("table", "out").stdout.count("reproduced") == 2


def test_a_cache_that_cannot_be_written_makes_no_file_unverified(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "cache").write_text("a file")
    monkeypatch.setenv("MEMGYM_CACHE", str(folder.parent / "cache"))
    shown = run("verify", "out/nothing.jsonl").stdout
    assert "what was checked cannot be noted: Not a directory" in shown
    assert "out/nothing.jsonl: verified" in shown


def test_a_forged_policy_is_not_reproduced(run: Run, folder: Path) -> None:
    path = folder / "nothing.jsonl"
    path.write_text(path.read_text().replace("baselines:NoMemory", "baselines:KeepAll"))
    shown = run("reproduce", path, "--share", "1", code=1).stdout
    assert f"{path}: verified" in shown
    assert re.search(
        r"NOT reproduced: 4 of 4 episodes played again \(--seed \d+\), 0 of them alike\n  long, episode 0", shown
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "rows.json"], "rows.json: not a memgym result file"),
        (["verify", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["verify", "out", "rows.json"], "rows.json: not a memgym result file"),
        (["rejudge", "rows.json", "--judge", "m"], "rows.json: not a memgym result file"),
    ],
)
def test_wrong_files_are_one_line(run: Run, folder: Path, arguments: list[str], message: str) -> None:
    (folder.parent / "rows.json").write_text("[]\n")
    done = run(*arguments, code=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert ": verified" not in done.stdout
