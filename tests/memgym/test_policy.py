from __future__ import annotations

from pathlib import Path

import pytest

from memgym import Block, Observation, PhasePolicy, Policy, load_policy
from memgym.errors import ConfigError


class Echo(Policy):
    """Answers with what it sees."""

    def act(self, observation: str) -> str:
        return observation


class Shouting(PhasePolicy):
    """Overrides one phase."""

    def answer(self, observation: Observation) -> str:
        return observation.question.upper()


def test_act_many_is_a_loop_by_default() -> None:
    assert Echo().act_many(["a", "b"]) == ["a", "b"]
    assert Echo().act_many([]) == []


def test_a_phase_policy_calls_the_method_of_the_phase() -> None:
    policy = Shouting()
    assert policy.act(str(Observation("answer", blocks=(Block("question", "who?"),)))) == "WHO?"
    observation = Observation("read", blocks=(Block("memory", "a"), Block("section", "b")))
    assert policy.act(str(observation)) == "a\nb"


def test_a_phase_policy_plays_operators_by_default() -> None:
    turn = Block("turn", "I live in Lisbon.", {"id": "D1:1", "speaker": "Mira"})
    assert PhasePolicy().act(str(Observation("extract", blocks=(turn,)))) == (
        '{"memory_list": [{"value": "Mira: I live in Lisbon.", "source": ["D1:1"]}]}'
    )
    candidates = (Block("candidate", "x", {"id": "c1"}), Block("candidate", "x", {"id": "c2"}))
    assert PhasePolicy().act(str(Observation("update", blocks=candidates))) == (
        '{"operations": [{"id": "c1", "op": "ADD"}, {"id": "c2", "op": "ADD"}]}'
    )
    memories = (Block("question", "Where?"), Block("memory", "x", {"id": "m2"}), Block("memory", "y", {"id": "m1"}))
    assert PhasePolicy().act(str(Observation("retrieve", blocks=memories))) == '["m2", "m1"]'


def test_policies_are_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loaded_policy.py").write_text(
        "from memgym import Policy\n"
        "class Constant(Policy):\n"
        "    def __init__(self, text='x'):\n"
        "        self.text = text\n"
        "    def act(self, observation):\n"
        "        return self.text\n"
        "class Half(Policy):\n"
        "    pass\n"
        "class NoPolicy:\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load_policy("loaded_policy:Constant").act("") == "x"
    assert load_policy("loaded_policy:Constant", text="y").act("") == "y"
    for entry_point, options, message in [
        ("loaded_policy:Constant", {"txt": "y"}, "unexpected keyword argument 'txt'"),
        ("loaded_policy:Half", {}, "abstract"),
        ("loaded_policy:NoPolicy", {}, "not a subclass of memgym.Policy"),
        ("loaded_policy:Missing", {}, "unknown name in module loaded_policy: 'Missing'"),
    ]:
        with pytest.raises(ConfigError, match=message):
            load_policy(entry_point, **options)


@pytest.mark.parametrize(
    "entry_point", ["", ":", ":X", "nowhere", "nowhere:X", ".relative:X", "json:", "memgym:PHASES"]
)
def test_bad_entry_points_are_refused(entry_point: str) -> None:
    with pytest.raises(ConfigError, match=r"policy|memgym.Policy"):
        load_policy(entry_point)
