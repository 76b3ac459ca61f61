"""The committed result files: each is verified by replay, which needs neither models nor weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgym.leaderboard.compare import compare
from memgym.leaderboard.files import read_result
from memgym.leaderboard.verify import verify

FOLDER = Path(__file__).parents[2] / "memagents" / "results"  # they are not in the wheel
FILES = sorted(FOLDER.rglob("*.jsonl.gz"))
LARGEST = 1_000_000


def name(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_committed_result_is_verified(
    path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = read_result(path)
    files = [entry.kwargs["path"] for entry in result.header.entries if "path" in entry.kwargs]
    assert not any(Path(file).is_absolute() for file in files)
    if files:
        monkeypatch.setenv("MEMGYM_DATA", str(request.getfixturevalue("data_dir")))
    assert verify(result) == []


def test_the_records_are_small() -> None:
    assert FILES
    assert max(path.stat().st_size for path in FILES) < LARGEST


@pytest.mark.parametrize(
    ("row", "score", "least"),
    [
        ("rmm/persona", "evidence_recall", 0.2),
        ("rmm/locomo", "evidence_recall", 0.1),
        ("linear_manager/persona", "answer", 0.5),
        ("linear_manager/persona_extractive", "answer", 0.4),
    ],
)
def test_the_rows_of_the_tables_have_learnt(row: str, score: str, least: float) -> None:
    """On three seeds, the score of held-out episodes is higher by more than the interval."""
    base = read_result(FOLDER / f"{row}_base.jsonl.gz")
    for seed in range(3):
        trained = read_result(FOLDER / f"{row}_seed{seed}.jsonl.gz")
        (change,) = compare(base, trained, score)
        assert change.difference[1] > 0
        assert change.relative[0] > least


def test_the_tiny_reader_has_learnt() -> None:
    """On three seeds, the answers on held-out episodes are better by more than the interval."""
    base = read_result(FOLDER / "tiny_reader" / "base.jsonl.gz")
    for seed in range(3):
        (change,) = compare(base, read_result(FOLDER / "tiny_reader" / f"seed{seed}.jsonl.gz"))
        assert change.difference[1] > 0
        assert change.relative[1] > 0.25


def test_the_chat_model_has_learnt_to_manage() -> None:
    """Its frozen answerer finds more in what the trained manager kept, and GRPO has made the sampled choices better."""
    rows = {
        path.name.removesuffix(".jsonl.gz"): read_result(path) for path in (FOLDER / "memory_r1").glob("*.jsonl.gz")
    }
    (answers,) = compare(rows["small_base"], rows["small_grpo"])
    assert answers.difference[1] > 0
    assert answers.relative[0] > 0.1
    (memory,) = compare(rows["small_imitation_sampled"], rows["small_grpo_sampled"], "memory_recall")
    assert memory.difference[1] > 0
    assert memory.relative[0] > 0.1
