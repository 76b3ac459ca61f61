"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of published benchmark files; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("MEMGYM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no benchmark data in {path}; set MEMGYM_DATA to the folder that holds it")
    return path
