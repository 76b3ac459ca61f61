"""The bank environment on a small episode: the states shown, and every score computed by hand."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from memgym import Observation, PhasePolicy
from memgym.envs import MemoryBankEnv, ledger
from memgym.envs.base import MemoryEnv
from memgym.operators import extractive, supported
from memgym.protocol.plans import used_tokens

SAID = 4 + 8 + 5 + 5
"""Tokens of the four turns: of 16, 29, 18 and 20 letters."""


def step(env: gym.Env, action: Any) -> tuple[Observation | None, float, dict[str, Any]]:
    text = action if isinstance(action, str) else json.dumps(action)
    observation, reward, done, _, info = env.step(text)
    assert done == (observation == "")
    return (None if done else Observation.parse(observation)), reward, info


def extract(*values: str | dict[str, Any]) -> dict[str, Any]:
    return {"memory_list": [{"value": value} if isinstance(value, str) else value for value in values]}


def plan(*operations: tuple[str, ...]) -> dict[str, Any]:
    names = ("id", "op", "value", "key")
    return {"operations": [dict(zip(names, operation, strict=False)) for operation in operations]}


def texts(env: gym.Env) -> dict[str, str]:
    return {record.id: record.text for record in env.unwrapped.bank.get_all()}


def skip_to_questions(env: gym.Env, *values: Any) -> Observation:
    """Store the values in the first session, nothing in the second, and go on to the first question."""
    env.reset()
    step(env, extract(*values))
    step(env, plan(*((f"c{i}", "ADD") for i in range(1, len(values) + 1))))
    assert len(env.unwrapped.bank) == len(values)
    step(env, extract())
    observation, _, _ = step(env, plan())
    assert observation.phase == "retrieve"
    return observation


def test_a_whole_episode_by_hand(make_mira: Any) -> None:
    env = make_mira("MemoryBank", answer_format="json", retrieve_k=4, answer_k=1)
    text, info = env.reset()
    assert text == (
        "<phase>extract</phase>\n<time>2024-01-01</time>\n"
        '<turn id="a" speaker="Mira">I live in Porto.</turn>\n'
        '<turn id="b" speaker="Ben">I adopted a cat called Olive.</turn>'
    )
    assert info == {
        "phase": "extract",
        "index": 0,
        "privileged": False,
        "episode_id": "mira",
        "split": "all",
        "operator_errors": [],
        "overflow": False,
    }

    home = {"key": "home", "value": "Mira lives in Porto", "tags": ["place"], "memory_type": "fact", "source": ["a"]}
    observation, reward, info = step(env, extract(home, "Ben has a cat called Olive"))
    assert str(observation) == (
        "<phase>update</phase>\n<time>2024-01-01</time>\n"
        '<candidate id="c1" key="home" type="fact" tags="place">Mira lives in Porto</candidate>\n'
        '<candidate id="c2">Ben has a cat called Olive</candidate>'
    )
    assert reward == pytest.approx(0.1)  # format alone
    assert info["rewards"]["operation_validity"] == 0.0  # no plan was played

    observation, _, info = step(env, plan(("c1", "ADD"), ("c2", "ADD", "a cat called Olive", "pet of Ben")))
    assert info["rewards"]["operation_validity"] == 1.0
    assert texts(env) == {"m1": "home: Mira lives in Porto", "m2": "pet of Ben: a cat called Olive"}
    record = env.unwrapped.bank.get("m2")
    assert (record.source, record.created_at) == (("b",), "2024-01-01")  # it shares most words with turn b

    observation, _, _ = step(env, extract("Mira lives in Lisbon"))
    assert [block.id for block in observation.candidates] == ["c1"]
    shown = observation.memories[0]
    assert (shown.id, shown.text) == ("m1", "Mira lives in Porto")
    assert shown.attributes["time"] == "2024-01-01"

    observation, _, info = step(env, plan(("m1", "UPDATE", "Mira moved to Lisbon"), ("c1", "NONE")))
    assert texts(env)["m1"] == "home: Mira moved to Lisbon"
    record = env.unwrapped.bank.get("m1")
    assert (record.source, record.updated_at) == (("a", "c"), "2024-02-01")
    assert record.tags == ("place",)

    assert observation.phase == "retrieve"
    assert observation.question == "Where does Mira live?"
    assert {block.id for block in observation.memories} == {"m1", "m2"}
    observation, _, info = step(env, ["m1", "m2"])
    assert info["rewards"]["evidence_recall"] == 1.0  # turn c
    assert [block.id for block in observation.memories] == ["m1"]  # answer_k is 1
    assert observation.first("question").attributes["format"] == "json"
    _, reward, info = step(env, {"answer": "lisbon.", "cited_ids": ["m1"]})
    assert (info["rewards"]["answer"], info["rewards"]["citation_precision"]) == (1.0, 1.0)
    assert reward == pytest.approx(1.1)

    step(env, ["m2", "m1"])
    _, _, info = step(env, {"answer": "the Olive", "cited_ids": ["m1", "m2"]})  # m1 was not kept: half the citations
    assert (info["rewards"]["answer"], info["rewards"]["citation_precision"]) == (1.0, 0.5)

    step(env, [])
    observation, reward, info = step(env, {"answer": "unknown"})
    assert observation is None
    assert info["rewards"] == {
        "answer": 1.0,
        "format": 1.0,
        "evidence_recall": 0.0,
        "citation_precision": 0.0,
        "operation_validity": 0.0,
        "memory_recall": 1.0,  # Lisbon and Olive; Porto holds no longer
        "memory_precision": 1.0,
        "compression": pytest.approx(1 - (11 + 8) / SAID),
        "memory_share": pytest.approx((11 + 8) / SAID),
        "extraction_recall": 1.0,
        "extraction_precision": 1.0,
        "update_accuracy": 1.0,  # Lisbon stands where Porto stood
        "faithfulness": 0.0,  # there is no lure
        "deletion": 0.0,  # nor anything to forget
        "freshness": 0.0,  # no retrieval
        "token_cost": pytest.approx(len('{"answer": "unknown"}') / 4 / 1024, rel=0.2),
    }
    assert reward == pytest.approx(1.1)


def test_evidence_recall_and_citations_of_partial_retrievals(make_mira: Any) -> None:
    env = make_mira("MemoryBank", answer_format="json")
    skip_to_questions(env, {"value": "x", "source": ["a"]}, {"value": "Ben got a cat: Olive", "source": ["b"]}, "y")
    _, _, info = step(env, ["m1", "m2"])
    assert info["rewards"]["evidence_recall"] == 0.0  # the evidence is turn c
    _, _, info = step(env, {"answer": "Porto"})
    assert (info["rewards"]["answer"], info["rewards"]["citation_precision"]) == (0.0, 0.0)  # cites nothing
    _, _, info = step(env, ["m1", "m2"])
    assert info["rewards"]["evidence_recall"] == 1.0
    _, _, info = step(env, {"answer": "Olive", "cited_ids": ["m1", "m2", "m77", "m3"]})
    assert info["rewards"]["citation_precision"] == 0.25
    assert info["answers"] == [
        {
            "question_id": "mira-q1",
            "category": "pet",
            "answer": "Olive",
            "scores": {
                "answer": 1.0,
                "f1": 1.0,
                "evidence_recall": 1.0,
                "reciprocal_rank": 0.5,
                "citation_precision": 0.25,
                "citation_f1": 0.4,
            },
        }
    ]


def test_memory_recall_and_precision(make_mira: Any) -> None:
    env = make_mira("MemoryBank").unwrapped
    skip_to_questions(env, "Mira: Porto", "Ben: a cat, Olive")
    assert _of_the_memory(env) == {
        "memory_recall": 0.5,  # Olive, not Lisbon
        "memory_precision": 0.5,  # few words, times the recall
        "compression": pytest.approx(0.5 - (4 + 5) / SAID),  # each with its source, if it has one
        "memory_share": pytest.approx((4 + 5) / SAID),
    }
    skip_to_questions(env, "x" * 1000)
    nothing = {"memory_recall": 0.0, "memory_precision": 0.0, "compression": 0.0, "memory_share": 1.0}
    assert _of_the_memory(env) == nothing


def _of_the_memory(env: MemoryBankEnv) -> dict[str, float]:
    """Return the potentials but those of its history, which test_ledger.py computes."""
    return {name: value for name, value in env.potentials().items() if name not in ledger.NAMES}


def test_recall_counts_the_facts_that_hold_by_now(make_mira: Any) -> None:
    env = make_mira("MemoryBank").unwrapped
    env.reset()
    step(env, extract("Mira: Porto"))
    step(env, plan(("c1", "ADD")))
    assert env.potentials()["memory_recall"] == 0.5  # Porto and Olive hold after the first session
    step(env, extract())
    step(env, plan())
    assert env.potentials()["memory_recall"] == 0.0  # Lisbon and Olive after the second


@pytest.mark.parametrize(
    ("action", "validity", "error"),
    [
        (plan(("c1", "ADD"), ("c2", "ADD"), ("m1", "UPDATE", "x"), ("m9", "DELETE")), 0.75, "'m9' is neither"),
        (plan(("c1", "ADD"), ("c1", "NOOP")), 0.5, "'c1' has an operation already"),
        (plan(("m1", "DELETE"), ("c1", "DELETE")), 0.5, "DELETE takes the id of a memory"),
        ({"operations": [{"id": "c1", "op": "ADD"}, "junk"]}, 0.5, "must be an object"),
        ({"operations": ["junk"]}, 0.0, "must be an object"),
        ({"plan": []}, 0.0, "has no field 'plan'"),
        ("no plan", 0.0, "no JSON object"),
    ],
)
def test_a_plan_applies_whole_or_not_at_all(make_mira: Any, action: Any, validity: float, error: str) -> None:
    env = make_mira("MemoryBank")
    env.reset()
    step(env, extract("one"))
    step(env, plan(("c1", "ADD")))
    step(env, extract("two", "three"))
    before = env.unwrapped.bank.get_all()
    observation, _, info = step(env, action)
    assert info["rewards"]["operation_validity"] == validity
    assert info["rewards"]["format"] == 0.0
    assert error in info["action_error"]
    assert env.unwrapped.bank.get_all() == before
    assert observation.phase == "retrieve"  # the candidates are gone, the episode goes on


def test_an_empty_plan_is_valid_and_drops_the_candidates(make_mira: Any) -> None:
    env = make_mira("MemoryBank")
    env.reset()
    step(env, extract("one"))
    _, _, info = step(env, plan())
    assert (info["rewards"]["operation_validity"], info["rewards"]["format"]) == (1.0, 1.0)
    assert texts(env) == {}


@pytest.mark.parametrize("nothing", [extract(), "nonsense"])
def test_who_extracts_and_updates_plays_both_in_every_session(make_mira: Any, nothing: Any) -> None:
    """Else a junk memory, dropped at once, would earn the format of another step."""
    env = make_mira("MemoryBank")
    env.reset()
    observation, _, _ = step(env, nothing)
    assert (observation.phase, observation.candidates, observation.memories) == ("update", [], [])
    observation, _, info = step(env, plan())
    assert observation.phase == "extract"
    assert (info["rewards"]["operation_validity"], info["rewards"]["format"]) == (1.0, 1.0)


@pytest.mark.parametrize("phases", [("extract", "retrieve"), ("extract", "answer")])
def test_without_candidates_the_environment_has_nothing_to_update(make_mira: Any, phases: tuple[str, ...]) -> None:
    env = make_mira("MemoryBank", phases=phases)
    env.reset()
    step(env, extract())
    observation, _, _ = step(env, extract())
    assert observation.phase == phases[1]


def test_the_budget_cuts_and_flags(make_mira: Any) -> None:
    env = make_mira("MemoryBank", memory_tokens=4)  # 16 characters
    observation, _ = env.reset()
    assert Observation.parse(observation).first("budget").attributes == {"tokens": "4", "used": "0", "counter": "chars"}
    step(env, extract("12345678", {"key": "k", "value": "abcdefgh"}, "too much"))
    observation, _, info = step(env, plan(("c1", "ADD"), ("c2", "ADD"), ("c3", "ADD")))
    assert info["overflow"] is True
    assert info["action_error"] == ""
    assert texts(env) == {"m1": "12345678", "m2": "k: abcde"}
    assert observation.first("budget").attributes["used"] == "4"
    step(env, extract("new"))
    _, _, info = step(env, plan(("m1", "DELETE"), ("c1", "ADD")))
    assert info["overflow"] is False
    assert texts(env) == {"m2": "k: abcde", "m3": "new"}


def test_an_update_beyond_the_budget_is_cut(make_mira: Any) -> None:
    env = make_mira("MemoryBank", memory_tokens=3)
    env.reset()
    step(env, extract("12345678"))
    step(env, plan(("c1", "ADD")))
    step(env, extract("x"))
    _, _, info = step(env, plan(("m1", "UPDATE", "abcdefghijklmnop")))
    assert info["overflow"] is True
    assert texts(env) == {"m1": "abcdefghijkl"}


def test_token_cost(make_mira: Any) -> None:
    env = make_mira("MemoryBank", action_tokens=10)
    env.reset()
    assert step(env, "x" * 18)[2]["rewards"]["token_cost"] == 0.5  # 4.5 is counted as 5
    assert step(env, "x" * 1000)[2]["rewards"]["token_cost"] == 1.0
    env.reset()
    assert env.step(None)[4]["rewards"]["token_cost"] == 0.0


def test_a_bad_retrieval_or_answer_keeps_and_answers_nothing(make_mira: Any) -> None:
    env = make_mira("MemoryBank")
    skip_to_questions(env, "Lisbon")
    observation, _, info = step(env, ["m1", "m7"])
    assert "'m7'" in info["action_error"]
    assert observation.memories == []
    assert info["rewards"]["evidence_recall"] == 0.0
    _, reward, info = step(env, "  ")
    assert info["action_error"] == "the answer is empty"
    assert info["answers"][0]["answer"] == ""
    assert reward == 0.0


def test_weights_make_the_reward(make_mira: Any) -> None:
    weights = {"answer": 2, "format": 0.25, "token_cost": -0.5, "evidence_recall": 0.125, "memory_recall": 3.0}
    env, policy = make_mira("MemoryBank", reward_weights=weights), PhasePolicy()
    observation, _ = env.reset()
    done, nonzero = False, set()
    while not done:
        observation, reward, done, _, info = env.step(policy.act(observation))
        assert reward == pytest.approx(
            sum(weight * info["rewards"][name] for name, weight in weights.items()), abs=1e-12
        )
        nonzero |= {name for name, value in info["rewards"].items() if value}
    assert nonzero >= set(weights)


class Operators(PhasePolicy):
    """Plays what the environment would, through the agent's door. The reader needs the gold channel."""

    def __init__(self, reader: Any):
        self.answer = reader


def episode(env: gym.Env, policy: PhasePolicy, index: int) -> tuple[list[Any], list[Any], dict[str, float]]:
    """Return the bank, the answers and the last step's memory scores."""
    observation, _ = env.reset(options={"index": index})
    answers, done = [], False
    while not done:
        observation, _, done, _, info = env.step(policy.act(observation))
        assert not info["action_error"]
        assert not info["operator_errors"]
        answers += info["answers"]
    names = ("memory_recall", "memory_precision", "compression", "memory_share")
    return env.unwrapped.bank.get_all(), answers, {name: info["rewards"][name] for name in names}


@pytest.mark.parametrize(
    "phases",
    ["extract", "update", "retrieve", "answer", "extract update", "extract answer", "update retrieve"],
)
@pytest.mark.parametrize("reader", [supported, extractive], ids=["supported", "extractive"])
def test_who_plays_a_phase_makes_no_difference(phases: str, reader: Any) -> None:
    options = {"task": "persona", "difficulty": "easy", "reader": reader.__name__, "reveal_gold": reader is supported}
    whole = gym.make("memgym/MemoryBank-v1", **options)
    part = gym.make("memgym/MemoryBank-v1", phases=phases.split(), **options)
    for index in range(2):
        expected = episode(whole, Operators(reader), index)
        assert episode(part, Operators(reader), index) == expected
        assert expected[0]
        assert len({answer["answer"] for answer in expected[1]}) > 1


POLICY = "import json, memgym\nclass {name}(memgym.Policy):\n    def act(self, observation):\n        return {action}\n"


def test_a_policy_as_an_operator_sees_no_gold(make_mira: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the agent does."""
    action = "json.dumps({'memory_list': [{'value': observation}]})"
    (tmp_path / "spy_policy.py").write_text(POLICY.format(name="Spy", action=action))
    monkeypatch.syspath_prepend(tmp_path)
    env = make_mira("MemoryBank", phases=["answer"], extractor="spy_policy:Spy", reveal_gold=True)
    env.reset()
    seen = [record.value for record in env.unwrapped.bank.get_all()]
    assert [Observation.parse(text).phase for text in seen] == ["extract", "extract"]
    assert not any("<gold>" in text for text in seen)


def test_a_policy_plays_as_an_operator(make_mira: Any) -> None:
    env = make_mira("MemoryBank", phases=["answer"], retriever="baselines:Recency", instructions=True)
    observation, _ = env.reset()
    parsed = Observation.parse(observation)
    assert parsed.first("gold") is None
    assert parsed.task
    # m3 and m4 are the turns c and d; the newest comes first.
    assert [block.id for block in parsed.memories] == ["m4", "m3", "m2", "m1"]


def test_what_an_operator_does_wrong_is_reported(
    make_mira: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mute_policy.py").write_text(POLICY.format(name="Mute", action="'hm'"))
    monkeypatch.syspath_prepend(tmp_path)
    env = make_mira("MemoryBank", phases=["answer"], extractor="mute_policy:Mute", retriever="mute_policy:Mute")
    _, info = env.reset()
    assert info["operator_errors"] == ["extractor: no JSON object found"] * 2 + ["retriever: no JSON list found"]
    _, _, info = step(env, "Lisbon")
    assert info["operator_errors"] == ["retriever: no JSON list found"]
    assert info["action_error"] == ""


def test_several_questions_in_one_step_are_averaged(make_mira: Any) -> None:
    env = make_mira("MemoryBank", phases=["extract"])
    env.reset()
    step(env, extract())
    _, reward, info = step(env, extract("Mira moved to Lisbon", "the weather"))
    scores = [answer["scores"]["answer"] for answer in info["answers"]]
    assert scores == [1.0, 0.0, 1.0]  # Lisbon is in the bank, Olive is not, and of the third nothing is
    assert info["rewards"]["answer"] == pytest.approx(2 / 3)
    assert info["rewards"]["evidence_recall"] == 0.5
    assert reward == pytest.approx(2 / 3 + 0.1)


def test_the_gold_channel(make_mira: Any) -> None:
    env = make_mira("MemoryBank", reveal_gold=True)
    observation, _ = env.reset()

    def gold(observation: Observation) -> Any:
        return json.loads(observation.first("gold").text)

    assert gold(Observation.parse(observation)) == {"evidence": ["b"], "asked": {"What is Ben's cat called?": ["b"]}}
    observation, _, _ = step(env, extract("a cat called Olive"))
    assert gold(observation) == {"relevant": ["c1"]}
    step(env, plan(("c1", "ADD")))
    observation, _, _ = step(env, extract())
    assert gold(observation) == {"relevant": []}
    step(env, plan())
    observation, _, _ = step(env, [])
    assert gold(observation)["answers"] == ["Lisbon", "Lisboa"]
    hidden = make_mira("MemoryBank")
    assert "<gold>" not in hidden.reset()[0]


def test_sections_are_played_as_sessions(write_rows: Any) -> None:
    path = write_rows(
        {"sections": ["Alpha is one.", "Beta is two."], "questions": ["What is beta?"], "answers": ["two"]}
    )
    env = gym.make("memgym/MemoryBank-v1", task="custom", path=path, phases=["answer"], instructions=False)
    observation, _ = env.reset()
    assert [block.text for block in Observation.parse(observation).memories] == [
        "document: Beta is two.",
        "document: Alpha is one.",
    ]


def test_episodes_side_by_side_do_not_touch_each_other(make_mira: Any) -> None:
    first = make_mira("MemoryBank").unwrapped
    second = first.spawn()
    with pytest.raises(gym.error.ResetNeeded):
        second.step("x")
    skip_to_questions(first, "one")
    skip_to_questions(second, "two", "three")
    assert texts(first) == {"m1": "one"}
    assert texts(second) == {"m1": "two", "m2": "three"}
    assert first.np_random is not second.np_random


def test_the_documentation_lists_every_reward_phase_and_argument() -> None:
    page = inspect.getdoc(MemoryBankEnv)
    for name in (*MemoryBankEnv.reward_names, *MemoryBankEnv.all_phases):
        assert f"| `{name}` |" in page
    own, shared = (inspect.signature(cls).parameters.values() for cls in (MemoryBankEnv, MemoryEnv))
    for parameter in (*own, *shared):
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and parameter.name != "operators":
            assert f"\n    {parameter.name}: " in page


def test_records_without_content_that_name_every_turn_have_no_credit(make_mira: Any) -> None:
    env = make_mira("MemoryBank", answer_format="json")
    observation = skip_to_questions(env, {"value": "x", "source": ["a", "b"]}, {"value": "?", "source": ["a", "b"]})
    for _ in range(3):
        ids = [block.id for block in observation.memories]
        _, _, retrieved = step(env, ids)
        observation, _, answered = step(env, {"answer": "Olive", "cited_ids": ids})
        assert retrieved["rewards"]["evidence_recall"] == 0.0
        assert answered["rewards"]["citation_precision"] == 0.0


def test_a_memory_that_is_rewritten_loses_the_credit_of_what_it_no_longer_carries(make_mira: Any) -> None:
    env = make_mira("MemoryBank")
    env.reset()
    step(env, extract("Ben adopted a cat called Olive"))
    step(env, plan(("c1", "ADD")))
    step(env, extract("Mira moved to Lisbon"))
    step(env, plan(("m1", "UPDATE", "Mira moved to Lisbon")))
    assert env.unwrapped.bank.get("m1").source == ("b", "c")
    found = []
    for _ in range(2):  # where Mira lives, and what Ben's cat is called
        found.append(step(env, ["m1"])[2]["rewards"]["evidence_recall"])
        step(env, "x")
    assert found == [1.0, 0.0]


@pytest.mark.parametrize("field", ["key", "memory_type", "tags", "value"])
def test_no_field_carries_more_than_the_budget(make_mira: Any, field: str) -> None:
    env = make_mira("MemoryBank", memory_tokens=16)
    env.reset()
    hidden = "Mira moved to Lisbon; " * 40
    memory = {"value": "x", **{field: [hidden] if field == "tags" else hidden}}
    step(env, extract(memory, memory))
    _, _, info = step(env, plan(("c1", "ADD"), ("c2", "ADD")))
    assert info["overflow"]
    assert used_tokens(env.unwrapped.bank, env.unwrapped.counter) <= 16
    assert sum(len(record.cost_text) for record in env.unwrapped.bank.get_all()) <= 64


def test_an_answer_rests_on_what_is_shown_of_a_long_memory(make_mira: Any) -> None:
    filler = "We spoke about nothing in particular. " * 30
    env = make_mira("MemoryBank", answer_tokens=20)
    skip_to_questions(env, f"{filler}Ben adopted a cat called Olive.")
    for expected in (0.0, 0.0):
        observation, _, info = step(env, ["m1"])
        assert info["rewards"]["evidence_recall"] == expected
        assert len(observation.memories[0].text) <= 80
        step(env, "x")
