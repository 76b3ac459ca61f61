"""Sealed rounds: made, committed, played, taken in, opened, verified; and what is refused on the way."""

from __future__ import annotations

import json
import re
import stat
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from memgym.cli import app
from memgym.errors import ConfigError, DataError
from memgym.leaderboard import files, rounds
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan, make_envs
from memgym.leaderboard.files import read_result
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.leaderboard.verify import verify

MADE = date(2026, 3, 1)
OPENS = date(2026, 4, 1)
DOORS = SuiteEntry("doors", "memgym/Longcontext-v1", {"task": "whereabouts", "section_tokens": 40}, "test", 4)
SMALL = Suite("small-v1", "", (DOORS,))


class Clock:
    """Stands in for ``datetime.date`` where a command asks for today."""

    today_is = MADE
    fromisoformat = staticmethod(date.fromisoformat)

    @classmethod
    def today(cls) -> date:
        return cls.today_is


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Clock]:
    """Set today's date by ``clock.today_is``, in a folder of its own, with a small suite at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SUITES, SMALL.name, SMALL)
    clock = type("Today", (Clock,), {})
    for module in ("rounds", "results", "board"):
        monkeypatch.setattr(f"memgym.cli.{module}.date", clock)
    return clock


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def make(name: str = "spring") -> None:
    run("round", "make", name, "--suite", SMALL.name, "--opens", str(OPENS))


def test_a_round_from_its_making_to_its_opening(clock: Any) -> None:
    make()
    assert "seed" not in json.loads(Path("spring.round.json").read_text())
    secret = json.loads(Path("spring.secret.json").read_text())["seed"]
    assert stat.S_IMODE(Path("spring.secret.json").stat().st_mode) == 0o600
    sealed = run("evaluate", "baselines:Lexical", "--round", "spring.round.json", code=2)
    assert "round 'spring' is sealed until 2026-04-01" in sealed.stderr

    played = run("evaluate", "baselines:Lexical", "baselines:Oracle", "--round", "spring.secret.json")
    assert "small-v1, round spring: answer score" in played.output
    seed = rounds.entry_seed(rounds.read_round(Path("spring.secret.json")), "doors")
    files = sorted(Path("results").iterdir())
    for path in files:
        assert secret not in path.read_text()
        assert str(seed) not in path.read_text()
    public = run("evaluate", "baselines:Lexical", "--env", SMALL.entries[0].env_id, "--set", "task=whereabouts",
                 "--set", "section_tokens=40", "--split", "test", "--episodes", "4", "--out", "public")  # fmt: skip
    assert public.exit_code == 0
    (open_file,) = Path("public").iterdir()
    assert read_result(open_file).episodes[0].steps != read_result(files[0]).episodes[0].steps

    assert "name its file, once it is open" in run("verify", "results", code=1).output
    assert (
        "verified, on round 'spring', which opens on 2026-04-01"
        in run("verify", "results", "--round", "spring.secret.json").output
    )
    run("round", "add", "spring.round.json", str(files[0]))
    early = run("round", "open", "spring.round.json", "--secret", "spring.secret.json", code=2)
    assert "until then its seed stays secret" in early.stderr

    clock.today_is = OPENS
    assert "is open" in run("round", "add", "spring.round.json", "results", code=2).stderr
    run("round", "open", "spring.round.json", "--secret", "spring.secret.json")
    checked = run("verify", "results", "--round", "spring.round.json").output
    assert f"{files[0]}: verified, sealed: handed in on 2026-03-01, before round 'spring' was opened" in checked
    assert f"{files[1]}: verified, but not sealed" in checked
    rows = run("table", "results").output
    assert [line.split()[-1] for line in rows.splitlines() if line.startswith(("Lexical", "Oracle"))] == [
        "replayed",
        "sealed",
    ]
    late = run("evaluate", "baselines:Recency", "--round", "spring.round.json", "--out", "late")
    assert "round spring" in late.output
    assert "verified, but not sealed" in run("verify", "late", "--round", "spring.round.json").output


def test_a_page_shows_the_episodes_of_a_round_once_it_is_open(clock: Any) -> None:
    pytest.importorskip("jinja2", reason="the page needs the extra board")
    make()
    run("evaluate", "baselines:Lexical", "--round", "spring.secret.json")
    run("round", "add", "spring.round.json", "results")
    without = page_of("results")
    assert without["title"] == "small-v1, round spring"
    assert without["rows"][0]["trajectories"] == []
    assert "--round names the round's file, once it is open" in without["rows"][0]["why"][0]
    early = run("leaderboard", "results", "--html", "page.html", "--round", "spring.secret.json", code=2)
    assert "until then a page must not show its episodes: give --episodes 0" in early.stderr
    counted = page_of("results", "--round", "spring.secret.json", "--episodes", "0")["rows"][0]
    assert counted["trajectories"] == []
    assert counted["right"] + sum(counted["losses"].values()) == 4
    make("autumn")
    assert page_of("results", "--round", "autumn.secret.json", "--episodes", "0")["rows"][0]["why"]

    clock.today_is = OPENS
    run("round", "open", "spring.round.json", "--secret", "spring.secret.json")
    run("verify", "results", "--round", "spring.round.json")
    row = page_of("results", "--round", "spring.round.json")["rows"][0]
    assert row["why"] == []
    assert len(row["trajectories"]) == 2
    assert not any(shown["differs"] for shown in row["trajectories"])
    assert '<span class="known known-here">sealed</span>' in Path("page.html").read_text(encoding="utf-8")
    run("reproduce", "results", "--round", "spring.round.json")
    assert "reproduced, sealed" in run("table", "results").output


def page_of(*arguments: str) -> dict[str, Any]:
    """Make a page and return what its script reads of the first suite."""
    run("leaderboard", *arguments, "--html", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    found: dict[str, Any] = json.loads(data)["groups"][0]
    return found


def test_answers_of_a_round_are_judged_anew_and_its_seed_stays_secret(clock: Any, judge_server: Any) -> None:
    make()
    run("evaluate", "baselines:Lexical", "--round", "spring.secret.json")
    command = ("rejudge", "results", "--judge", "m", "--base-url", judge_server.url, "--out", "judged")
    refused = run(*command, code=2)
    assert "it was played on round 'spring': --round names the round's file, once it is open" in refused.stderr
    run(*command, "--round", "spring.secret.json")
    (path,) = Path("judged").iterdir()
    assert len(read_result(path).of("doors")) == 4
    seed = rounds.entry_seed(rounds.read_round(Path("spring.secret.json")), "doors")
    assert str(seed) not in path.read_text()


def test_a_file_of_another_round_is_told(clock: Any) -> None:
    make()
    make("autumn")
    run("evaluate", "baselines:Random", "--round", "spring.secret.json")
    told = run("verify", "results", "--round", "autumn.secret.json", code=1)
    assert "it was played on another round 'spring', made on 2026-03-01" in told.output
    run("evaluate", "baselines:Random", "--suite", SMALL.name, "--out", "public")
    told = run("verify", "public", "--round", "spring.secret.json", code=1)
    assert "it was not played on round 'spring'" in told.output
    clock.today_is = OPENS
    told = run("round", "open", "spring.round.json", "--secret", "autumn.secret.json", code=2)
    assert "the secret is of another round ('autumn') than 'spring'" in told.stderr


def test_an_evaluation_of_a_round_is_resumed_on_that_round(clock: Any) -> None:
    make()
    run("evaluate", "baselines:Lexical", "--round", "spring.secret.json")
    (path,) = Path("results").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    run("evaluate", "baselines:Lexical", "--round", "spring.secret.json", "--resume")
    assert len(read_result(path).episodes) == 4
    path.unlink()
    run("evaluate", "baselines:Lexical", "--round", "spring.secret.json", "--workers", "1")
    assert "verified" in run("verify", str(path), "--round", "spring.secret.json").output


def test_seeds_differ_between_rounds_and_entries() -> None:
    made = [rounds.make_round(name, "quick-v2", OPENS, MADE) for name in ("a", "b", "a")]
    seeds = {rounds.entry_seed(one, entry.name) for one in made for entry in SUITES["quick-v2"].entries}
    assert len(seeds) == 3 * len(SUITES["quick-v2"].entries)
    assert all(0 <= seed < 2**63 for seed in seeds)
    texts = {make_envs(SMALL, round_=one)["doors"].reset(options={"index": 0})[0] for one in made}
    assert len(texts) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "0" * 32},
        {"name": "other"},
        {"suite": "core-v2"},
        {"made": MADE - timedelta(1)},
        {"opens": OPENS + timedelta(1)},
        {"commitment": "0" * 64},
        {"submissions": [rounds.Submission("0" * 64, OPENS)]},
        {"submissions": [rounds.Submission("0" * 64, MADE - timedelta(1))]},
    ],
    ids=str,
)
def test_whatever_is_changed_afterwards_is_found(change: dict[str, Any]) -> None:
    whole = rounds.make_round("spring", "quick-v2", OPENS, MADE)
    assert rounds.check_round(whole) == whole.seed
    with pytest.raises(DataError, match=r"the seed is not the one|out of order"):
        rounds.check_round(msgspec.structs.replace(whole, **change))


@pytest.mark.parametrize(
    ("name", "suite", "opens", "said"),
    [
        ("a b", "quick-v2", OPENS, "a round's name has"),
        ("", "quick-v2", OPENS, "a round's name has"),
        ("../a", "quick-v2", OPENS, "a round's name has"),
        ("a", "quick", OPENS, "Did you mean 'quick-v2'"),
        ("a", "json:loads", OPENS, "A round is of a suite of memgym's"),
        ("a", "canary:SUITE", OPENS, "A round is of a suite of memgym's"),
        ("a", "mine.toml", OPENS, "A round is of a suite of memgym's"),
        ("a", "core-v2 judge=m", OPENS, "A round is of a suite of memgym's"),
        ("a", "real-v1", OPENS, "cannot be sealed: the episodes of entry"),
        ("a", "quick-v2", MADE, "opens on a later day"),
    ],
)
def test_rounds_that_cannot_be_made(name: str, suite: str, opens: date, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rounds.make_round(name, suite, opens, MADE)


def test_a_round_of_others_imports_nothing(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where its seed is not the one of its hash, nor where its maker committed to a module."""
    Path("canary_suite.py").write_text("raise SystemExit('run')\n")
    monkeypatch.syspath_prepend(Path.cwd())
    whole = rounds.make_round("spring", SMALL.name, OPENS, MADE)
    assert whole.seed is not None
    theirs = {"suite": "canary_suite:S"}
    committed = rounds._commit(whole.name, theirs["suite"], MADE, OPENS, whole.seed)
    for name, change, said in (
        ("changed", theirs, "the seed is not the one that its hash commits to"),
        ("sealed", {**theirs, "seed": None}, "is sealed until"),
        ("committed", {**theirs, "commitment": committed}, "A round is of a suite of memgym's"),
    ):
        rounds.write_round(msgspec.structs.replace(whole, **change), Path(f"{name}.json"))
        assert said in run("evaluate", "baselines:Lexical", "--round", f"{name}.json", code=2).stderr
    assert "canary_suite" not in sys.modules


def on_round(suite: Suite, round_: rounds.Round) -> files.Result:
    played = Evaluation(EvaluationPlan("baselines:Lexical", suite, round=round_))
    return files.make_result(played.header, list(played.play(played.keys())), "here")


def test_what_was_played_on_a_round_of_others_is_not_verified(clock: Any) -> None:
    """A file that bears the name of such a suite could be of any entries."""
    whole = rounds.make_round("spring", SMALL.name, OPENS, MADE)
    assert whole.seed is not None
    committed = rounds._commit("spring", "mysuite:S", MADE, OPENS, whole.seed)
    theirs = msgspec.structs.replace(whole, suite="mysuite:S", commitment=committed)
    trivial = Suite("mysuite:S", "", (SuiteEntry("trivial", DOORS.env_id, DOORS.kwargs, "test", 1),))
    played = on_round(trivial, theirs)
    with pytest.raises(ConfigError, match="A round is of a suite of memgym's"):
        verify(played, round_=theirs)
    problem = verify(on_round(Suite(SMALL.name, "", trivial.entries), whole), round_=whole)[0]
    assert "the entries are not those of suite 'small-v1'" in problem


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"format": "memgym-result"}',
        b"\xff",
        b"[" * 100_000,
        b'{"name": "a"}',
        b"x" * (1 << 25),
    ],
    ids=lambda content: content[:20].decode(errors="replace"),
)
def test_files_that_are_no_round(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.round.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no file of a round"):
        rounds.read_round(path)
    with pytest.raises(DataError, match="cannot be read"):
        rounds.read_round(tmp_path / "missing.json")


def test_nothing_is_overwritten(clock: Any) -> None:
    make()
    before = Path("spring.secret.json").read_bytes()
    assert (
        "is there already"
        in run("round", "make", "spring", "--suite", SMALL.name, "--opens", str(OPENS), code=2).stderr
    )
    assert Path("spring.secret.json").read_bytes() == before
    wrong = run("round", "make", "x", "--suite", SMALL.name, "--opens", "soon", code=2)
    assert "--opens takes a day such as 2027-03-01" in wrong.stderr
    both = run("evaluate", "baselines:Random", "--round", "spring.secret.json", "--suite", "quick-v2", code=2)
    assert "give either --suite NAME, or --env ENV_ID, or --round FILE" in both.stderr
