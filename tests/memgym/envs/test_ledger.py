"""What a bank did with facts, computed by hand: told, overtaken, forgotten, and never so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest

from memgym import Observation, PhasePolicy
from memgym.envs.ledger import NAMES

Plan = dict[str, Any]
TURNS = (
    ("a", "I live in Porto, and my bank card ends in Rumpelstiltskin."),
    ("b", "I moved to Lisbon. If I lived in Tokyo, I would be rich."),
    ("c", "Please forget what my bank card ends in."),
    ("d", "Nothing new, we live in hope."),
)
ROW = {
    "id": "mira",
    "sessions": [{"turns": [{"id": name, "speaker": "Mira", "text": text}]} for name, text in TURNS],
    "questions": ["Where does Mira live?", "What does Mira's card end in?"],
    "answers": ["Lisbon", None],
    "evidence": [["b"], ["c"]],
    "facts": [
        {"subject": "Mira", "relation": "home", "value": "Porto", "source": "a", "until": "b"},
        {"subject": "Mira", "relation": "home", "value": "Lisbon", "source": "b"},
        {
            "subject": "Mira",
            "relation": "card",
            "value": "Rumpelstiltskin",
            "source": "a",
            "until": "c",
            "forgotten": True,
        },
    ],
    "lures": [{"subject": "Mira", "relation": "home", "value": "Tokyo", "source": "b"}],
}
HOME, CARD = {"value": "Mira: Porto"}, {"value": "Mira: card Rumpelstiltskin"}


@pytest.fixture
def play(write_rows: Callable[..., str]) -> Callable[..., dict[str, float]]:
    """Play a session for each pair of what is extracted and what is planned, and return the scores of the end."""

    def played(*sessions: tuple[list[Plan], list[Plan]], row: dict[str, Any] = ROW) -> dict[str, float]:
        path = write_rows(row)
        env = gym.make("memgym/MemoryBank-v1", task="custom", path=path, instructions=False, disable_env_checker=True)
        env.reset(options={"index": 0})
        for extracted, planned in [*sessions, *[([], [])] * (len(TURNS) - len(sessions))]:
            env.step(json.dumps({"memory_list": extracted}))
            observation, _, _, _, info = env.step(json.dumps({"operations": planned}))
            assert not info["action_error"]
        assert Observation.parse(observation).phase == "retrieve"
        return env.unwrapped.potentials()

    return played


def add(*names: str) -> list[Plan]:
    return [{"id": name, "op": "ADD"} for name in names]


def update(name: str, value: str, **more: str) -> Plan:
    return {"id": name, "op": "UPDATE", "value": value, **more}


FIRST = ([HOME, CARD], add("c1", "c2"))
SECOND = ([{"value": "Mira: Lisbon"}], [update("m1", "Mira: Lisbon")])
THIRD = ([{"value": "Mira: card"}], [{"id": "m2", "op": "DELETE"}])


def test_who_does_everything_right_gets_everything(play: Any) -> None:
    assert {name: play(FIRST, SECOND, THIRD)[name] for name in NAMES} == dict.fromkeys(NAMES, 1.0)


def test_who_does_nothing_gets_nothing(play: Any) -> None:
    assert {name: play()[name] for name in NAMES} == dict.fromkeys(NAMES, 0.0)


def test_a_fact_counts_that_is_kept_from_its_first_session_to_its_last(play: Any) -> None:
    late = ([HOME, CARD, {"value": "Mira: Lisbon"}], [*add("c2", "c3"), update("m1", "Mira: nothing")])
    assert play(([HOME], add("c1")), late)["extraction_recall"] == pytest.approx(2 / 3)  # not the card
    gone = ([{"value": "Mira: Lisbon"}], [{"id": "m1", "op": "DELETE"}])
    assert play(FIRST, SECOND, gone)["extraction_recall"] == pytest.approx(2 / 3)  # Lisbon holds to the end


def test_what_is_written_again_and_again_is_not_precise(play: Any) -> None:
    noise = "Mira: Lisbon " + "noise " * 60
    # The card's number is as long as two words.
    once = play(FIRST, ([{"value": noise}], [update("m1", noise)]), THIRD)
    assert once["extraction_recall"] == 1.0
    assert once["extraction_precision"] == pytest.approx(20 * 3 / (2 + 4 + 62))
    again = ([{"value": noise}], [{"id": "m2", "op": "DELETE"}, update("m1", noise)])
    twice = play(FIRST, ([{"value": noise}], [update("m1", noise)]), again)
    assert twice["extraction_precision"] == pytest.approx(20 * 3 / (2 + 4 + 62 + 62))


@pytest.mark.parametrize(
    "plan",
    [
        [{"id": "m1", "op": "DELETE"}, *add("c1")],  # another record
        add("c1"),  # beside the old value
        [update("m1", "Mira: Porto, Lisbon")],  # in the same record
        [update("m1", "Mira: Lisbon"), *add("c1")],  # and once more beside it
        [update("m2", "Mira: Lisbon"), {"id": "m1", "op": "DELETE"}],  # over another record
    ],
)
def test_an_update_is_due_to_the_record_that_had_the_old_value(play: Any, plan: list[Plan]) -> None:
    assert play(FIRST, ([{"value": "Mira: Lisbon"}], plan))["update_accuracy"] == 0.0


def test_an_update_lasts(play: Any) -> None:
    lost = ([{"value": "Mira: Lisbon"}], [{"id": "m1", "op": "DELETE"}])
    assert play(FIRST, SECOND)["update_accuracy"] == 1.0
    assert play(FIRST, SECOND, lost)["update_accuracy"] == 0.0
    back = ([{"value": "Mira: Lisbon"}], [update("m1", "Mira: Porto")])
    assert play(FIRST, SECOND, back)["update_accuracy"] == 0.0


def test_a_heap_from_which_the_old_value_falls_is_not_updated(play: Any) -> None:
    """It would be, by chance, whenever a budget or a limit cuts the end off one record of all that was said."""
    heap = "and so on " * 30
    first = ([{"value": f"{heap} Mira: Porto"}], add("c1"))
    second = ([{"value": "Mira: Lisbon"}], [update("m1", f"Mira: Lisbon {heap}")])
    assert play(first, second)["update_accuracy"] == 0.0
    assert play(first, ([{"value": "Mira: Lisbon"}], [update("m1", "Mira: Lisbon")]))["update_accuracy"] == 1.0


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Mira: card", "Rumpelstiltskin"),
        ("xRUMPELSTILTSKINx", "note"),
        ("R u m p e l s t i l t s k i n", "note"),
        ("rumpel", "stiltskin"),
        ("Rúmpelstiltskín, once", "note"),
    ],
)
def test_what_is_to_be_forgotten_is_found_wherever_it_is(play: Any, value: str, key: str) -> None:
    value, key = (key, value) if value == "rumpel" else (value, key)  # a key stands before its value
    kept = ([{"value": "Mira: card"}], [update("m2", value, key=key)])
    assert play(FIRST, SECOND, THIRD)["deletion"] == 1.0
    assert play(FIRST, SECOND, kept)["deletion"] == 0.0


def test_what_somebody_else_has_too_may_stay(play: Any) -> None:
    alike = {"subject": "Ann", "relation": "card", "value": "Rumpelstiltskin", "source": "a"}
    row = {**ROW, "facts": [*ROW["facts"], alike]}
    both = ([HOME, CARD, {"value": "Ann: card Rumpelstiltskin"}], add("c1", "c2", "c3"))
    card = [{"value": "Mira: card"}]  # of which records are shown
    gone = (card, [{"id": "m2", "op": "DELETE"}])
    assert play(both, SECOND, gone, row=row)["deletion"] == 1.0
    assert play(both, SECOND, (card, []), row=row)["deletion"] == 0.0
    together = (card, [update("m3", "Ann and Mira: card Rumpelstiltskin"), {"id": "m2", "op": "DELETE"}])
    assert play(both, SECOND, together, row=row)["deletion"] == 0.0


@pytest.mark.parametrize(
    ("said", "claims"),
    [
        ("Mira: Tokyo", True),
        ("Mira isn't in Tokyo", False),
        ("Mira isn’t in Tokyo", False),
        ("Mira lives in Tokyo, no doubt", True),
        ("Mira lives not only in Tokyo", True),
    ],
)
def test_a_denial_is_one_however_it_is_written(play: Any, said: str, claims: bool) -> None:
    told = ([{"value": "Mira: Lisbon"}, {"value": said}], [update("m1", "Mira: Lisbon"), *add("c2")])
    assert play(FIRST, told)["faithfulness"] == pytest.approx(1 / 2 if claims else 1)


def test_tags_are_searched_and_putting_back_does_not_help(play: Any) -> None:
    tagged = ([HOME, {**CARD, "tags": ["Rumpelstiltskin"]}], add("c1", "c2"))
    assert play(tagged, SECOND, ([CARD], [update("m2", "Mira: card")]))["deletion"] == 0.0
    back = ([{"value": "Rumpelstiltskin"}], add("c1"))
    assert play(FIRST, SECOND, THIRD, back)["deletion"] == 0.0


def test_who_never_knew_it_forgets_nothing_and_who_forgets_all_keeps_nothing(play: Any) -> None:
    assert play(([HOME], add("c1")), SECOND)["deletion"] == 0.0
    wiped = ([HOME, CARD], [{"id": "m1", "op": "DELETE"}, {"id": "m2", "op": "DELETE"}])
    assert play(FIRST, SECOND, wiped)["deletion"] == 0.0  # Lisbon holds


@pytest.mark.parametrize(
    ("further", "faith"),
    [
        ("Mira: Tokyo", 0.5),
        ("Mira lives in Tokyo", 0.5),
        ("Mira: If I lived in Tokyo, I would be rich.", 1.0),
        ("Mira only imagines a life in Tokyo", 1.0),
        ("Ben lives in Tokyo", 1.0),
    ],
)
def test_a_lure_is_no_fact(play: Any, further: str, faith: float) -> None:
    both = ([{"value": further}], [update("m1", "Mira: Lisbon"), *add("c1")])
    assert play(FIRST, both, THIRD)["faithfulness"] == faith


def test_who_says_perhaps_of_everything_means_nothing(play: Any) -> None:
    perhaps = ([{"value": "Mira: Tokyo, perhaps"}], [update("m1", "Mira: Lisbon, perhaps"), *add("c1")])
    assert play(FIRST, perhaps, THIRD)["faithfulness"] == 0.0


def test_what_is_shown_must_not_be_stale(write_rows: Callable[..., str]) -> None:
    path = write_rows(ROW)
    env = gym.make("memgym/MemoryBank-v1", task="custom", path=path, disable_env_checker=True)
    paid = {}
    for ids in ('["m2"]', '["m1", "m2"]', "[]"):
        env.reset(options={"index": 0})
        for values in ([HOME], [{"value": "Mira: Lisbon"}], [], []):
            env.step(json.dumps({"memory_list": values}))
            env.step(json.dumps({"operations": add("c1") if values else []}))
        paid[ids] = env.step(ids)[4]["rewards"]["freshness"]
    assert paid == {'["m2"]': 1.0, '["m1", "m2"]': 0.0, "[]": 0.0}


def test_without_gold_facts_there_is_nothing_to_be_had(write_rows: Callable[..., str]) -> None:
    row = {name: value for name, value in ROW.items() if name not in ("facts", "lures")}
    env = gym.make("memgym/MemoryBank-v1", task="custom", path=write_rows(row), disable_env_checker=True)
    observation, _ = env.reset(options={"index": 0})
    done, got = False, []
    while not done:
        observation, _, done, _, info = env.step(PhasePolicy().act(observation))
        got.append([info["rewards"][name] for name in (*NAMES, "freshness")])
    assert not any(map(any, got))
