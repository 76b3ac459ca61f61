"""Rows of full context and closed book: what the policy sees, where they stand, and that they verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgym import Observation, Policy
from memgym.errors import ConfigError
from memgym.leaderboard.board import make_board
from memgym.leaderboard.compare import compare
from memgym.leaderboard.contexts import Context
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, read_result, write_result
from memgym.leaderboard.standing import Standing
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import SUITES
from memgym.leaderboard.trace import trace, unjudged_env
from memgym.leaderboard.trust import STRICT, Trust, UntrustedError
from memgym.leaderboard.verify import verify
from tests.memgym.leaderboard.conftest import Changed

SMALL = Suite(
    "small",
    "",
    (
        SuiteEntry(
            "bank",
            "memgym/MemoryBank-v1",
            {"task": "persona", "difficulty": "easy", "questions": 4, "memory_tokens": 60},
            episodes=3,
        ),
        SuiteEntry(
            "long",
            "memgym/Longcontext-v1",
            {"task": "multihop", "length": 600, "section_tokens": 100, "memory_tokens": 20},
            episodes=4,
        ),
    ),
)
POLICY = f"{__name__}:Looker"


class Looker(Policy):
    """Answers with all that it sees."""

    def act(self, observation: str) -> str:
        seen = Observation.parse(observation)
        assert seen.phase == "answer"
        return f"{seen.memory}{' '.join(memory.text for memory in seen.memories)}"


@pytest.fixture(scope="module")
def played() -> dict[Context, Result]:
    return {context: evaluate(POLICY, SMALL, context=context) for context in ("full", "none")}  # type: ignore[misc]


def test_the_policy_sees_the_whole_text_or_nothing(played: dict[Context, Result]) -> None:
    for entry in SMALL.entries:
        env = unjudged_env(played["full"].header, played["full"].header.entry(entry.name), STRICT, {})
        for record in played["full"].of(entry.name):
            traced = trace(env, record)
            assert not traced.differs
            for step in record.steps:
                assert step.action is not None
                start = 0
                for _, text in traced.episode.passages():
                    start = step.action.index(text, start)  # all of it, in its order
        for record in played["none"].of(entry.name):
            assert {step.action for step in record.steps} == {""}
            assert {step.phase for step in record.steps} == {"answer"}


def test_they_verify_as_what_they_are_and_as_nothing_else(
    played: dict[Context, Result], changed: Changed, tmp_path: Path
) -> None:
    for context, result in played.items():
        path = tmp_path / f"{context}.jsonl"
        write_result(result, path)
        assert verify(read_result(path)) == []
        other = "none" if context == "full" else "full"
        assert verify(changed(result, lambda header, episodes, to=other: header.update(context=to)))
        assert verify(changed(result, lambda header, episodes: header.pop("context")))


def test_they_stand_in_the_same_table_without_a_rank(played: dict[Context, Result]) -> None:
    results = [evaluate("baselines:Lexical", SMALL), *played.values()]
    (group,) = make_board(results, [Standing.claimed] * 3)
    named = {row.name: row for row in group.rows}
    assert set(named) == {"Lexical", "Looker [full context]", "Looker [closed book]"}
    assert {name: row.place.rank for name, row in named.items() if row.place.rank} == {"Lexical": 1}
    assert not any(row.front for name, row in named.items() if name != "Lexical")
    assert group.contexts[0] is not None
    notes = " ".join(group.notes)
    assert "[full context] the whole text stood before the policy" in notes
    assert "[closed book] nothing stood before the policy" in notes
    assert [change.name for change in compare(*played.values())][-1] == "all"


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_in_which_a_policy_answers_has_such_rows(name: str) -> None:
    procedural = [entry for entry in SUITES[name].entries if "path" not in entry.kwargs]
    if not procedural:
        pytest.skip("its files are not here")
    entry = procedural[-1]
    suite = Suite("one", "", (SuiteEntry("one", entry.env_id, entry.kwargs, entry.split, 1),))
    if "answer" in entry.kwargs.get("phases", ["answer"]):
        result = evaluate("baselines:NoMemory", suite, context="full")
        assert result.failed == []
    else:
        with pytest.raises(ConfigError, match="entry 'one': no answer is asked for, so there is no closed book"):
            evaluate("baselines:NoMemory", suite, context="none")


def test_a_context_changes_nothing_of_what_is_admitted(played: dict[Context, Result], changed: Changed) -> None:
    theirs = changed(played["full"], lambda header, episodes: header["entries"][1]["kwargs"].update(memorizer="x:Y"))
    with pytest.raises(UntrustedError, match="memorizer 'x:Y' is none of memgym's"):
        verify(theirs, trust=Trust(api=True))
