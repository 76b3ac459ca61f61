"""SIGKILL at random points and at every operation on a file: the resumed run is the uninterrupted one, to the bit."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from grpo.run_folder import RunFolder

SETTINGS = ("iterations=30", "epochs=2", "mini_batches=2", "lr=0.02", "kl=k3", "save_every=2", "keep=2")


def start(out_dir: Path, final: Path, *extra: str) -> subprocess.Popen:
    script = str(Path(__file__).with_name("toy.py"))
    return subprocess.Popen(
        [sys.executable, "-W", "error", script, "llama", str(out_dir), str(final), *SETTINGS, *extra]
    )


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def lines(out_dir: Path) -> list[dict]:
    return [
        {key: value for key, value in record.items() if not key.startswith("time/")}
        for record in RunFolder(out_dir).metrics()
    ]


def test_killed_runs_resume_to_the_bit(toy, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    toy.main("llama", str(whole), str(tmp_path / "whole.pt"), *SETTINGS)
    rng = random.Random(0)
    metrics = killed / "metrics.jsonl"
    for stop in (rng.randint(1, 6), rng.randint(10, 20)):
        process = start(killed, tmp_path / "never.pt", *(["--resume"] if metrics.exists() else []))
        deadline = time.monotonic() + 120
        while count(metrics) < stop:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
        assert stop <= count(metrics) < 30
    assert start(killed, tmp_path / "killed.pt", "--resume").wait(120) == 0
    assert lines(killed) == lines(whole)
    first, second = (torch.load(tmp_path / name) for name in ("whole.pt", "killed.pt"))
    assert first["policy"].keys() == second["policy"].keys()
    assert all(torch.equal(first["policy"][key], second["policy"][key]) for key in first["policy"])
    for name, entry in first["optimizer"]["state"].items():
        assert all(torch.equal(entry[key], second["optimizer"]["state"][name][key]) for key in entry)
    assert not (tmp_path / "never.pt").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_runs_killed_before_any_operation_on_a_file_resume_with_their_best(tmp_path):
    script = str(Path(__file__).with_name("killed_everywhere.py"))
    done = subprocess.run([sys.executable, "-W", "error", script, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
