"""A run's folder: what is damaged is named in one line, what is written is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grpo import checkpoints, files
from grpo.errors import RunFolderError
from grpo.run_folder import RunFolder


def test_an_empty_folder_holds_nothing(tmp_path):
    folder = RunFolder(tmp_path / "nowhere")
    assert not folder.exists
    assert not folder.has_checkpoint
    assert (folder.steps, folder.best_step, folder.recipe()) == ([], None, None)
    with pytest.raises(RunFolderError, match="holds no checkpoint"):
        folder.state_file()
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl"):
        folder.metrics()


def test_a_recipe_comes_back_and_is_written_whole(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "new" / "run")
    folder.write_recipe({"agent": "é"})
    assert folder.recipe() == {"agent": "é"}

    def killed(self, target):
        assert json.loads(self.read_text(encoding="utf-8")) == {"agent": "other"}
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.write_recipe({"agent": "other"})
    assert folder.recipe() == {"agent": "é"}  # as it was, not half of the new one
    folder.write_recipe({"agent": "other"})
    assert os.listdir(folder.path) == ["recipe.json"]


@pytest.mark.parametrize("content", ["", '{"agent": "Mem', "[]", "\xff"])
def test_a_damaged_recipe_is_one_line_that_names_the_file(tmp_path, content):
    folder = RunFolder(tmp_path)
    folder.recipe_file.write_bytes(content.encode("latin-1"))
    with pytest.raises(RunFolderError) as caught:
        folder.recipe()
    assert str(caught.value).startswith(f"{folder.recipe_file} is damaged: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "3", "{}", '{"step": "three"}'])
def test_a_damaged_mark_of_the_best_is_one_line_that_names_the_file(tmp_path, content):
    folder = RunFolder(tmp_path)
    checkpoints.save(folder, 3, {}, keep=1, best=True)
    assert folder.best_step == 3
    folder.best_file.write_text(content)
    with pytest.raises(RunFolderError) as caught:
        _ = folder.best_step
    assert str(caught.value).startswith(f"{folder.best_file} is damaged: ")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_has_a_file(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (2, 10):
        checkpoints.save(folder, step, {}, keep=2, best=False)
    assert folder.state_file() == tmp_path / "checkpoints" / "step-00000010" / "state.pt"
    assert folder.state_file(2).is_file()
    with pytest.raises(RunFolderError, match="no checkpoint of step 3"):
        folder.state_file(3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 2: not a JSON object of numbers"),
        ('{"step": 2, "loss": "low"}', "line 2: not a JSON object of numbers"),
        ('{"loss": 2}', "line 2: 'step' is missing"),
        ('{"step": ', "line 2: not JSON"),
    ],
)
def test_a_broken_line_of_figures_is_named(tmp_path, line, message):
    folder = RunFolder(tmp_path)
    folder.metrics_file.write_text(f'{{"step": 1}}\n{line}\n')
    with pytest.raises(RunFolderError, match=message):
        folder.metrics()


@pytest.mark.parametrize("line", ["[1]", '{"loss": 2}'])
def test_only_lines_with_a_step_can_be_cut_back(tmp_path, line):
    path = tmp_path / "lines.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n')
    with pytest.raises(RunFolderError, match=r"lines\.jsonl, line 2: 'step' is missing"):
        files.cut_back(path, 1)
