from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.bank import MemoryBank, Operation
from memgym.episodes import Turn
from memgym.protocol.plans import attribute_source, cut_value, fit_budget, used_tokens
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
LABELS = st.lists(st.text("t,", min_size=1, max_size=5), max_size=2).map(tuple)


@st.composite
def plans(draw: st.DrawFn) -> tuple[MemoryBank, list[Operation]]:
    bank = MemoryBank()

    def labels() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        return draw(st.text("e", max_size=5)), draw(LABELS), draw(LABELS)  # type, tags, source

    records = [bank.add(draw(VALUES), draw(KEYS) or "", *labels()) for _ in range(draw(st.integers(0, 4)))]
    changed = []
    for record in records:
        update = Operation("UPDATE", record.id, draw(st.none() | VALUES), draw(KEYS), "y", *labels()[1:])
        changed += draw(st.sampled_from([[], [Operation("DELETE", record.id)], [update]]))
    added = [Operation("ADD", "", draw(VALUES), draw(KEYS), *labels()) for _ in range(draw(st.integers(0, 3)))]
    return bank, draw(st.permutations(changed + added))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(plans(), st.integers(0, 12), st.sampled_from(sorted(COUNTERS)))
def test_a_fitted_plan_keeps_the_budget_and_says_when_it_cut(
    drawn: tuple[MemoryBank, list[Operation]], spare: int, counter_name: str
) -> None:
    bank, plan = drawn
    counter = COUNTERS[counter_name]

    budget = used_tokens(bank, counter) + spare
    fitted, overflow = fit_budget(plan, bank, budget, counter)
    whole, cut = bank.fork(), bank.fork()
    whole.apply(plan)
    cut.apply(fitted)
    assert used_tokens(cut, counter) <= budget
    assert overflow == (fitted != plan)
    if not overflow:
        assert used_tokens(whole, counter) <= budget
    assert fit_budget(plan, bank, None, counter) == (plan, False)


CHARS = COUNTERS["chars"]
LONG = "x" * 40


@pytest.mark.parametrize("field", ["key", "memory_type", "tags", "source"])
def test_every_field_that_is_kept_costs(field: str) -> None:
    bank = MemoryBank()
    labels = (LONG,) if field in ("tags", "source") else LONG
    bank.add("a", **{field: labels})
    assert used_tokens(bank, CHARS) >= 11
    plan = [Operation("ADD", value="Mira moved to Lisbon", **{field: labels})]
    assert fit_budget(plan, MemoryBank(), 9, CHARS) == ([], True)  # nothing of the value is left
    fitted, overflow = fit_budget(plan, MemoryBank(), 12, CHARS)
    assert overflow
    assert fitted[0].value == "Mira moved to Lisbon"[: 6 if field == "key" else 7]


def test_many_tags_with_commas_and_many_sources_cost_what_one_long_one_does() -> None:
    bank = MemoryBank()
    bank.add("a", tags=tuple(f"tag{i}, x" for i in range(50)), source=tuple(f"D1:{i}" for i in range(50)))
    assert used_tokens(bank, CHARS) > 50 * (7 + 4) / 4


def test_many_tiny_records_cost_a_token_each() -> None:
    bank = MemoryBank()
    bank.add_many([{"value": "x"} for _ in range(9)])
    assert [used_tokens(bank, counter) for counter in COUNTERS.values()] == [9, 9]


def test_an_update_that_appends_beyond_the_budget_is_cut_and_what_it_keeps_counts() -> None:
    bank = MemoryBank()
    record = bank.add("a" * 20, tags=("t" * 20,), source=("D1:1",))
    assert used_tokens(bank, CHARS) == 12
    fitted, overflow = fit_budget([Operation("UPDATE", record.id, "a" * 400, source=("D2:1",))], bank, 15, CHARS)
    bank.apply(fitted)
    assert overflow
    assert used_tokens(bank, CHARS) == 15
    assert bank.get(record.id).source == ("D1:1", "D2:1")
    fitted, overflow = fit_budget([Operation("UPDATE", record.id, source=("s" * 200,))], bank, 15, CHARS)
    assert (fitted, overflow) == ([], True)  # sources alone, beyond the budget


def test_a_bank_over_its_budget_can_only_shrink() -> None:
    bank = MemoryBank()
    first, second = bank.add("a" * 40), bank.add("b" * 40)
    plan = [Operation("ADD", value="c"), Operation("UPDATE", first.id, "d" * 80), Operation("DELETE", second.id)]
    fitted, overflow = fit_budget(plan, bank, 8, CHARS)
    assert overflow
    assert [operation.op for operation in fitted] == ["DELETE"]


def test_a_cut_value_ends_within_the_budget() -> None:
    record = MemoryBank().add("Mira moved to Lisbon", key="home", tags=("place",))
    assert record.shown_text == "place\nhome: Mira moved to Lisbon"
    assert cut_value(record, record.shown_text, 8, CHARS) is record
    cut = cut_value(record, record.shown_text, 5, CHARS)
    assert cut is not None
    assert cut.shown_text == "place\nhome: Mira mov"
    assert cut_value(record, record.shown_text, 3, CHARS) is None
