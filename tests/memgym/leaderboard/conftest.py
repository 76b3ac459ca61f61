"""A small suite, and result files that somebody has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, read_result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES

TINY = Suite(
    "tiny-v0",
    "for tests",
    (
        SuiteEntry(
            "bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "questions": 2}, "test", 1
        ),
        SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 600}, "test", 2, 2),
    ),
)

Change = Callable[[dict[str, Any], list[dict[str, Any]]], Any]
"""Changes a header and the episodes of a result, as they stand in its file."""
Changed = Callable[[Result, Change], Result]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Suite:
    """The small suite, as one of ours."""
    monkeypatch.setitem(SUITES, TINY.name, TINY)
    return TINY


@pytest.fixture(scope="session")
def played() -> Result:
    """The small suite as played by a baseline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, TINY.name, TINY)
        return evaluate("baselines:Lexical", TINY)


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Return a result as it is read after its file was changed."""

    def through_a_file(result: Result, change: Change) -> Result:
        header, episodes = msgspec.to_builtins(result.header), msgspec.to_builtins(list(result.episodes))
        change(header, episodes)
        path = tmp_path / "changed.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in (header, *episodes)))
        return read_result(path)

    return through_a_file
