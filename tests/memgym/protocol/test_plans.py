from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.bank import MemoryBank, Operation
from memgym.episodes import Turn
from memgym.protocol.plans import attribute_source, fit_budget
from memgym.tokens import COUNTERS

TURNS = (Turn("a", "Mira", "I moved to Lisbon"), Turn("b", "Ben", "My cat is called Olive"), Turn("c", "Mira", "Nice"))


@pytest.mark.parametrize(
    ("value", "source"),
    [("Mira moved to Lisbon", ("a",)), ("OLIVE!", ("b",)), ("Mira", ("a",)), ("Ben", ("b",)), ("Tokyo", ()), ("", ())],
)
def test_a_memory_rests_on_the_turn_with_most_of_its_words(value: str, source: tuple[str, ...]) -> None:
    assert attribute_source(value, TURNS) == source
    assert attribute_source(value, ()) == ()


@pytest.mark.parametrize("place", ["里斯本", "リスボン", "ลิสบอน", "ລິສບອນ", "लिस्बन", "리스본"])
def test_provenance_in_any_script(place: str) -> None:
    turns = (Turn("a", "Ben", "今日は"), Turn("b", "Mira", f"…{place}。"))
    assert attribute_source(f"“{place}”", turns) == ("b",)


VALUES = st.text("ab c", min_size=1, max_size=24).filter(str.strip)
KEYS = st.none() | st.text("k", max_size=6)


@st.composite
def plans(draw: st.DrawFn) -> tuple[MemoryBank, list[Operation]]:
    bank = MemoryBank()
    records = [bank.add(draw(VALUES), draw(KEYS) or "") for _ in range(draw(st.integers(0, 4)))]
    changed = [
        draw(
            st.sampled_from([Operation("DELETE", record.id), Operation("UPDATE", record.id, draw(VALUES), draw(KEYS))])
        )
        for record in records
        if draw(st.booleans())
    ]
    added = [Operation("ADD", value=draw(VALUES), key=draw(KEYS)) for _ in range(draw(st.integers(0, 3)))]
    return bank, draw(st.permutations(changed + added))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(plans(), st.integers(0, 12), st.sampled_from(sorted(COUNTERS)))
def test_a_fitted_plan_keeps_the_budget_and_says_when_it_cut(
    drawn: tuple[MemoryBank, list[Operation]], spare: int, counter_name: str
) -> None:
    bank, plan = drawn
    counter = COUNTERS[counter_name]

    def used(bank: MemoryBank) -> int:
        return sum(counter.count(record.text) for record in bank.get_all())

    budget = used(bank) + spare
    fitted, overflow = fit_budget(plan, bank, budget, counter)
    whole, cut = bank.fork(), bank.fork()
    whole.apply(plan)
    cut.apply(fitted)
    assert used(cut) <= budget
    assert overflow == (fitted != plan)
    if not overflow:
        assert used(whole) <= budget
    assert fit_budget(plan, bank, None, counter) == (plan, False)
