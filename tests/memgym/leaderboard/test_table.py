"""The leaderboard table: ranks, marks, dashes, and what stands beside the scores."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from rich.console import Console

from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result
from memgym.leaderboard.suite import Suite
from memgym.leaderboard.table import leaderboard_tables, policy_names

Changed = Callable[..., Result]


def printed(results: list[Result], score: str = "answer", width: int = 200) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(*leaderboard_tables(results, score))
    return capture.get()


def test_the_table_ranks_and_marks(tiny: Suite) -> None:
    names = ["NoMemory", "Oracle", "Lexical"]
    text = printed([evaluate(f"baselines:{name}", tiny) for name in names])
    lines = [line.split()[0] for line in text.splitlines() if line.split() and line.split()[0].rstrip("*") in names]
    assert lines == ["Oracle*", "Lexical", "NoMemory"]
    assert "tiny-v0: answer score" in text
    assert "* reads the gold answers: a ceiling" in text
    assert "failed" not in text
    assert "missing" not in text


def test_the_table_tells_policies_apart(played: Result, changed: Changed) -> None:
    other = {"entry_point": "mine:Lexical", "options": {"k": "[/x]"}, "privileged": False}
    text = printed([played, changed(played, lambda header, _: header.update(policy=other))])
    assert "baselines:Lexical" in text
    assert "mine:Lexical(k=[/x])" in text


def test_results_of_other_entries_stand_apart(played: Result, changed: Changed) -> None:
    other = changed(played, lambda header, _: header["entries"][1]["kwargs"].update(length=700))
    assert len(leaderboard_tables([played, other, played])) == 2
    assert "not the entries of memgym's suite" not in printed([played])


@pytest.mark.parametrize("field", ["task_fingerprint", "tokenizer"])
def test_results_on_other_data_stand_apart_under_other_titles(played: Result, changed: Changed, field: str) -> None:
    other = changed(played, lambda header, _: header["entries"][1].update({field: "f" * 64}))
    titles = [str(table.title) for table in leaderboard_tables([played, other, played])]
    assert len(set(titles)) == 2
    assert all("tiny-v0 (entries and data " in title for title in titles)
    assert "entries and data" not in printed([played])


def test_rounds_of_one_name_stand_apart(played: Result, changed: Changed) -> None:
    def on_round(commitment: str) -> Result:
        told = {"name": "spring", "made": "2026-01-01", "opens": "2026-02-01", "commitment": commitment}
        return changed(played, lambda header, _: header.update(round=told))

    assert len(leaderboard_tables([on_round("a" * 64), on_round("b" * 64)])) == 2
    assert len(leaderboard_tables([on_round("a" * 64), on_round("a" * 64)])) == 1


def test_rows_of_one_policy_are_told_apart(played: Result, changed: Changed) -> None:
    def other(**fields: object) -> Result:
        return changed(played, lambda header, _: header.update(fields))

    def names(*results: Result) -> list[str]:
        return policy_names([result.header for result in results])

    assert names(played, other(seed=1)) == ["Lexical(seed=0)", "Lexical(seed=1)"]
    assert names(played, played) == ["Lexical", "Lexical #2"]
    recipe = {"entry_point": "m:P", "options": {"recipe": "a.toml"}, "privileged": False, "fingerprint": "a" * 64}
    with_files = [other(policy=recipe), other(policy={**recipe, "fingerprint": "b" * 64})]
    assert names(*with_files) == ["P(recipe=a.toml, files aaaaaaaa)", "P(recipe=a.toml, files bbbbbbbb)"]
    newer = other(packages={**played.header.packages, "memgym": "9.9"})
    assert names(played, newer)[1] == "Lexical(memgym 9.9)"
    long = [other(policy={**recipe, "options": {"recipe": "x" * 300 + end}}) for end in "ab"]
    assert len({name.rpartition("options ")[2] for name in names(*long)}) == 2
    assert names(played, *with_files)[0] == "Lexical"


def test_another_list_under_the_name_of_ours_is_told(tiny: Suite, played: Result, changed: Changed) -> None:
    other = changed(played, lambda header, _: header["entries"][1]["kwargs"].update(length=700))
    assert "not the entries of memgym's suite tiny-v0" in printed([other])


def test_any_score_has_a_table(played: Result) -> None:
    text = printed([played], "evidence_recall")
    assert "tiny-v0: evidence_recall score" in text
    (line,) = (line.split() for line in text.splitlines() if line.startswith("Lexical"))
    assert line[4] == "–"  # the entry `long` has no such score
    assert line[1] == line[3] != "–"
    assert "1.000" in printed([played], "compression") or "0." in printed([played], "compression")
    with pytest.raises(ConfigError, match=r"unknown score 'evidence_recal'\. Did you mean 'evidence_recall'"):
        leaderboard_tables([played], "evidence_recal")


def test_one_or_two_episodes_have_a_dash_for_their_interval(played: Result) -> None:
    (line,) = (line.split() for line in printed([played]).splitlines() if line.startswith("Lexical"))
    assert line[2] == "–"


def test_failed_and_missing_episodes_are_counted(played: Result) -> None:
    first, *others = played.of("long")
    failed = msgspec.structs.replace(first, error="ApiError: HTTP 400", steps=[])
    text = printed([Result(played.header, (*played.of("bank"), failed, *others[:-1])), played])
    head = next(line.split() for line in text.splitlines() if line.startswith("policy"))
    assert head[-2:] == ["failed", "missing"]
    assert sorted(line.split()[-2:] for line in text.splitlines() if line.startswith("Lexical")) == [
        ["0", "0"],
        ["1", "1"],
    ]
    assert "episodes that failed or are missing count in no score" in text


def test_results_without_a_whole_episode_are_shown_last(played: Result) -> None:
    first = played.episodes[0]
    failed = Result(played.header, (msgspec.structs.replace(first, error="x", steps=[]),))
    for empty in (failed, Result(played.header, ())):
        other = Result(msgspec.structs.replace(empty.header, seed=1), empty.episodes)
        text = printed([other, played])
        lines = [line.split() for line in text.splitlines() if line.startswith("Lexical")]
        assert (lines[0][0], lines[0][1] == "–") == ("Lexical(seed=0)", False)
        assert lines[1][:5] == ["Lexical(seed=1)", *["–"] * 4]
        assert "–" in printed([empty])
        assert "–" in printed([empty], "any_score")


def test_what_calls_cost_stands_beside(played: Result) -> None:
    assert "prompt_tokens" not in printed([played])
    episodes = [
        msgspec.structs.replace(
            episode, steps=[msgspec.structs.replace(step, usage={"prompt_tokens": 500}) for step in episode.steps]
        )
        for episode in played.episodes
    ]
    told = Result(played.header, tuple(episodes))
    steps = sum(len(episode.steps) for episode in episodes)
    text = printed([told, played])
    assert text.splitlines()[1].split()[-2:] == ["tokens", "prompt_tokens"]
    lines = {line.split()[-1] for line in text.splitlines() if line.startswith("Lexical")}
    assert lines == {f"{steps * 500 / 1e3:.0f}k", "–"}


def test_numbers_stay_whole_where_there_is_little_room(played: Result, changed: Changed) -> None:
    name = {"entry_point": "mine:P", "options": {"recipe": "a/very/long/name/" * 8}, "privileged": False}
    text = printed([changed(played, lambda header, _: header.update(policy=name))], width=80)
    lines = [line for line in text.splitlines() if line.startswith("P(")]
    assert len(lines) == 1
    assert len([cell for cell in lines[0].split() if cell.replace(".", "").isdigit()]) >= 4
    assert text.replace("\n", "").replace(" ", "").count("a/very/long/name/") > 2
