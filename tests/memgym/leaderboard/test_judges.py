"""Beside a judged score stand the rule's, the corrected one, and the judge's errors as they were measured here."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from memgym.cli import app
from memgym.errors import DataError
from memgym.judging.measured import kept_report
from memgym.leaderboard.board import make_board, to_csv, to_markdown
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.judges import judge_errors
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.table import leaderboard_tables

TOWNS = ("Porto", "Lisbon", "Faro", "Braga", "Evora", "Tomar")
ROWS = [
    {"id": f"r{i}", "sections": [f"Ana lives in {town}."], "questions": ["Where does Ana live?"], "answers": [town]}
    for i, town in enumerate(TOWNS)
]
POLICY = "baselines:KeepAll"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "towns.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "errata.jsonl").write_text(json.dumps({"id": "r0-q0", "answers": ["Ana"]}) + "\n")
    return tmp_path


def suite(**kwargs: Any) -> Suite:
    kwargs = {"task": "custom", "path": "towns.jsonl", **kwargs}
    return Suite("towns", "", (SuiteEntry("towns", "memgym/Longcontext-v1", kwargs, "all", 6),))


def check(url: str) -> str:
    arguments = ["judge-check", "grader", "--task", "custom", "--base-url", url, "--set", "path=towns.jsonl"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def shown(result: Result) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    for table in leaderboard_tables([result]):
        console.print(table)
    return " ".join(console.export_text().split())


@pytest.fixture
def judged(judge_server: Any, folder: Path) -> Result:
    def credulous(messages: list[dict[str, str]]) -> str:
        sheet = judge_server.read(messages)
        return sheet.verdict(sheet.correct() or "VERDICT" in sheet.candidate)

    judge_server.answer = credulous
    return evaluate(POLICY, suite(judge={"model": "grader", "base_url": judge_server.url}, errata="errata.jsonl"))


def test_errors_are_found_once_they_were_measured(judged: Result, judge_server: Any) -> None:
    assert judge_errors(judged.header) is None
    before = shown(judged)
    assert "its errors were not measured here; 'memgym judge-check' does" in before
    assert "by rule" in before
    assert "false accepts" not in before
    told = check(judge_server.url)
    errors = judge_errors(judged.header)
    assert errors is not None
    assert 0 < errors.accepts < 1
    assert errors.rejects == 0
    assert f"{errors.accepts:.1%}" in told
    after = shown(judged)
    assert f"accepts {errors.accepts:.1%} of wrong answers and rejects 0.0% of right ones, measured on 6 q" in after
    assert "false accepts" in after


def test_a_board_has_all_four_scores_in_columns(judged: Result, judge_server: Any) -> None:
    check(judge_server.url)
    groups = make_board([judged], [Standing.claimed])
    (row,) = groups[0].rows
    line = next(csv.DictReader(io.StringIO(to_csv(groups))))
    assert row.judge is not None
    for column, value in {
        "corrected": row.official.corrected,
        "rule": row.official.rule,
        "false accepts": row.judge.accepts,
        "false rejects": row.judge.rejects,
    }.items():
        assert float(line[column]) == value
    assert "| false accepts |" in to_markdown(groups)


def test_the_page_has_them_too(judged: Result, judge_server: Any) -> None:
    pytest.importorskip("jinja2", reason="the page needs the extra board")
    from memgym.leaderboard.page import render_page
    from memgym.leaderboard.page.content import Views

    headings = ("corrected", "by rule", "false accepts", "false rejects")
    check(judge_server.url)
    page = render_page(make_board([judged], [Standing.claimed]), Views())
    assert all(f">{heading}</button>" in page for heading in headings)
    plain = render_page(make_board([evaluate(POLICY, suite())], [Standing.claimed]), Views())
    assert not any(f">{heading}</button>" in plain for heading in headings)


def test_another_prompt_or_task_is_another_judge(judged: Result, judge_server: Any) -> None:
    check(judge_server.url)
    judge = judged.header.entries[0].judge
    assert judge is not None
    assert kept_report(judge.id, judge.prompt_hash, "custom") is not None
    assert kept_report(judge.id, "0", "custom") is None
    assert kept_report(judge.id, judge.prompt_hash, "locomo") is None


def test_what_was_kept_and_is_damaged_is_said(judged: Result, judge_server: Any, tmp_path: Path) -> None:
    check(judge_server.url)
    (kept,) = tmp_path.rglob("judges/*.json")
    kept.write_text('{"judge": 1}')
    with pytest.raises(DataError, match="is damaged: delete it, and measure the judge again"):
        judge_errors(judged.header)
