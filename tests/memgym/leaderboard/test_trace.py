"""What a replay brings out: each phase, the memory after it, and what changed."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest

from memgym.bank import MemoryRecord
from memgym.envs.base import MemoryEnv
from memgym.errors import DataError
from memgym.leaderboard.evaluate import record_episode, record_step
from memgym.leaderboard.files import Result
from memgym.leaderboard.suite import Suite
from memgym.leaderboard.trace import Trace, _changes, memory_of, trace, unjudged_env
from memgym.leaderboard.trust import STRICT
from memgym.operators.phase_policy import PhasePolicy
from memgym.playing import Job, play
from memgym.registration import make


def traced(result: Result, entry: str) -> Trace:
    env = unjudged_env(result.header, result.header.entry(entry), STRICT, {})
    return trace(env, result.of(entry)[0])


def test_the_changes_lead_from_one_memory_to_the_next(played: Result, tiny: Suite) -> None:
    found = traced(played, "bank")
    assert not found.differs
    memory: dict[str, Any] = {}
    for step in found.steps:
        for change in step.changes:
            memory.pop(change.id, None)
            if change.new:
                memory[change.id] = change.new
        assert memory == {record.id: record for record in step.memory}
    assert any(change.op == "ADD" for step in found.steps for change in step.changes)


def test_lines_of_a_text_are_added_and_deleted(played: Result, tiny: Suite) -> None:
    found = traced(played, "long")
    lines: list[str] = []
    for step in found.steps:
        gone = [change.old.text for change in step.changes if change.old]
        new = [change.new.text for change in step.changes if change.new]
        kept = [line for line in lines if line not in gone]
        assert sorted([*kept, *new]) == sorted(record.text for record in step.memory)
        lines = [record.text for record in step.memory]


def test_lines_that_are_moved_are_not_changed(played: Result, tiny: Suite) -> None:
    a, b, c = (MemoryRecord("", "", text) for text in "abc")
    found = list(_changes((a, b, a), (b, a, c)))
    assert [(change.op, (change.new or change.old).text) for change in found] == [("DELETE", "a"), ("ADD", "c")]  # type: ignore[union-attr]


def test_questions_have_what_was_found_kept_and_scored(played: Result, tiny: Suite) -> None:
    steps = traced(played, "bank").steps
    recorded = [answer for step in played.of("bank")[0].steps for answer in step.answers]
    answers = [step for step in steps if step.phase == "answer"]
    assert [step.scores for step in answers] == [answer.scores for answer in recorded]
    for found, kept in zip((step for step in steps if step.phase == "retrieve"), answers, strict=True):
        assert found.question == kept.question
        assert 0 < len(kept.shown) <= 20 <= len(found.shown)


def test_phases_of_operators_are_traced_too(played: Result) -> None:
    env = make("memgym/MemoryBank-v1", task="persona", difficulty="easy", questions=1, phases=["retrieve"])
    phases: list[tuple[str, int]] = []
    for _ in range(2):  # the second time the environment knows the opening, and plays it again all the same
        twin = env.spawn()
        twin.watcher = lambda shown, action, error, twin=twin: phases.append((shown.phase, len(memory_of(twin))))
        twin.reset(options={"index": 0})
    first = phases[: len(phases) // 2]
    assert phases == first * 2
    assert {phase for phase, _ in first} == {"extract", "update"}
    assert first[-1][1] > 0


def test_citations_are_read() -> None:
    kwargs: dict[str, Any] = {"task": "persona", "difficulty": "easy", "questions": 1, "answer_format": "json"}
    env = make("memgym/MemoryBank-v1", **kwargs)
    found = trace(env, _played(env, lambda: json.dumps({"answer": "x", "cited_ids": ["m1"]})))
    assert found.steps[-1].cited == ("m1",)


def test_a_changed_action_and_one_too_many_are_noticed(played: Result, tiny: Suite) -> None:
    env = unjudged_env(played.header, played.header.entry("long"), STRICT, {})
    record = played.of("long")[0]
    empty = [msgspec.structs.replace(step, action="") for step in record.steps]
    assert trace(env, msgspec.structs.replace(record, steps=empty)).differs
    with pytest.raises(DataError, match="after the episode's end"):
        trace(env, msgspec.structs.replace(record, steps=[*record.steps, record.steps[-1]]))


def _played(env: MemoryEnv, answer: Any) -> Any:
    """Play an episode by the defaults, with answers of ``answer``, and return its record."""
    policy = PhasePolicy()
    policy.answer = lambda observation: answer()  # type: ignore[method-assign]
    (played,) = play(policy, env, [Job(0, 0)], keep=partial(record_step, env))
    return record_episode("entry", played)
