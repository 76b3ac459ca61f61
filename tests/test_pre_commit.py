"""The pre-commit hooks run what ``tox run -e lint`` runs, and nothing else."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_hooks_are_the_lint_commands() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    commands = tox["testenv:lint"]["commands"].split("\n")
    hooks = re.findall(r"entry: ([^,}\n]+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook.replace(" --force-exclude", "") for hook in hooks] == [line for line in commands if line]
