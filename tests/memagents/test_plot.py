"""Learning curves, by the command line, of a run made by the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grpo.run_folder import RunFolder
from memagents.cli import app
from memagents.plot import plot_runs

TINY = ("env.turns=0", "env.questions=3", "groups=2", "group_size=4", "iterations=3")
TINY += ("validate_every=1", "validation.episodes=2")


def memagents(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memagents", *map(str, arguments)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "seed0"
    done = memagents("train", "reranker", f"out_dir={folder}", *TINY)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "seed0"))


def texts(picture: Path) -> set[str]:
    """Return the texts in an SVG file."""
    found = ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")
    return {"".join(text.itertext()) for text in found}


def points(picture: Path) -> int:
    """Return the number of markers, which only validation scores have."""
    shapes = ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}use")
    return sum("fill: #1f77b4" in use.get("style", "") for use in shapes)


def test_a_run_is_drawn(run: Path, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "curve.svg"
    done = memagents("plot", run, "--out", picture)
    assert done.returncode == 0, done.stderr
    shown = texts(picture)
    assert {"training reward per episode", "held-out evidence_recall", "entropy", "KL of an update"} <= shown
    assert "seed0" not in shown
    assert points(picture) == 3  # one per validation


def test_equal_runs_give_equal_files(run: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot_runs([run], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()


def test_several_runs_are_told_apart(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "second" / "seed0"))
    plot_runs([run, other], tmp_path / "paths.svg")
    assert {str(run), str(other)} <= texts(tmp_path / "paths.svg")
    arguments = ["plot", run, other, "--name", "ours", "--name", "theirs", "--score", "answer"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--out", str(tmp_path / "named.svg")])
    assert done.exit_code == 0, done.output
    assert {"ours", "theirs", "held-out answer"} <= texts(tmp_path / "named.svg")


def test_what_a_run_does_not_have_is_left_out(run: Path, tmp_path: Path) -> None:
    """As in a run that imitates, without validation."""
    metrics = run / "metrics.jsonl"
    kept = [{"step": record["step"], "loss": record["loss"]} for record in RunFolder(run).metrics()]
    metrics.write_text("".join(json.dumps(record) + "\n" for record in kept))
    plot_runs([run], tmp_path / "loss.svg")
    shown = texts(tmp_path / "loss.svg")
    assert "training loss" in shown
    assert not any("held-out" in text or "entropy" in text for text in shown)
    plot_runs([run], tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_line_torn_by_a_kill_is_left_out(run: Path, tmp_path: Path) -> None:
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 4, "rew')
    plot_runs([run], tmp_path / "torn.svg")
    assert points(tmp_path / "torn.svg") == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it has no metrics.jsonl"),
        (b"", "is empty"),
        (b'{"step": 1', "is empty"),
        (b"nonsense\n", "line 1: not JSON"),
        (b"\xff\xfe\n", "line 1: not JSON"),
        (b"[1]\n", "line 1: not a JSON object of numbers"),
        (b'{"step": 1, "loss": "low"}\n', "line 1: not a JSON object of numbers"),
        (b'{"step": 1, "loss": 1}\n{"loss": 1}\n', "line 2: 'step' is missing"),
        (b'{"step": 1}\n', "nothing to draw"),
    ],
    ids=range(9),
)
def test_damaged_runs_are_one_line(run: Path, tmp_path: Path, content: bytes | None, message: str) -> None:
    (run / "metrics.jsonl").unlink()
    if content is not None:
        (run / "metrics.jsonl").write_bytes(content)
    refused(["plot", run, "--out", tmp_path / "curve.svg"], message)
    assert not (tmp_path / "curve.svg").exists()


def refused(arguments: list[object], message: str) -> None:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_wrong_arguments_are_one_line(run: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "curve.svg"]
    refused(["plot", tmp_path / "nowhere", *out], "nowhere is no folder of a training run")
    refused(["plot", run, "--out", tmp_path / "curve.jpg"], "must be called … .svg or … .png, not 'curve.jpg'")
    refused(["plot", run, "--out", run / "metrics.jsonl" / "curve.svg"], "cannot be written")
    refused(["plot", run, "--name", "a", "--name", "b", *out], "there are 1 runs, but 2 names")
    refused(["plot", run, "--score", "anser", *out], "Did you mean 'answer'?")
    (run / "recipe.json").write_text("[]")
    refused(["plot", run, *out], "recipe.json is damaged")
