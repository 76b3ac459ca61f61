"""The guide for authors of baselines does what it says: its files are written and its commands run, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / ".github" / "BASELINES.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The author's folder, with the guide's files and the command ``memgym`` of the code under test."""
    folder = tmp_path_factory.mktemp("desk")
    for kind, text in BLOCKS:
        if kind == "python":
            name = re.match(r"# (\w+\.py)\n", text)
            assert name, "each Python block begins with the name of its file"
            (folder / name[1]).write_text(text, encoding="utf-8")
    script = folder / "bin" / "memgym"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom memgym.cli import app\napp(prog_name='memgym')\n")
    script.chmod(0o755)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda line: line[:50])
def test_what_the_guide_shows(command: str, desk: Path) -> None:
    if "ppo" in command and not find_spec("sb3_contrib"):
        pytest.skip("needs the extra sb3; tox run -e integrations has it")
    kept = {name: value for name, value in os.environ.items() if name not in ("MEMGYM_DATA", "FORCE_COLOR")}
    path = os.pathsep.join([str(desk / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        shell=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=desk,
        env={**kept, "PATH": path, "PYTHONUTF8": "1", "COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr


def test_every_file_is_used() -> None:
    files = re.findall(r"^# (\w+)\.py$", TEXT, re.MULTILINE)
    assert files == ["newest", "alike", "train_ppo", "my_ppo", "my_loop"]
    assert all(any(name in command for command in COMMANDS) for name in files)


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http|#)([^)#]+)", TEXT):
        assert (GUIDE.parent / link).exists(), link
