"""The board as data, as Markdown and as CSV; learning curves."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from memgym.errors import DataError
from memgym.leaderboard.board import make_board, to_csv, to_markdown
from memgym.leaderboard.curves import Curve, read_curve
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.page.content import Views, content
from memgym.leaderboard.standing import Standing
from tests.memgym.leaderboard.conftest import Changed


@pytest.fixture(scope="module")
def others(played: Result) -> list[Result]:
    from tests.memgym.leaderboard.conftest import TINY

    return [evaluate("baselines:Random", TINY), played, evaluate("baselines:Oracle", TINY)]


def test_rows_stand_by_their_score_with_cost_and_trials(others: list[Result]) -> None:
    (group,) = make_board(others, [Standing.claimed, Standing.replayed, Standing.claimed])
    assert [row.name for row in group.rows] == ["Oracle*", "Lexical", "Random"]
    assert [row.known for row in group.rows] == [Standing.claimed, Standing.replayed, Standing.claimed]
    lexical = group.rows[1]
    assert lexical.best is not None
    assert lexical.official.mean is not None
    assert lexical.best.mean >= lexical.official.mean.mean
    assert lexical.tokens
    assert lexical.seconds
    assert 0 < (lexical.kept or 0) <= 1
    assert group.rows[0].place.rank is None
    assert not group.rows[0].front
    assert group.scores[0] == "answer"
    assert "memory_recall" in group.scores
    assert group.contexts[1] == 600  # as its task was told
    assert any("claimed" in note for note in group.notes)


def test_a_row_of_which_an_entry_was_not_played_has_no_rank(others: list[Result], changed: Changed) -> None:
    def shorten(header: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        episodes[:] = [episode for episode in episodes if episode["entry"] == "bank"]

    (group,) = make_board([others[0], changed(others[1], shorten)], [Standing.claimed] * 2)
    assert [(row.name, row.place.rank) for row in group.rows] == [("Random", 1), ("Lexical", None)]
    assert group.rows[0].place.ties == ()
    assert group.rows[1].official.missing == 4


def test_other_entries_make_another_group(others: list[Result], changed: Changed) -> None:
    other = changed(others[0], lambda header, episodes: header["entries"][1]["kwargs"].update(length=700))
    assert len(make_board([others[1], other], [Standing.claimed] * 2)) == 2


def test_other_data_make_another_group_with_another_title(others: list[Result], changed: Changed) -> None:
    other = changed(others[0], lambda header, episodes: header["entries"][1].update(task_fingerprint="f" * 64))
    groups = make_board([others[1], other], [Standing.claimed] * 2)
    assert len({group.title for group in groups}) == 2


def test_rows_of_one_policy_have_own_names_in_the_page_too(others: list[Result], changed: Changed) -> None:
    seeded = changed(others[0], lambda header, episodes: header.update(seed=1))
    (group,) = make_board([others[0], seeded, seeded], [Standing.claimed] * 3)
    assert sorted(row.name for row in group.rows) == ["Random(seed=0)", "Random(seed=1)", "Random(seed=1) #2"]
    curves = [Curve("run", "loss", [(0, 1.0)]), Curve("run", "loss", [(0, 2.0)])]
    data = content([group], Views(curves=curves))
    assert len({row["name"] for row in data["groups"][0]["rows"]}) == 3
    assert [curve["name"] for curve in data["curves"]] == ["run", "run #2"]


def test_text_of_a_file_stays_text(others: list[Result], changed: Changed) -> None:
    bad = {"entry_point": "m:=cmd()|<b>`x`", "options": {"k": "\u202e"}}
    result = changed(others[0], lambda header, episodes: header["policy"].update(bad))
    groups = make_board([result], [Standing.claimed])
    assert r"\<b\>\`x\`" in to_markdown(groups)
    (line, *_) = list(csv.DictReader(io.StringIO(to_csv(groups))))
    assert line["policy"].startswith("'=cmd")
    assert "\u202e" not in to_markdown(groups) + to_csv(groups)


def test_markdown_and_csv_have_all_rows_and_entries(others: list[Result]) -> None:
    groups = make_board(others, [Standing.claimed] * 3)
    lines = to_markdown(groups).splitlines()
    assert sum(line.startswith("| ") for line in lines) == 5
    read = list(csv.DictReader(io.StringIO(to_csv(groups))))
    assert [(line["policy"], line["entry"]) for line in read[:3]] == [
        ("Oracle*", "all"), ("Oracle*", "bank"), ("Oracle*", "long"),
    ]  # fmt: skip
    assert len(read) == 9


def test_a_curve_is_the_first_score_that_a_run_has(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.0, "reward/mean": 0.1}\n{"step": 2, "reward/mean": 0.3}\n{"step": 3, "rew')
    curve = read_curve(tmp_path)
    assert (curve.score, curve.points) == ("reward/mean", [(1, 0.1), (2, 0.3)])
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": NaN}\n{"step": 3, "loss": 1' + "0" * 400 + "}\n")
    assert read_curve(tmp_path).points == [(1, 2.0)]
    for line in ("[1]", '{"step": NaN}', '{"step": 1' + "0" * 400 + "}", '{"step": 1' + "0" * 5000 + "}"):
        path.write_text(f"{line}\n")
        with pytest.raises(DataError, match=r"metrics\.jsonl, line 1: not a JSON object"):
            read_curve(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_curve(tmp_path / "none")
