"""What an answerer is shown of a bank."""

from __future__ import annotations

from typing import Any

import pytest

from memgym.bank import MemoryBank, MemoryRecord
from memgym.episodes import Session, Turn
from memgym.protocol.actions import Candidate, PlannedOperation
from memgym.protocol.bank_protocol import BankProtocol
from memgym.protocol.plans import used_tokens
from memgym.tokens import COUNTERS


def asked(*records: dict[str, Any], **options: Any) -> BankProtocol:
    """Return a protocol whose question found all of the records, which are kept for the answer in their order."""
    bank = MemoryBank()
    added = bank.add_many(records)
    protocol = BankProtocol(bank, **options)
    protocol.ask("What?")
    protocol.retrieve([record.id for record in added])
    return protocol


def shown_tokens(protocol: BankProtocol) -> int:
    return sum(protocol.counter.count(record.shown_text) for record in protocol.shown.values())


def test_the_answerer_is_shown_so_many_tokens_and_no_more() -> None:
    protocol = asked({"value": "a" * 40}, {"value": "b" * 40}, {"value": "c" * 40}, answer_tokens=15)
    assert [record.value for record in protocol.shown.values()] == ["a" * 40, "b" * 20]
    assert [block.text for block in protocol.state("answer")[1:]] == ["a" * 40, "b" * 20]
    assert "15 tokens" in protocol.instruction("retrieve")


def test_the_bank_keeps_what_is_cut_for_an_answer() -> None:
    protocol = asked({"value": "a" * 40}, answer_tokens=5)
    assert protocol.bank.get("m1").value == "a" * 40
    assert asked({"value": "a" * 40}, {"value": "b"}, answer_k=1).shown.keys() == {"m1"}


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize(
    "record",
    [
        {"value": "x", "key": "Mira moved to Lisbon " * 99},
        {"value": "x", "memory_type": "Mira moved to Lisbon " * 99},
        {"value": "x", "tags": tuple(f"Mira{i}" for i in range(999))},
        {"value": "Mira_moved_to_Lisbon_" * 99},
        {"value": "\u200b\u200c" * 999},
        {"value": "".join(chr(0xF0000 + i) for i in range(999))},
        {"value": "\u0301" * 999},
        {"value": "x" + " \n\t" * 999},
    ],
    ids="key type tags glued unseen planes accents blanks".split(),
)
def test_no_field_and_no_writing_shows_more(record: dict[str, Any], counter: str) -> None:
    protocol = asked(record, record, counter=counter, answer_tokens=20)
    assert shown_tokens(protocol) <= 20
    blocks = protocol.state("answer")[1:]
    tags = 2 * len('<memory id="m1" key="" type="" tags=""></memory>')
    assert sum(len(str(block).encode()) for block in blocks) <= 20 * 6 + tags


def test_a_budget_holds_after_every_change_and_in_every_fork() -> None:
    turns = tuple(Turn(f"D1:{i}", "Mira", f"Item {i} is a thing that I have.") for i in range(6))
    protocol = BankProtocol(MemoryBank(), memory_tokens=30)
    for round_ in range(4):
        twin = protocol.fork()
        for one in (protocol, twin):
            one.hear(Session("D1", "2024", turns))
            one.extract([Candidate(f"{turn.text} {round_}", "k" * round_, "t", ("a",), (turn.id,)) for turn in turns])
            updates = [PlannedOperation(id, "UPDATE", None, "y" * 300) for id in one.shown]
            _, overflow = one.update([*updates, *(PlannedOperation(name, "ADD") for name in one.candidates)])
            assert overflow
            assert 25 < used_tokens(one.bank, one.counter) <= 30
            budget = one.state("extract")[1]
            assert budget.attributes["used"] == str(used_tokens(one.bank, one.counter))


def test_a_candidate_rests_on_what_it_carries_alone() -> None:
    protocol = BankProtocol(MemoryBank())
    turns = Turn("a", "Mira", "I moved to Lisbon."), Turn("b", "Ben", "My cat is ill today.")
    protocol.hear(Session("D1", "", turns))
    assert protocol.rests_on(Candidate("Mira moved to Lisbon", source=("a", "b"))) == ("a",)
    assert protocol.rests_on(Candidate("nothing", source=("a", "b"))) == ()
    assert protocol.rests_on(Candidate("Ben's cat is ill")) == ("b",)


def test_what_is_stored_and_what_is_shown() -> None:
    record = MemoryRecord("m1", "home", "Lisbon", "fact", ("a", "b"), "2023", "2024", ("D1:1", "D1:2"))
    assert record.shown_text == "fact\na, b\nhome: Lisbon"
    assert record.cost_text == "D1:1, D1:2\nfact\na, b\nhome: Lisbon"
    assert MemoryRecord("m1", "", "Lisbon").cost_text == "Lisbon"
