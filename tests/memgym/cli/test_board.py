"""``memgym leaderboard``, ``diagnose`` and ``replay``, in process."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memgym.cli import app
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import write_result
from memgym.leaderboard.suite import Suite, SuiteEntry

SMALL = Suite(
    "small-v0",
    "for tests",
    (
        SuiteEntry(
            "bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "questions": 2}, episodes=2
        ),
        SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, episodes=2),
    ),
)
Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two results."""
    folder = tmp_path_factory.mktemp("results")
    for name in ("KeepAll", "NoMemory"):
        write_result(evaluate(f"baselines:{name}", SMALL), folder / f"{name}.jsonl")
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command and return what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))

    def run(*arguments: object, code: int = 0, stdin: str = "") -> str:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        assert done.exit_code == code, done.output
        return done.output

    return run


def test_a_board_in_three_forms(run: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the page needs the extra board")
    run("leaderboard", folder, "--html", "p/page.html", "--markdown", "t.md", "--csv", "t.csv", "--title", "Mine <&>")
    assert "<title>Mine &lt;&amp;&gt;</title>" in (tmp_path / "p" / "page.html").read_text(encoding="utf-8")
    assert "| KeepAll |" in (tmp_path / "t.md").read_text(encoding="utf-8")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        assert {(line["policy"], line["known"]) for line in csv.DictReader(file)} == {
            ("KeepAll", "claimed"), ("NoMemory", "claimed"),
        }  # fmt: skip


def test_what_was_verified_is_said_to_be_replayed(run: Run, folder: Path, tmp_path: Path) -> None:
    run("verify", folder / "KeepAll.jsonl")
    run("leaderboard", folder, "--markdown", "t.md")
    lines = (tmp_path / "t.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "KeepAll" in line and "replayed" in line]
    assert [line for line in lines if "NoMemory" in line and "claimed" in line]


def test_a_new_board_has_what_it_needs_and_is_not_written_over(run: Run, tmp_path: Path) -> None:
    run("leaderboard", "--init", "board")
    assert {"README.md", "results", ".github"} == {path.name for path in (tmp_path / "board").iterdir()}
    assert "is there already" in run("leaderboard", "--init", "board", code=2)


@pytest.mark.parametrize("option", [["--title", "x"], ["--csv", "x.csv"], ["--trust-code"], ["--set", "a=1"]])
def test_a_new_board_takes_no_other_option(run: Run, tmp_path: Path, option: list[str]) -> None:
    told = run("leaderboard", "--init", "new", *option, code=2)
    assert f"error: {option[0]} and --init exclude each other" in told
    assert not (tmp_path / "new").exists()


def test_the_ci_file_of_a_new_board_verifies_what_is_handed_in(run: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the page needs the extra board")
    run("leaderboard", "--init", "board")
    board = tmp_path / "board"
    workflow = (board / ".github" / "workflows" / "verify.yml").read_text()
    assert f'run: pip install "memgym[board]=={version("memgym")}"' in workflow or '"memgym[board] @ ' in workflow
    check = textwrap.dedent(workflow.split("run: |\n")[1].split("      - uses:")[0])

    def check_all() -> int:
        command = ["bash", "-e", "-c", check]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path}
        return subprocess.run(command, cwd=board, env=environment, check=False, capture_output=True).returncode

    shutil.copy(folder / "KeepAll.jsonl", board / "results")
    assert check_all() == 0
    assert {path.name for path in (board / "page").iterdir()} == {"index.html", "TABLE.md", "results.csv"}
    forged = (folder / "KeepAll.jsonl").read_text().replace('"answer":0.0', '"answer":1.0')
    (board / "results" / "forged.jsonl").write_text(forged)
    assert check_all() == 1


def test_ci_gets_memgym_from_where_it_was_installed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": "https://example.org/memgym.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    told = type("Distribution", (), {"read_text": lambda self, name: json.dumps(origin)})()
    monkeypatch.setattr("memgym.cli.board.distribution", lambda name: told)
    assert "CI installs" not in run("leaderboard", "--init", "board")
    text = (tmp_path / "board" / ".github" / "workflows" / "verify.yml").read_text()
    assert 'pip install "memgym[board] @ git+https://example.org/memgym.git@abc"' in text


def test_a_board_needs_files_and_a_form(run: Run, folder: Path) -> None:
    for arguments in ([], [folder], ["--html", "page.html"]):
        assert "give result files, and at least one of" in run("leaderboard", *arguments, code=2)


@pytest.mark.parametrize("option", [("--title", "Ours"), ("--episodes", "3"), ("--run", "runs/a")])
def test_what_only_a_page_shows_needs_a_page(run: Run, folder: Path, option: tuple[str, str]) -> None:
    told = run("leaderboard", str(folder), "--csv", "board.csv", *option, code=2)
    assert f"error: {option[0]} and a board without --html exclude each other" in told


def test_diagnose_counts_and_shows(run: Run, folder: Path) -> None:
    told = run("diagnose", folder / "NoMemory.jsonl", "--show", "1")
    assert "never extracted: no memory ever held the evidence" in told
    assert "bank 0, step " in told
    assert "right is " in told


def test_replay_prints_all_or_steps_through(run: Run, folder: Path) -> None:
    whole = run("replay", folder / "KeepAll.jsonl", "--index", "1", "--all")
    assert "step 1 of " in whole
    assert "+ m1 " in whole or "+ » m1 " in whole
    assert "right: " in whole
    stepped = run("replay", folder / "KeepAll.jsonl", "--entry", "long", stdin=f"\n{'9' * 5000}\nb\n?\nq\n")
    assert stepped.count("Enter goes on") == 2  # at first, and after what it does not know
    assert "answered " in stepped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--entry", "lnog"), "Did you mean 'long'?"), (("--index", "7"), "entry 'bank' has no episode 7, trial 0")],
)
def test_replay_names_what_is_not_there(run: Run, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in run("replay", folder / "KeepAll.jsonl", *arguments, code=2)
