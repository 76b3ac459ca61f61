"""SmolLM2 on a board: verified, played again, diagnosed, and beside itself with the whole text or with nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memgym.cli import app
from memgym.leaderboard.files import read_result

NEEDLE = ("task=ruler", "subtask=niah_single_1", "length=500", "section_tokens=250")
PLAYED = ("--env", "memgym/Longcontext-v1", *(f"--set={setting}" for setting in NEEDLE), "--episodes", "1")
POLICY = "memagents:MemoryAgent,recipe=smollm2"


def run(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def folder(smollm2: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model's result, and those of the same model with the whole text before it, and with nothing."""
    folder = tmp_path_factory.mktemp("board")
    for name, context in (("memory", ()), ("full", ("--context", "full")), ("none", ("--context", "none"))):
        run("evaluate", POLICY, *PLAYED, *context, "--out", str(folder / name))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smollm2: str) -> None:
    """What is noted of files is noted in a folder of the test; the model stays where it is."""
    (tmp_path / "cache").mkdir()
    os.symlink(smollm2, tmp_path / "cache" / Path(smollm2).name)
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("cache")
def test_it_is_verified_reproduced_and_diagnosed(folder: Path) -> None:
    (path,) = (folder / "memory").glob("*.jsonl")
    assert ": verified: 1 episodes of " in run("verify", str(path))
    again = run("reproduce", str(path), "--share", "1", "--trust-code", "--policy-set", "recipe=smollm2")
    assert "reproduced: 1 of 1 episodes played again" in again
    assert ", 1 of them alike" in again
    told = run("diagnose", str(path))
    answers = [step for episode in read_result(path).episodes for step in episode.steps if step.answers]
    assert len(answers) == 1
    assert "answers" in told
    assert "wrong" in told
    assert "reproduced" in run("table", str(path))


def test_it_stands_beside_itself_with_the_whole_text_and_with_nothing(folder: Path) -> None:
    shown = run("table", *(str(folder / name) for name in ("memory", "full", "none")))
    rows = {line.split("  ")[0]: line for line in shown.splitlines() if line.startswith("MemoryAgent(")}
    name = "MemoryAgent(recipe=smollm2)"
    assert set(rows) == {name, f"{name} [full context]", f"{name} [closed book]"}
    assert float(rows[f"{name} [closed book]"].split()[3]) == 0.0
    for context in ("full", "none"):
        (path,) = (folder / context).glob("*.jsonl")
        assert ": verified: " in run("verify", str(path))
        (step,) = read_result(path).episodes[0].steps
        assert step.phase == "answer"
