from __future__ import annotations

import pytest
import torch

from grpo import checkpoints
from grpo.errors import RunFolderError
from grpo.files import partial_of
from grpo.run_folder import RunFolder


def test_newest_and_best_are_kept(tmp_path):
    folder = RunFolder(tmp_path)
    for step in range(1, 8):
        checkpoints.save(folder, step, {"value": step}, keep=2, best=3 if step >= 3 else None)
    assert folder.steps == [3, 6, 7]
    assert checkpoints.load(folder)["value"] == 7
    assert checkpoints.load(folder, folder.best_step)["value"] == 3


def test_a_partial_checkpoint_is_as_if_absent(tmp_path):
    folder = RunFolder(tmp_path)
    checkpoints.save(folder, 1, {"value": 1}, keep=1, best=None)
    partial = partial_of(folder.checkpoint(1))
    partial.mkdir()
    (partial / "state.pt").write_bytes(b"torn")
    assert checkpoints.load(folder)["value"] == 1
    checkpoints.save(folder, 2, {"value": 2}, keep=1, best=None)
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["step-00000002"]


def test_bad_checkpoints_are_refused(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(RunFolderError, match="holds no checkpoint"):
        checkpoints.load(folder)
    checkpoints.save(folder, 1, {"value": 1}, keep=1, best=None)
    with pytest.raises(RunFolderError, match="of step 4"):
        checkpoints.load(folder, 4)
    file = folder.state_file(1)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunFolderError, match=r"state\.pt is damaged"):
        checkpoints.load(folder)
    torch.save({"format": 99}, file)
    with pytest.raises(RunFolderError, match="no checkpoint of format 1"):
        checkpoints.load(folder)
    torch.save({"format": 1, "code": print}, file)  # nothing is executed on loading
    with pytest.raises(RunFolderError, match="damaged"):
        checkpoints.load(folder)
