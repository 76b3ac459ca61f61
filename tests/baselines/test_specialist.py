"""Specialist: each kind of task goes to the rules that know it, in every phase."""

from __future__ import annotations

from typing import Any

import pytest

import baselines
from baselines import Specialist
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.tasks import make_task

LONG, BANK = "memgym/Longcontext-v1", "memgym/MemoryBank-v1"
PLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "Diarist": (BANK, {"task": "persona", "difficulty": "easy", "phases": ["extract", "update", "retrieve"]}),
    "Researcher": (LONG, {"task": "multihop", "difficulty": "easy", "memory_tokens": 512}),
    "Finder": (LONG, {"task": "whereabouts", "section_tokens": 40, "memory_tokens": 10}),
    "NeedleMatcher": (LONG, {"task": "ruler", "subtask": "niah_multikey_1", "length": 2000, "section_tokens": 500}),
    "VariableTracer": (LONG, {"task": "ruler", "subtask": "vt", "length": 2000, "section_tokens": 500}),
    "WordCounter": (LONG, {"task": "ruler", "subtask": "cwe", "length": 2000, "section_tokens": 500}),
    "Keeper": (BANK, {"task": "lifecycle", "difficulty": "easy"}),
    "LogReader": (LONG, {"task": "trajectory", "difficulty": "easy", "section_tokens": 1000, "memory_tokens": 2000}),
    "Valet": (BANK, {"task": "preference", "difficulty": "easy", "phases": ["extract", "update", "retrieve"]}),
    "Lexical": (BANK, {"task": "icl", "difficulty": "easy", "phases": ["retrieve"]}),
}


IN_A_BANK: dict[str, tuple[str, dict[str, Any]]] = {"LogReader": (BANK, {"task": "trajectory", "difficulty": "easy"})}


@pytest.mark.parametrize(
    ("expert", "env_id", "kwargs"), [(name, *how) for played in (PLAYED, IN_A_BANK) for name, how in played.items()]
)
def test_it_plays_as_the_expert_does(expert: str, env_id: str, kwargs: dict[str, Any]) -> None:
    suite = Suite("one", "", (SuiteEntry("one", env_id, kwargs, episodes=4),))
    ours, theirs = (evaluate(f"baselines:{name}", suite) for name in ("Specialist", expert))
    assert ours.failed == []
    acted = [[step.action for step in episode.steps] for episode in ours.episodes]
    assert acted == [[step.action for step in episode.steps] for episode in theirs.episodes]


@pytest.mark.parametrize("expert", [name for name in PLAYED if name != "Lexical"])
def test_an_expert_recognises_no_questions_of_other_kinds(expert: str) -> None:
    for other, (_, kwargs) in PLAYED.items():
        options = {name: value for name, value in kwargs.items() if name in ("difficulty", "subtask", "length")}
        task = make_task(kwargs["task"], **options)
        questions = [question.text for i in range(10) for question in task.episode("test", i).questions]
        found = [getattr(baselines, expert).recognises(question) for question in questions]
        if expert == "Diarist":  # it recognises what is told, not what is asked
            continue
        assert all(found) if other == expert else not any(found), (other, questions[0])


def test_others_are_left_to_lexical() -> None:
    assert not any(expert.recognises("Who was Ana Brandt's teacher?") for expert in Specialist().experts)
