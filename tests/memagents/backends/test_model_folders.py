"""Model folders that lack something: one line that names the folder and what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memagents.backends import make_backend
from memagents.backends.local import find_model
from memgym.errors import ConfigError


def without(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names]


def holding(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-2000])


def without_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("config.json", "tokenizer_config.json"), "lacks its configuration, config.json"),
        (without("model.safetensors"), "lacks weights"),
        (without("tokenizer.json", "tokenizer_config.json"), "lacks a tokenizer"),
        (without_a_tensor, "its weights lack 1 tensors, model.norm.weight among them"),
        (cut("model.safetensors"), "cannot load the model"),
        (holding("model.safetensors", b""), "cannot load the model"),
        (holding("tokenizer.json", b'{"version": '), "cannot load the model"),
        (holding("config.json", b""), "cannot load the model"),
        (holding("config.json", b"[]"), "cannot load the model"),
        (holding("config.json", json.dumps({"model_type": "no-such"}).encode()), "cannot load the model"),
        (shutil.rmtree, "there is no model folder"),
    ],
)
def test_a_damaged_model_folder_is_named(damage, message: str, tiny_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_dir, folder)
    damage(folder)
    with pytest.raises(ConfigError) as caught:
        make_backend({"kind": "transformers", "model": str(folder)})
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["runs/memory_r1_imitation/model", "./runs/memory_r1_imitation/model"])
def test_a_model_that_a_recipe_makes_is_said_to_come_from_it(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"there is no model folder .* makes it: 'memagents train memory_r1_imitation'"
    ):
        find_model(name)


def test_a_name_on_a_hub_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        find_model("file")
