"""A run's folder: what is damaged is named in one line, what is written is whole."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
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


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert RunFolder("~/runs/x").path == tmp_path / "runs" / "x"


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
    checkpoints.save(folder, 3, {}, keep=1, best=3)
    assert folder.best_step == 3
    folder.best_file(3).write_text(content)
    with pytest.raises(RunFolderError) as caught:
        _ = folder.best_step
    assert str(caught.value).startswith(f"{folder.best_file(3)} is damaged: ")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_has_a_file(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (2, 10):
        checkpoints.save(folder, step, {}, keep=2, best=None)
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


@pytest.mark.parametrize("kept", range(1, 6))
def test_a_line_may_be_torn_anywhere_even_within_a_character(tmp_path, kept):
    path = tmp_path / "lines.jsonl"
    files.append_line(path, {"step": 1, "samples": ["€"]})
    path.write_bytes(path.read_bytes() + '"€€'.encode()[:kept])
    assert files.read_lines(path) == [{"step": 1, "samples": ["€"]}]
    files.cut_back(path, 1)
    files.append_line(path, {"step": 2})
    assert [record["step"] for record in files.read_lines(path)] == [1, 2]


def test_a_line_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"step": 1}\n"\xe2"\n')
    with pytest.raises(RunFolderError, match=r"lines\.jsonl, line 2: not JSON"):
        files.read_lines(path)


def elsewhere(function):
    """Run something in another thread, where a lock of this one is another's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_one_at_a_time_trains_in_a_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")

    def take():
        with RunFolder(tmp_path / "other" / ".." / "run").locked():
            return "taken"

    with folder.locked():
        with RunFolder(tmp_path / "run").locked():  # nested
            pass
        with pytest.raises(RunFolderError, match=r"another process trains in .*run: wait for its end, or choose"):
            elsewhere(take)
    assert elsewhere(take) == "taken"


@pytest.mark.parametrize(
    "name",
    [
        "file",
        "file/run",
        "x" * 300,
        "x/" * 2500,
        "null\0byte",
        pytest.param("/proc/x", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's")),
        pytest.param("/proc/self/x/y", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's")),
        pytest.param("/dev/null", marks=pytest.mark.skipif(sys.platform == "win32", reason="POSIX's")),
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_cannot_be_used_is_one_short_line(tmp_path, name, resume):
    (tmp_path / "file").write_text("")
    folder = RunFolder(tmp_path / name)
    with pytest.raises(RunFolderError) as caught:  # noqa: PT012
        folder.check(resume)
        with folder.locked():
            pass
    assert str(caught.value).startswith(("out_dir = ", "there is no run to resume in "))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("leftover", [".step-00000002.partial", ".step-99999999.partial/deep/er"])
def test_leftovers_are_removed(tmp_path, leftover):
    folder = RunFolder(tmp_path)
    checkpoints.save(folder, 1, {}, keep=1, best=None)
    (folder.checkpoints / leftover).mkdir(parents=True)
    for name in (".model.partial", ".model.old.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text("torn")
    for name in (".recipe.json.partial", ".metrics.jsonl.partial"):
        (tmp_path / name).write_text("torn")
    folder.clean()
    assert [os.listdir(folder.path), os.listdir(folder.checkpoints)] == [["checkpoints"], ["step-00000001"]]


def test_a_model_is_written_whole(tmp_path):
    folder = RunFolder(tmp_path)

    def save(path):
        path.mkdir()
        (path / "weights").write_text("first")

    def fail(path):
        save(path)
        raise ValueError("I/O error: No space left on device (os error 28)")

    folder.write_model(save)
    with pytest.raises(RunFolderError, match=r"model cannot be written: .*No space left.*make room, and resume"):
        folder.write_model(fail)
    folder.write_model(save)
    assert (os.listdir(tmp_path), os.listdir(folder.model)) == (["model"], ["weights"])
