"""``precision = "auto"``: by what the device computes in, and kept by a run that moves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grpo import precision, trainer
from grpo.checkpoints import load
from grpo.config import load_config
from grpo.errors import RunFolderError

CPU = torch.device("cpu")


def test_auto_is_what_the_device_computes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision.settled("auto", CPU) == ("bf16" if precision.computes_in_bfloat16(CPU) else "float32")
    for fast, expected in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device, fast=fast: fast)
        assert precision.settled("auto", CPU) == expected
        assert precision.settled("float32", CPU) == "float32"
        assert precision.settled("bf16", CPU) == "bf16"


def test_without_onednn_a_cpu_does_not_compute_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)  # as on some builds for Arm
    assert not precision.computes_in_bfloat16(CPU)
    assert not precision.computes_in_bfloat16(torch.device("meta"))


def test_a_run_of_precision_auto_goes_on_in_the_one_it_began_in(toy, tmp_path: Path, monkeypatch) -> None:
    def make(kind: str, iterations: int) -> trainer.Trainer:
        settings = [f"out_dir={tmp_path}", f"iterations={iterations}", f"precision={kind}", "save_every=1"]
        return toy.make("bandit", load_config(None, settings))

    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device: False)
    run = make("auto", 1)
    run.train()
    assert load(run.folder)["config"]["precision"] == "float32"
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device: True)
    with pytest.raises(RunFolderError, match="precision = 'float32', now 'bf16'"):
        make("auto", 2).train(resume=True)
    make("float32", 2).train(resume=True)
