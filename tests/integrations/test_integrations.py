"""Each example of another library runs as it is, and what it learns goes up; start and end are printed (``-s``)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
EXAMPLES = {
    "ppo_memory.py": ("torch", "tyro"),
    "sb3_pick.py": ("sb3_contrib",),
    "torchrl_pick.py": ("torchrl",),
    "mo_front.py": ("mo_gymnasium", "morl_baselines", "matplotlib"),
}
"""File to what it needs."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_learns(name: str, tmp_path: Path) -> None:
    missing = [library for library in EXAMPLES[name] if not find_spec(library)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: tox run -e integrations has it")
    done = subprocess.run(
        [sys.executable, FOLDER / name],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    print(last)
    start, end = map(float, re.findall(r"(\d\.\d+) -> (\d\.\d+)", last)[0])
    assert end > start
    if name == "mo_front.py":
        assert (tmp_path / "pareto.svg").read_text().startswith("<?xml")


def test_every_example_is_run() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} - {Path(__file__).name} == {*EXAMPLES}
