"""Two cards take the steps of one, with NCCL: replicas, and split weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grpo.run_folder import RunFolder
from tests.memagents.test_ranks import RECIPE, figures, train

BACKEND = "kind = 'transformers'\ndevice = 'cuda'\ndtype = 'float32'"


@pytest.mark.parametrize("settings", [["strategy=ddp"], ["strategy=fsdp"], ["strategy=fsdp", "lora_rank=3"]], ids=str)
def test_two_cards_sample_train_save_and_resume(model_dir: Path, tmp_path: Path, settings: list[str]) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    for ranks in (1, 2):
        recipe = tmp_path / f"{ranks}.toml"
        recipe.write_text(RECIPE.format(backend=BACKEND, model=model_dir, folder=tmp_path / str(ranks)))
        train(ranks, recipe, *settings, "save_every=1")
        train(ranks, recipe, *settings, "save_every=1", "iterations=3", "--resume")
    one, two = (figures(tmp_path / str(ranks)) for ranks in (1, 2))
    assert [line["step"] for line in two] == [1, 2, 3]
    for found, expected in zip(two, one, strict=True):
        assert found == pytest.approx(expected, rel=2e-2, abs=1e-3)
    assert (RunFolder(tmp_path / "2").model / "model.safetensors").is_file()
