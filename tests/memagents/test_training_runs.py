"""Whole runs of ``memagents train`` as processes: killed ones go on exactly, SwanLab's folder is filled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from grpo import checkpoints
from grpo.run_folder import RunFolder

SMALL = ("env.turns=0", "env.questions=3", "groups=2", "group_size=4", "validate_every=4", "validation.episodes=2")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "memagents", "train", "reranker", f"out_dir={folder}", *SMALL, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(folder: Path, *arguments: str) -> None:
    process = start(folder, *arguments)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def metrics(folder: Path) -> list[dict[str, Any]]:
    records = RunFolder(folder).metrics()
    return [{key: value for key, value in record.items() if not key.startswith("time/")} for record in records]


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_killed_and_interrupted_runs_resume_to_the_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    settings = ("iterations=40", "save_every=3", "keep=2")
    finish(whole, *settings)
    rng = random.Random(0)
    written = killed / "metrics.jsonl"
    for stop, how in ((rng.randint(1, 9), signal.SIGKILL), (12, signal.SIGINT), (rng.randint(15, 25), signal.SIGKILL)):
        process = start(killed, *settings, *(["--resume"] if written.exists() else []))
        deadline = time.monotonic() + 120
        while count(written) < stop:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.random() * 0.03)
        process.send_signal(how)
        output, errors = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 0, errors
            assert f"stopped and saved after iteration {count(written)}; --resume continues" in output
        else:
            assert process.returncode == -signal.SIGKILL
        assert stop <= count(written) < 40
    finish(killed, *settings, "--resume")
    assert metrics(killed) == metrics(whole)
    assert len(metrics(whole)) == 40
    ends = [checkpoints.load(RunFolder(folder)) for folder in (killed, whole)]
    assert ends[0]["policy"].keys() == ends[1]["policy"].keys()
    assert all(torch.equal(ends[0]["policy"][name], ends[1]["policy"][name]) for name in ends[1]["policy"])
    for name, moments in ends[1]["optimizer"]["state"].items():
        assert all(torch.equal(ends[0]["optimizer"]["state"][name][key], moments[key]) for key in moments)


@pytest.mark.slow
def test_one_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = start(folder, "iterations=1000")
    deadline = time.monotonic() + 120
    while count(folder / "metrics.jsonl") < 1:
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = start(folder, "iterations=1000", "--resume")
    output, errors = second.communicate(timeout=120)
    first.kill()
    first.communicate(timeout=60)
    assert (second.returncode, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"error: another process trains in {folder}")
    steps = [record["step"] for record in RunFolder(folder).metrics()]
    assert steps == [*range(1, len(steps) + 1)]
    finish(folder, "iterations=1000", "--resume", f"iterations={len(steps) + 1}")


@pytest.mark.parametrize("mode", ["offline", pytest.param("off", marks=pytest.mark.slow)])
def test_swanlab_gets_what_metrics_jsonl_has_and_nothing_unless_asked(tmp_path: Path, mode: str) -> None:
    pytest.importorskip("swanlab", reason="needs the train extra")
    finish(tmp_path / "run", "iterations=4", *(["swanlab=offline", "project=memory"] if mode == "offline" else []))
    records = RunFolder(tmp_path / "run").metrics()
    assert len(records) == 4
    assert "val/evidence_recall" in records[-1]
    if mode == "off":
        assert not list(tmp_path.rglob("*swanlab*"))
        return
    (store,) = (tmp_path / "run" / "swanlab").glob("run-*/run-*.swanlab")
    shown = scalars(store)
    for record in records:
        step = record.pop("step")
        assert {key: shown[key, step] for key in record} == pytest.approx(record)


def scalars(store: Path) -> dict[tuple[str, int], float]:
    """Return ``{(metric, step): value}`` of a SwanLab offline run, by SwanLab's own reader."""
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record
    from swanlab.sdk.internal.core_python.store import DataStoreReader

    reader, found = DataStoreReader(), {}
    reader.open(store)
    for data in reader:
        record = Record()
        record.ParseFromString(data)
        if record.HasField("scalar"):
            found[record.scalar.key, record.scalar.step] = record.scalar.value.number
    reader.close()
    return found
