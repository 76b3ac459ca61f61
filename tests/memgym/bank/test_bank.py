"""The bank against a dictionary with brute force (stateful, with forks), and its single promises."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from memgym.bank import CachedEmbedder, HashEmbedder, MemoryBank, Operation, PlanError, graph
from memgym.errors import ConfigError, MissingExtraError

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

    @rule(target=banks, pair=banks)
    def deepcopy(self, pair):
        return self._keep(copy.deepcopy(pair[0]), pair[1].fork())

    @rule(target=banks, pair=banks)
    def pickle(self, pair):
        return self._keep(pickle.loads(pickle.dumps(pair[0])), pair[1].fork())

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
        self.ef, graph.EF = graph.EF, 8

    def teardown(self):
        graph.EF = self.ef

    def check_found(self, found, truth, k):
        assert set(found) <= set(truth)
        assert len({id for id, _ in found}) == min(k, len(truth))
        assert found == [pair for pair in truth if pair in found]


MACHINE_SETTINGS = settings(
    max_examples=40, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestBank = BankMachine.TestCase
TestBank.settings = MACHINE_SETTINGS
TestGraphBank = pytest.mark.usefixtures("hnsw")(GraphBankMachine.TestCase)
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
    with pytest.raises(ConfigError, match="'k' must be an int of at least 1"):
        bank.search("x", k)


def test_search_many_is_search_for_each(bank):
    queries = ["piano", "where does Mira live", "", "unrelated"]
    assert bank.search_many(queries, 2) == [bank.search(query, 2) for query in queries]
    assert bank.search_many([], 2) == []
    assert MemoryBank(EMBEDDER).search("x") == []


def test_embedder_must_be_one():
    with pytest.raises(ConfigError, match="unknown embedder 'bert'"):
        MemoryBank("bert")
    with pytest.raises(ConfigError, match=r"'embedder' must be an embedder.* 7 lacks 'name'"):
        MemoryBank(7)
    with pytest.raises(ConfigError, match="'exact_limit' must be an int of at least 1, not 0"):
        MemoryBank(EMBEDDER, exact_limit=0)


def test_a_bank_that_was_forked_twice_goes_on_alone(bank):
    twins = [bank.fork(), bank.fork()]
    added = [b.add(f"only {i}").id for i, b in enumerate([bank, *twins])]
    assert added == ["m3"] * 3
    assert [b.get("m3").value for b in (bank, *twins)] == ["only 0", "only 1", "only 2"]
    assert twins[0].embedder is bank.embedder
    twins[0].delete("m1")
    assert len(bank.history("m1")) == len(twins[1].history("m1")) == 1


def lived(exact_limit: int) -> MemoryBank:
    """A bank with deletions, updates, marks and a past."""
    bank = MemoryBank(EMBEDDER, exact_limit)
    bank.add_many([{"value": f"{WORDS[i % 8]} {i}", "source": ("s1",)} for i in range(90)], "monday")
    bank.search("tea", 3)
    bank.apply([Operation("DELETE", f"m{i}") for i in range(3, 90, 9)], "tuesday")
    bank.apply([Operation("UPDATE", f"m{i}", value=f"lamp {i}") for i in range(1, 90, 9)], "friday")
    bank.mark("session 1")
    return bank


def state(bank: MemoryBank) -> tuple:
    found = bank.search_many([*WORDS, "tea 4"], 7)
    return bank.get_all(), bank.version, [*bank.marks], [bank.history(f"m{i}") for i in range(1, 91)], found


def unpickled(bank: MemoryBank) -> MemoryBank:
    return pickle.loads(pickle.dumps(bank))


@pytest.mark.parametrize("exact_limit", [20, 2048])
@pytest.mark.parametrize("way", [copy.deepcopy, unpickled, MemoryBank.fork])
def test_a_copy_goes_on_as_the_original(request, way, exact_limit):
    if exact_limit == 20:
        request.getfixturevalue("hnsw")
    bank = lived(exact_limit)
    twin = way(bank)
    assert bool(twin._index._graphs) == (exact_limit == 20)
    assert state(twin) == state(bank)
    for one in (bank, twin):
        assert one.add_many([{"value": f"bread {i}"} for i in range(30)])[0].id == "m91"
        one.delete("m2")
    assert state(twin) == state(bank)
    before = state(bank)
    twin.update("m1", "something else")
    twin.delete("m4")
    twin.mark("session 2")
    twin.add("bread")
    assert state(bank) == before


def test_copies_share_the_embedder(bank):
    assert copy.deepcopy(bank).embedder is bank.embedder
    held = copy.deepcopy({"a bank": bank, "again": bank, "its embedder": bank.embedder})
    assert held["a bank"] is held["again"] is not bank
    assert held["its embedder"] is bank.embedder
    parts = pickle.loads(pickle.dumps([bank, bank.fork(), bank.embedder]))
    assert parts[0].embedder is parts[1].embedder is parts[2]


def test_marks(bank):
    assert list(bank.marks) == []
    version = bank.version
    for name in ("b", "a", "b"):
        bank.mark(name)
    assert list(bank.marks) == ["b", "a"]
    assert bank.version == version + 2
    assert "a" in bank.marks
    assert "c" not in bank.marks
    for name in ("", " ", None, 5, "\ud800"):
        with pytest.raises(PlanError, match="mark"):
            bank.mark(name)
    bank.reset()
    assert list(bank.marks) == []


def test_without_hnswlib_a_large_change_is_refused_and_changes_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    bank = MemoryBank(EMBEDDER, exact_limit=100)
    bank.add_many([{"value": f"tea {i}"} for i in range(99)])
    before = state_of_small(bank)
    with pytest.raises(MissingExtraError, match=r"^a memory bank of more than 100 records .*'\.\[hnsw\]'"):
        bank.add_many([{"value": "tea"}, {"value": "lamp"}])
    with pytest.raises(MissingExtraError):
        bank.apply([Operation("DELETE", "m1"), *[Operation("ADD", value="x")] * 3, Operation("UPDATE", "m2", "y")])
    assert state_of_small(bank) == before
    bank.apply([Operation("DELETE", "m1"), *[Operation("ADD", value="x")] * 2, Operation("UPDATE", "m2", "y")])
    assert len(bank) == 100  # no more than the limit
    for i in range(500):
        bank.update("m2", f"y {i}")
    assert bank.search("y 499", 1)[0][0].id == "m2"
    assert len(copy.deepcopy(bank)) == len(unpickled(bank)) == 100


def state_of_small(bank: MemoryBank) -> tuple:
    return bank.get_all(), bank.version, bank.search("tea 4", 7), len(bank._versions)


def test_without_hnswlib_in_a_process_of_its_own():
    """With the limit as it is: nothing of memgym imports hnswlib before it is needed."""
    code = (
        "import sys; sys.modules['hnswlib'] = None\n"
        "import memgym; from memgym.bank import MemoryBank\n"
        "bank = MemoryBank('hash:8')\n"
        "bank.add_many([{'value': f'tea {i}'} for i in range(2048)])\n"
        "print(len(bank.search('tea 7', 5)))\n"
        "try: bank.add('one too many')\n"
        "except memgym.errors.MissingExtraError as error: print(error)\n"
        "print(len(bank), 'm2049' in bank)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "5",
        "a memory bank of more than 2,048 records needs the extra 'hnsw': pip install '.[hnsw]' in a clone of memgym",
        "2048 False",
    ], done.stderr


class Foreign:
    """Makes whatever rows it is told to."""

    name, dim = "foreign", 2

    def __init__(self, row):
        self.row = row

    def embed(self, texts):
        return np.array([[1, 0]] * (len(texts) - 1) + [self.row], np.float32)


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([np.nan, 0], "a row that is not finite"),
        ([np.inf, 0], "a row that is not finite"),
        ([0, 0], "a row of norm 0 instead of 1 for the text 'lamp'"),
        ([3, 4], "a row of norm 5 instead of 1 for the text 'lamp'"),
        ([1e30, 0], r"a row of norm 1e\+30"),
    ],
)
def test_rows_from_outside_are_refused_before_they_are_kept(row, message, cached):
    foreign = Foreign(row)
    bank = MemoryBank(CachedEmbedder(foreign) if cached else foreign)
    with pytest.raises(ConfigError, match=f"^embedder 'foreign' returned {message}"):
        bank.add_many([{"value": "tea"}, {"value": "lamp"}])
    assert len(bank) == 0
    foreign.row = [0.6, 0.8]  # what was wrong is not remembered
    bank.add("lamp")
    assert bank.search("lamp")[0][1] == 1.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 0.0]], "returned list instead of a float32 array"),
        (np.array([[1.0, 0.0]]), "returned float64 instead"),
        (np.array([[1, 0]], np.float16), "returned float16 instead"),
        (np.array([1, 0], np.float32), r"returned shape \(2,\) for 1 texts instead of \(1, 2\)"),
    ],
)
def test_rows_from_outside_have_type_and_shape(rows, message):
    foreign = Foreign([1, 0])
    foreign.embed = lambda texts: rows
    with pytest.raises(ConfigError, match=message):
        MemoryBank(foreign).add("tea")


def test_what_follows_from_the_content_is_worked_out_once_and_forks_share_it(bank):
    calls = []

    def size() -> int:
        calls.append(1)
        return len(bank.get_all())

    bank.add("tea")
    for one in (bank, bank.fork(), copy.deepcopy(bank)):
        assert one.once("size", size) == one.once("size", size) == len(bank)
    assert len(calls) == 1
    bank.once("another", size)
    assert len(calls) == 2
    bank.apply([])
    bank.apply([Operation("NOOP", "m1")])
    assert bank.once("size", size) == len(bank)
    assert len(calls) == 2  # nothing changed


@pytest.mark.parametrize(
    "change",
    [
        lambda bank: bank.add("lamp"),
        lambda bank: bank.update("m1", "lamp"),
        lambda bank: bank.delete("m1"),
        lambda bank: bank.apply([Operation("ADD", value="lamp"), Operation("DELETE", "m1")]),
        lambda bank: bank.mark("session 1"),
        lambda bank: bank.reset(),
    ],
)
def test_a_change_forgets_what_followed_from_the_content_before(change):
    bank = MemoryBank(EMBEDDER)
    bank.add("tea")
    twin = bank.fork()
    for one in (bank, twin):
        assert one.once("state", lambda: "before") == "before"
    change(bank)
    assert bank.once("state", lambda: "after") == "after"
    assert twin.once("state", lambda: "after") == "before"


def test_a_copy_on_paper_and_a_long_memory_hold_no_more_than_they_should(bank):
    bank.once("open file", lambda: print)
    bank.once("never pickled", lambda: lambda: None)
    assert pickle.loads(pickle.dumps(bank)).once("open file", lambda: None) is None
    for i in range(5000):
        assert bank.once(i, lambda i=i: i) == i
    assert len(bank._derived) < 1000
