"""A small episode whose every score can be computed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

MIRA: dict[str, Any] = {
    "id": "mira",
    "sessions": [
        {
            "id": "s1",
            "time": "2024-01-01",
            "turns": [
                {"id": "a", "speaker": "Mira", "text": "I live in Porto."},
                {"id": "b", "speaker": "Ben", "text": "I adopted a cat called Olive."},
            ],
        },
        {
            "id": "s2",
            "time": "2024-02-01",
            "turns": [
                {"id": "c", "speaker": "Mira", "text": "I moved to Lisbon."},
                {"id": "d", "speaker": "Ben", "text": "The weather is fine."},
            ],
        },
    ],
    "questions": ["Where does Mira live?", "What is Ben's cat called?", "Where does Ben work?"],
    "answers": [["Lisbon", "Lisboa"], "Olive", None],
    "evidence": [["c"], ["b"], []],
    "categories": ["home", "pet", "unknown"],
    "facts": [
        {"subject": "Mira", "relation": "home", "value": "Porto", "source": "a", "until": "c"},
        {"subject": "Mira", "relation": "home", "value": "Lisbon", "source": "c"},
        {"subject": "Ben", "relation": "cat", "value": "Olive", "source": "b"},
    ],
}

Maker = Callable[..., gym.Env]


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., str]:
    """Write rows of the task ``custom`` and return the path of the file."""

    def write(*rows: dict[str, Any]) -> str:
        path = tmp_path / f"rows{len(list(tmp_path.iterdir()))}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return write


@pytest.fixture
def make_mira(write_rows: Callable[..., str]) -> Maker:
    """Make an environment on the small episode; its only index is 0."""
    path = write_rows(MIRA)

    def make(kind: str, **kwargs: Any) -> gym.Env:
        return gym.make(f"memgym/{kind}-v1", **{"task": "custom", "path": path, "instructions": False, **kwargs})

    return make
