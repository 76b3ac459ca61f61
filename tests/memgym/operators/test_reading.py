from __future__ import annotations

import json
from typing import Any

import pytest

from memgym import Block, Observation
from memgym.errors import ConfigError
from memgym.operators import OPERATORS, ROLES, extractive, get_operator, supported, write_answer
from memgym.scoring.abstention import ABSTENTION, abstains


def asked(question: str, *memories: str, answer_format: str = "plain", **gold: Any) -> Observation:
    blocks = [Block("question", question, {"format": answer_format})]
    blocks += [Block("memory", text, {"id": f"m{i}"}) for i, text in enumerate(memories, 1)]
    if gold:
        shown = {"answers": ["Lisbon"], "match": "any", "answerable": True, "evidence": [], **gold}
        blocks.append(Block("gold", json.dumps(shown)))
    return Observation("answer", blocks=tuple(blocks))


def test_answers_are_written_in_the_asked_format() -> None:
    assert write_answer(asked("?"), 'a "b"') == 'a "b"'
    assert write_answer(asked("?", answer_format="boxed"), "a {b}") == r"\boxed{a {b}}"
    written = write_answer(asked("?", answer_format="json"), 'a "b"', ["m1"])
    assert json.loads(written) == {"answer": 'a "b"', "cited_ids": ["m1"]}
    assert write_answer(Observation("answer"), "x") == "x"


def test_what_follows_is_said() -> None:
    """What follows is worked out by the environment, see ``tests/memgym/scoring/test_support.py``."""
    assert supported(asked("Where?", "x", follows=["Lisbon"])) == "Lisbon"
    assert supported(asked("Where?", "x", follows=["Lisbon", "Porto"])) == "Lisbon, Porto"
    assert supported(asked("Where?", "x", follows=[])) == ABSTENTION
    with pytest.raises(ValueError, match="needs the <gold> block"):
        supported(asked("Where?", "x"))


@pytest.mark.parametrize(
    ("question", "memory", "answer"),
    [
        ("Where does Mira live?", "Ben: Mira lives in Lisbon now.", "Lisbon"),
        ("When did Mira move?", "Mira: I move house on 5 March 2024.", "5 March 2024"),
        ("How many cats does Ben have?", "Ben: I have three cats.", "three"),
        ("What time is the appointment?", "Mira: The appointment is at 15:30.", "15:30"),
        ("Is Olive a cat?", "Ben: Olive is a cat.", "yes"),
        ("Which came first, the dog or the cat?", "Ben: the cat came first", "the cat"),
    ],
)
def test_the_kind_of_question_sets_the_kind_of_answer(question: str, memory: str, answer: str) -> None:
    assert extractive(asked(question, "It rains.", memory)) == answer
    cited = json.loads(extractive(asked(question, "It rains.", memory, answer_format="json")))
    assert cited == {"answer": answer, "cited_ids": ["m2"]}


def test_without_a_fitting_memory_the_reader_abstains() -> None:
    for memories in ([], ["It rains."], [""]):
        answer = extractive(asked("Where does Mira live?", *memories))
        assert answer == ABSTENTION
        assert abstains(answer)


def test_operators_by_name() -> None:
    for phase, named in OPERATORS.items():
        for name, operator in named.items():
            assert get_operator(phase, name) is operator
        with pytest.raises(ConfigError, match=f"unknown {ROLES[phase]} 'nobody'"):
            get_operator(phase, "nobody")
    policy = get_operator("retrieve", "baselines:NoMemory")
    assert policy.play(asked("?")) == ABSTENTION
    with pytest.raises(ConfigError, match="cannot load policy 'api:x'"):
        get_operator("retrieve", "api:x")  # an endpoint answers; it does not retrieve
