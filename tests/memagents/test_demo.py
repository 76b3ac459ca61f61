"""The demo and the training of the tiny reader, through the real command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memgym.cli import app as memgym

SMALL = ("iterations=2", "groups=2", "group_size=4", "validation.episodes=3", "threads=1")


def memagents(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memagents", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}


@pytest.mark.slow
def test_the_tiny_reader_trains(tmp_path: Path) -> None:
    done = memagents("train", "tiny_reader", f"out_dir={tmp_path}", *SMALL, "groups=4", "validate_every=2")
    assert done.returncode == 0, done.stderr
    assert "validation after iteration 2: answer" in done.stdout
    assert "held-out answer" in done.stdout
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_the_demo_trains_measures_and_shows(tmp_path: Path) -> None:
    done = memagents("demo", "--out", tmp_path, *SMALL)
    assert done.returncode == 0, done.stderr
    for text in ("1/2 tiny_reader", "2/2 reranker", "memory before training", "relative gain", "held-out episode"):
        assert text in done.stdout
    for name in ("tiny_reader", "reranker"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert (tmp_path / name / "metrics.jsonl").read_text().count("\n") == 2
    files = sorted(tmp_path.glob("*.jsonl.gz"))
    assert len(files) == 4
    verified = CliRunner().invoke(memgym, ["verify", *map(str, files)])
    assert verified.exit_code == 0, verified.output
    again = memagents("demo", "--out", tmp_path, *SMALL)
    assert again.returncode == 0, again.stderr
    assert "iteration 1" not in again.stdout
    end = done.stdout.index("Held-out episodes")
    assert again.stdout.endswith(done.stdout[end:])  # nothing was trained anew, nothing is forgotten


def test_a_wrong_setting_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from memagents.demo import demo
try:
    demo(Path(sys.argv[1]), ["lr=fast"])
except Exception as error:
    print(error, "torch" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "demo")]
    said = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert said.stdout == "lr = 'fast' is not of type float False\n", said.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends an interrupt")
def test_an_interrupted_demo_goes_on(tmp_path: Path) -> None:
    settings = [*SMALL, "iterations=200"]
    command = [sys.executable, "-u", "-m", "memagents", "demo", "--out", str(tmp_path), *settings]
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment())
    metrics = tmp_path / "tiny_reader" / "metrics.jsonl"
    while not metrics.is_file() and running.poll() is None:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "the same command goes on" in output
    done = int(output.rpartition("after iteration ")[2].partition(";")[0])
    again = memagents("demo", "--out", tmp_path, *SMALL, f"iterations={done + 1}")
    assert again.returncode == 0, again.stderr
    reader, _, _ = again.stdout.partition("2/2 reranker")
    assert f"iteration {done + 1}:" in reader
    assert f"iteration {done}:" not in reader
