"""The bank against a dictionary with brute force (stateful, with forks), and its single promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from memgym.bank import CachedEmbedder, HashEmbedder, MemoryBank, Operation, PlanError, index
from memgym.errors import ConfigError

EMBEDDER = CachedEmbedder(HashEmbedder(64))
WORDS = "tea river lamp stone bird cloud piano bread".split()
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)  # few, so that there are ties


class Model:
    """What a bank should be: id to (value, source), and the number of ids given out."""

    def __init__(self):
        self.content: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.born = 0

    def fork(self) -> Model:
        twin = Model()
        twin.content, twin.born = dict(self.content), self.born
        return twin

    def ranking(self, query: str) -> list[tuple[str, float]]:
        vector = EMBEDDER.embed([query])[0].astype(float)
        scored = [(id, round(float(EMBEDDER.embed([v])[0] @ vector), 6)) for id, (v, _) in self.content.items()]
        return sorted(scored, key=lambda pair: (-pair[1], int(pair[0][1:])))


class BankMachine(RuleBasedStateMachine):
    exact_limit = 10_000
    banks = Bundle("banks")

    def __init__(self):
        super().__init__()
        self.pairs: list[tuple[MemoryBank, Model]] = []

    @rule(target=banks)
    def make(self):
        return self._keep(MemoryBank(EMBEDDER, self.exact_limit), Model())

    @rule(target=banks, pair=banks)
    def fork(self, pair):
        return self._keep(pair[0].fork(), pair[1].fork())

    def _keep(self, bank, model):
        self.pairs.append((bank, model))
        return bank, model

    @rule(pair=banks, values=st.lists(TEXTS, min_size=1, max_size=12))
    def add_many(self, pair, values):
        bank, model = pair
        records = bank.add_many([{"value": value, "source": ("s1",)} for value in values], time="now")
        for record, value in zip(records, values, strict=True):
            model.born += 1
            model.content[f"m{model.born}"] = (value, ("s1",))
            assert (record.id, record.value, record.created_at) == (f"m{model.born}", value, "now")

    @rule(pair=banks, word=st.sampled_from(WORDS), first=st.integers(0, 100))
    def add_crowd(self, pair, word, first):
        bank, model = pair
        for record in bank.add_many([{"value": f"{word} {first + i}"} for i in range(80)]):
            model.born += 1
            model.content[f"m{model.born}"] = (record.value, ())

    @rule(pair=banks, value=TEXTS, source=st.sampled_from(["s1", "s2"]), data=st.data())
    def update(self, pair, value, source, data):
        bank, model = pair
        if model.content:
            id = data.draw(st.sampled_from(sorted(model.content)))
            sources = model.content[id][1]
            bank.update(id, value, source=(source,))
            model.content[id] = (value, sources if source in sources else (*sources, source))

    @rule(pair=banks, data=st.data())
    def delete(self, pair, data):
        bank, model = pair
        if model.content:
            for id in data.draw(st.lists(st.sampled_from(sorted(model.content)), unique=True, max_size=6)):
                bank.delete(id)
                del model.content[id]

    @rule(pair=banks, value=TEXTS, data=st.data())
    def refuse_a_plan(self, pair, value, data):
        bank, model = pair
        good = [Operation("ADD", value=value)] + [Operation("DELETE", id) for id in sorted(model.content)[:1]]
        bad = [Operation("DELETE", "m0"), Operation("UPDATE", f"m{model.born + 1}", value=value), "ADD", good[-1]]
        plan = data.draw(st.permutations([*good, data.draw(st.sampled_from(bad[: 3 + bool(model.content)]))]))
        version = bank.version
        with pytest.raises(PlanError):
            bank.apply(plan)
        assert bank.version == version

    @rule(pair=consumes(banks))
    def reset(self, pair):
        bank, model = pair
        bank.reset()
        model.content, model.born = {}, 0

    @rule(pair=banks, query=TEXTS, k=st.integers(1, 40))
    def search(self, pair, query, k):
        bank, model = pair
        found = [(record.id, score) for record, score in bank.search(query, k)]
        truth = model.ranking(query)
        self.check_found(found, truth, k)

    def check_found(self, found, truth, k):
        assert found == truth[:k]

    @invariant()
    def contents_agree(self):
        for bank, model in self.pairs:
            assert {r.id: (r.value, r.source) for r in bank.get_all()} == model.content
            assert [r.id for r in bank.get_all()] == sorted(model.content, key=lambda id: int(id[1:]))
            found = [(record.id, score) for record, score in bank.search("tea lamp", 9)]
            self.check_found(found, model.ranking("tea lamp"), 9)


class GraphBankMachine(BankMachine):
    """With limits so low that many a search goes through graphs: sound and complete, if not always best."""

    exact_limit = 8

    def __init__(self):
        super().__init__()
        self.ef, index.EF = index.EF, 8

    def teardown(self):
        index.EF = self.ef

    def check_found(self, found, truth, k):
        assert set(found) <= set(truth)
        assert len({id for id, _ in found}) == min(k, len(truth))
        assert found == [pair for pair in truth if pair in found]


MACHINE_SETTINGS = settings(
    max_examples=40, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestBank = BankMachine.TestCase
TestBank.settings = MACHINE_SETTINGS
TestGraphBank = GraphBankMachine.TestCase
TestGraphBank.settings = MACHINE_SETTINGS


@pytest.fixture
def bank() -> MemoryBank:
    bank = MemoryBank(EMBEDDER)
    bank.add("Mira lives in Porto", "home city", "fact", ("place",), ("D1:1",), "monday")
    bank.add("Mira plays the piano", source=("D1:2",), time="monday")
    return bank


def test_update_keeps_what_is_not_given(bank):
    record = bank.update("m1", "Mira lives in Lisbon", source=("D2:1", "D1:1"), time="friday")
    assert record == bank.get("m1")
    assert (record.key, record.memory_type, record.tags) == ("home city", "fact", ("place",))
    assert (record.created_at, record.updated_at) == ("monday", "friday")
    assert record.source == ("D1:1", "D2:1")
    assert [r.id for r in bank.get_all()] == ["m1", "m2"]
    assert bank.search("Lisbon", 1)[0][0] == record


def test_update_replaces_what_is_given(bank):
    record = bank.update("m1", key="", memory_type="profile", tags=("home",))
    assert (record.key, record.value) == ("", "Mira lives in Porto")
    assert (record.memory_type, record.tags) == ("profile", ("home",))
    assert bank.search("Mira lives in Porto", 1)[0][1] == 1.0  # embedded anew, without the key


def test_history_tells_every_change(bank):
    first = bank.get("m1")
    second = bank.update("m1", "Mira lives in Lisbon", time="friday")
    bank.delete("m1", time="sunday")
    told = [(event.op, event.time, event.old, event.new) for event in bank.history("m1")]
    assert told == [
        ("ADD", "monday", None, first),
        ("UPDATE", "friday", first, second),
        ("DELETE", "sunday", second, None),
    ]
    with pytest.raises(PlanError, match="no record ever had it"):
        bank.history("m3")


def test_ids_are_never_reused(bank):
    bank.delete("m2")
    assert bank.add("something new").id == "m3"
    assert "m2" not in bank
    assert len(bank) == 2


def test_version_rises_with_each_change_only(bank):
    seen = [bank.version]
    for change in (
        lambda: bank.add("x"),
        lambda: bank.update("m1", "y"),
        lambda: bank.delete("m1"),
        lambda: bank.reset(),
    ):
        change()
        seen.append(bank.version)
    assert seen == sorted(set(seen))
    bank.apply([Operation("NOOP")])
    bank.search("x")
    assert bank.version == seen[-1]


def test_apply_returns_a_result_for_each_operation(bank):
    untouched = bank.get("m2")
    plan = [
        Operation("NONE"),
        Operation("DEL", "m1"),
        Operation("ADD", value="Mira lives in Lisbon", key="home city"),
        Operation("NOOP", "m2"),
        Operation("ADD", value="Mira has a cat"),
    ]
    results = bank.apply(plan, "friday")
    assert results == [None, None, bank.get("m3"), untouched, bank.get("m4")]
    assert bank.get("m4").created_at == "friday"


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ([Operation("DELETE", "m9")], "DELETE: unknown id 'm9' \\(no record has that id"),
        ([Operation("NOOP", "c1")], "NOOP: unknown id 'c1'"),
        ([Operation("UPDATE", "m1", value="x"), Operation("DELETE", "m1")], "names 'm1' more than once"),
        ([Operation("ADD", value="x"), Operation("UPDATE", "m3", value="y")], "unknown id 'm3'"),
        ([{"op": "ADD", "value": "x"}], "Operation objects"),
    ],
)
def test_refused_plan_changes_nothing(bank, plan, message):
    before = bank.get_all(), bank.version, bank.history("m1")
    with pytest.raises(PlanError, match=message):
        bank.apply([Operation("ADD", value="good"), *plan])
    assert (bank.get_all(), bank.version, bank.history("m1")) == before
    assert bank.add("next").id == "m3"


def test_deleted_id_is_named_as_such(bank):
    bank.delete("m1")
    with pytest.raises(PlanError, match="'m1' \\(it was deleted\\)"):
        bank.get("m1")


def test_failing_embedder_changes_nothing(bank):
    class Faulty:
        name, dim = "faulty", 64
        answer: np.ndarray | None = None

        def embed(self, texts):
            if self.answer is None:
                raise TimeoutError("no reply")
            return self.answer

    bank.embedder = Faulty()
    before = bank.get_all(), bank.version
    with pytest.raises(TimeoutError):
        bank.apply([Operation("ADD", value="x"), Operation("DELETE", "m1")])
    bank.embedder.answer = np.zeros((1, 63), np.float32)
    with pytest.raises(ConfigError, match=r"'faulty' returned shape \(1, 63\) for 1 texts instead of \(1, 64\)"):
        bank.apply([Operation("ADD", value="x"), Operation("DELETE", "m1")])
    assert (bank.get_all(), bank.version) == before


@pytest.mark.parametrize("time", [None, 5, "\ud800"])
def test_time_must_be_storable_text(bank, time):
    with pytest.raises(PlanError, match="time"):
        bank.add("x", time=time)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_k_must_be_a_positive_int(bank, k):
    with pytest.raises(ConfigError, match="k must be a positive int"):
        bank.search("x", k)


def test_search_many_is_search_for_each(bank):
    queries = ["piano", "where does Mira live", "", "unrelated"]
    assert bank.search_many(queries, 2) == [bank.search(query, 2) for query in queries]
    assert bank.search_many([], 2) == []
    assert MemoryBank(EMBEDDER).search("x") == []


def test_embedder_must_be_one():
    with pytest.raises(ConfigError, match="unknown embedder 'bert'"):
        MemoryBank("bert")
    with pytest.raises(ConfigError, match="embedder must be a name"):
        MemoryBank(7)
    with pytest.raises(ConfigError, match="exact_limit must be a positive int, not 0"):
        MemoryBank(EMBEDDER, exact_limit=0)


def test_a_bank_that_was_forked_twice_goes_on_alone(bank):
    twins = [bank.fork(), bank.fork()]
    added = [b.add(f"only {i}").id for i, b in enumerate([bank, *twins])]
    assert added == ["m3"] * 3
    assert [b.get("m3").value for b in (bank, *twins)] == ["only 0", "only 1", "only 2"]
    assert twins[0].embedder is bank.embedder
    twins[0].delete("m1")
    assert len(bank.history("m1")) == len(twins[1].history("m1")) == 1
