"""Both scores side by side: in records, summaries, tables and comparisons, with a rule and with a judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from memgym import Observation, PhasePolicy
from memgym.errors import DataError
from memgym.leaderboard.compare import compare
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import ErrataRecord
from memgym.leaderboard.rejudge import rejudge
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.summary import summarize
from memgym.leaderboard.table import leaderboard_tables
from memgym.leaderboard.verify import verify
from memgym.operators import write_answer

NAMES = ("Ana", "Ben", "Cleo", "Dan")
ROWS = [
    {
        "id": name.lower(),
        "sections": [f"{name} lives in Porto."],
        "questions": [f"Where does {name} live?"],
        "answers": [gold],
    }
    for name, gold in zip(NAMES, ("Porto", "Lisbon", "Lisbon", "Faro"), strict=True)
]  # fmt: skip
ERRATA = [
    {"id": "ben-q0", "answers": ["Porto"]},
    {"id": "cleo-q0", "answers": ["Faro"]},
    {"id": "dan-q0", "answers": []},
    {"id": "eve-q0", "answers": ["Braga"]},
]
POLICY = f"{__name__}:InPorto"


class InPorto(PhasePolicy):
    """Says Porto."""

    def read(self, observation: Observation) -> str:
        return ""

    def answer(self, observation: Observation) -> str:
        return write_answer(observation, "Porto")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    write(tmp_path / "data.jsonl", ROWS)
    write(tmp_path / "errata.jsonl", ERRATA)
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def suite(**kwargs: Any) -> Suite:
    kwargs = {"task": "custom", "path": "data.jsonl", **kwargs}
    return Suite("mine", "", (SuiteEntry("data", "memgym/Longcontext-v1", kwargs, "all", 4),))


@pytest.fixture
def result(folder: Path) -> Result:
    return evaluate(POLICY, suite(errata="errata.jsonl"))


def scores(result: Result) -> list[tuple[float, float | None]]:
    answers = [
        answer.scores
        for episode in sorted(result.episodes, key=lambda e: e.index)
        for answer in episode.steps[-1].answers
    ]
    return [(one["answer"], one.get("corrected")) for one in answers]


def test_records_hold_both_scores_and_the_hash(result: Result, folder: Path) -> None:
    assert scores(result) == [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0), (0.0, None)]
    errata = result.header.entries[0].errata
    assert errata is not None
    assert errata == ErrataRecord(digest=errata.digest, mended=2, dropped=1, elsewhere=1)
    assert len(errata.digest) == 64
    plain = evaluate(POLICY, suite())
    assert plain.header.entries[0].errata is None
    assert scores(plain) == [(1.0, None), (0.0, None), (0.0, None), (0.0, None)]
    assert plain.header.entries[0].task_fingerprint == result.header.entries[0].task_fingerprint


def test_tables_show_both(result: Result) -> None:
    summary = summarize(result)
    assert summary.mean is not None
    assert (summary.mean.mean, summary.corrected) == (0.25, pytest.approx(2 / 3))
    whole = summarize(result, "corrected")
    assert whole.mean is not None
    assert whole.mean.mean == pytest.approx(whole.entries["data"].mean.mean)
    console = Console(width=150, record=True)
    for table in leaderboard_tables([result]):
        console.print(table)
    shown = console.export_text()
    assert "corrected" in shown
    assert "0.667" in shown
    digest = result.header.entries[0].errata.digest[:12]  # type: ignore[union-attr]
    assert f"data by errata {digest}: 2 golds mended, 1 dropped, 1 not in the data" in " ".join(shown.split())
    without = Console(width=150, record=True)
    for table in leaderboard_tables([evaluate(POLICY, suite())]):
        without.print(table)
    assert "corrected" not in without.export_text()


def test_it_verifies_with_the_same_errata_alone(result: Result, folder: Path) -> None:
    trusted = {"errata": str(folder / "errata.jsonl"), "path": str(folder / "data.jsonl")}
    assert verify(result, overrides=trusted) == []
    write(folder / "errata.jsonl", ERRATA[:1])
    (problem,) = verify(result, overrides=trusted)
    assert "correct the golds here, not " in problem


def test_official_scores_compare_whatever_the_errata(result: Result, folder: Path) -> None:
    plain = evaluate(POLICY, suite())
    (change,) = compare(plain, result)
    assert change.difference[0] == 0
    write(folder / "others.jsonl", ERRATA[:1])
    others = evaluate(POLICY, suite(errata="others.jsonl"))
    (change,) = compare(others, result)
    assert change.difference[0] == 0
    with pytest.raises(DataError, match="entry 'data': errata is"):
        compare(others, result, "corrected")
    (change,) = compare(result, result, "corrected")
    assert change.before == pytest.approx(2 / 3)


def test_a_judge_sees_both_golds(judge_server: Any, result: Result, folder: Path) -> None:
    judge = {"model": "grader", "base_url": judge_server.url}
    judged = evaluate(POLICY, suite(errata="errata.jsonl", judge=judge))
    assert scores(judged) == scores(result)
    assert len(judge_server.requests) == 6  # a question whose gold stays is judged once
    again = rejudge(result, judge)
    assert scores(again) == scores(judged)
    played, anew = (msgspec.to_builtins(list(one.episodes)) for one in (judged, again))
    key: Callable[[Any], Any] = lambda episode: episode["index"]  # noqa: E731
    for one, other in zip(sorted(played, key=key), sorted(anew, key=key), strict=True):
        assert one["steps"][-1]["answers"] == other["steps"][-1]["answers"]
