from __future__ import annotations

import pytest
import torch

from grpo import checkpoints
from grpo.errors import CheckpointError


def test_newest_and_best_are_kept(tmp_path):
    for step in range(1, 8):
        checkpoints.save(tmp_path, step, {"value": step}, keep=2, best=step == 3)
    assert checkpoints.steps(tmp_path) == [3, 6, 7]
    assert checkpoints.load(tmp_path)["value"] == 7
    assert checkpoints.load(tmp_path, checkpoints.best_step(tmp_path))["value"] == 3


def test_a_partial_checkpoint_is_as_if_absent(tmp_path):
    checkpoints.save(tmp_path, 1, {"value": 1}, keep=1, best=False)
    partial = tmp_path / ".partial-1"
    partial.mkdir()
    (partial / "state.pt").write_bytes(b"torn")
    assert checkpoints.load(tmp_path)["value"] == 1
    checkpoints.save(tmp_path, 2, {"value": 2}, keep=1, best=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002"]


def test_bad_checkpoints_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        checkpoints.load(tmp_path)
    checkpoints.save(tmp_path, 1, {"value": 1}, keep=1, best=False)
    with pytest.raises(CheckpointError, match="of step 4"):
        checkpoints.load(tmp_path, 4)
    file = tmp_path / "step-00000001" / "state.pt"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged"):
        checkpoints.load(tmp_path)
    torch.save({"format": 99}, file)
    with pytest.raises(CheckpointError, match="no checkpoint of format 1"):
        checkpoints.load(tmp_path)
    torch.save({"format": 1, "code": print}, file)  # nothing is executed on loading
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(tmp_path)
