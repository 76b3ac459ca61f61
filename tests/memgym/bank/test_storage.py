from __future__ import annotations

import hashlib
import io
import json
import pickle
import random
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memgym.bank import CachedEmbedder, HashEmbedder, MemoryBank, Operation, graph, index, storage
from memgym.errors import BankFileError, ConfigError, MissingExtraError

EMBEDDER = CachedEmbedder(HashEmbedder(8))
STORABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABELS = st.lists(STORABLE, max_size=3).map(tuple)


def small_bank() -> MemoryBank:
    bank = MemoryBank(EMBEDDER)
    bank.add("Mira lives in Porto", "home", "fact", ("a", "b"), ("D1:1",), "monday")
    bank.add("Mira plays the piano")
    bank.add("Mira has a cat")
    bank.update("m1", "Mira lives in Lisbon", source=("D2:1",), time="friday")
    bank.delete("m2", time="sunday")
    bank.mark("friday's session")
    bank.mark("今日")
    return bank


def state(bank: MemoryBank, ids: int) -> tuple:
    found = [(record.id, score) for record, score in bank.search("Mira", 1000)]
    return bank.get_all(), bank.version, [*bank.marks], [bank.history(f"m{i}") for i in range(1, ids + 1)], found


def test_round_trip(tmp_path):
    bank = small_bank()
    bank.save(tmp_path / "bank")
    loaded = MemoryBank.load(tmp_path / "bank")
    assert loaded.embedder.name == "hash:8"
    assert state(loaded, 3) == state(bank, 3)
    assert loaded.add("new").id == "m4"


def test_empty_bank(tmp_path):
    MemoryBank(EMBEDDER).save(tmp_path / "bank")
    assert MemoryBank.load(tmp_path / "bank").get_all() == []


@settings(deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(STORABLE.filter(str.strip), STORABLE, STORABLE, LABELS, LABELS, STORABLE), max_size=4))
def test_any_text_survives(tmp_path, entries):
    bank = MemoryBank(EMBEDDER)
    for value, key, memory_type, tags, source, when in entries:
        bank.add(value, key, memory_type, tags, source, when)
    bank.save(tmp_path / "bank")
    assert state(MemoryBank.load(tmp_path / "bank", EMBEDDER), len(entries)) == state(bank, len(entries))


def test_content_alone_makes_the_bytes(tmp_path):
    for name in ("a", "b"):
        small_bank().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_file_is_a_plain_zip_without_pickle(tmp_path):
    small_bank().save(tmp_path / "bank")
    with zipfile.ZipFile(tmp_path / "bank") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["header.json", "records.jsonl", "vectors.npy"]
        assert np.load(archive.open("vectors.npy"), allow_pickle=False).shape == (2, 8)


def test_every_truncation_and_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "bank"
    small_bank().save(path)
    data = path.read_bytes()
    damaged = [data[:length] for length in range(len(data))]
    damaged += [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    damaged += [data + b"\0", data * 2]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(BankFileError, match="bank"):
            MemoryBank.load(path, EMBEDDER)


def zipped(members: dict[str, bytes]) -> bytes:
    """A file with a sound digest, whatever it holds."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = bytes(64)
        for name, content in members.items():
            archive.writestr(name, content)
    data = buffer.getvalue()[:-64]
    return data + hashlib.sha256(data).hexdigest().encode()


def sealed(header: dict, records: str, vectors: np.ndarray) -> bytes:
    """The file of a small bank, or of none."""
    members = {"header.json": json.dumps(header).encode(), "records.jsonl": records.encode()}
    return zipped(members | {"vectors.npy": array(vectors)})


HEADER = {
    "format": "memgym memory bank",
    "format_version": 1,
    "embedder": "hash:8",
    "dim": 8,
    "ids": 1,
    "records": 1,
    "version": 1,
}
FIELDS = {
    "key": "",
    "value": "x",
    "memory_type": "",
    "tags": [],
    "created_at": "",
    "updated_at": "",
    "source": [],
}
LINE = json.dumps({"id": "m1", "deleted": None, "versions": [FIELDS]}) + "\n"
VECTORS = np.full((1, 8), 8**-0.5, np.float32)


def without(key: str) -> dict:
    return {name: value for name, value in HEADER.items() if name != key}


def test_hand_made_file_of_the_first_version_loads(tmp_path):
    (tmp_path / "bank").write_bytes(sealed(HEADER, LINE, VECTORS))
    bank = MemoryBank.load(tmp_path / "bank")
    assert bank.get("m1").value == "x"
    assert list(bank.marks) == []


@pytest.mark.parametrize(
    ("header", "records", "vectors", "message"),
    [
        (HEADER | {"format": "photo album"}, LINE, VECTORS, "is a 'photo album'"),
        (HEADER | {"format_version": 4}, LINE, VECTORS, "format version 4, newer than 3; upgrade memgym"),
        (HEADER | {"format_version": 2}, LINE, VECTORS, "marks"),
        (HEADER | {"format_version": 2, "marks": "abc"}, LINE, VECTORS, "marks must be a list"),
        (HEADER | {"format_version": 2, "marks": ["a", "a"]}, LINE, VECTORS, "different names"),
        (HEADER | {"format_version": 2, "marks": [5]}, LINE, VECTORS, "marks: 5 must be text"),
        (HEADER | {"format_version": 2, "marks": ["\ud800"]}, LINE, VECTORS, "marks: lone surrogate"),
        (HEADER | {"embedder": "mine"}, LINE, VECTORS, "'mine'"),
        (HEADER | {"embedder": "hash:16"}, LINE, VECTORS, "'hash:16' with 8 dimensions"),
        (HEADER | {"dim": 16}, LINE, VECTORS, "counts"),
        (HEADER | {"records": 2}, LINE, VECTORS, "counts"),
        (HEADER | {"ids": 2}, LINE, VECTORS, "counts"),
        (without("format"), LINE, VECTORS, "format"),
        (without("version"), LINE, VECTORS, "version"),
        (HEADER | {"embedder": 5}, LINE, VECTORS, "must be a name"),
        ([], LINE, VECTORS, "sound"),
        (HEADER, "", VECTORS, "counts"),
        (HEADER, "{}\n", VECTORS, "id"),
        (HEADER, "[\n", VECTORS, "sound"),
        (HEADER, LINE.replace("m1", "m2"), VECTORS, "line 1 is about 'm2'"),
        (HEADER, LINE.replace('"x"', "5"), VECTORS, "5 must be text"),
        (HEADER, LINE.replace('"x"', '"\\ud800"'), VECTORS, "lone surrogate"),
        (HEADER, LINE.replace('"tags"', '"labels"'), VECTORS, "tags"),
        (HEADER, LINE.replace('"key"', '"clé"'), VECTORS, "cl"),
        (HEADER, json.dumps({"id": "m1", "deleted": None, "versions": []}) + "\n", VECTORS, "no version"),
        (HEADER, LINE, VECTORS.astype(float), "float32"),
        (HEADER, LINE, VECTORS * np.nan, "finite"),
        (HEADER, LINE, VECTORS[0], "counts"),
    ],
)
def test_sealed_but_wrong(tmp_path, header, records, vectors, message):
    path = tmp_path / "some-file"
    path.write_bytes(sealed(header, records, vectors))
    with pytest.raises(BankFileError, match=message) as caught:
        MemoryBank.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"hello" * 100, b"\x93NUMPY", b"PK\x05\x06" + bytes(18)])
def test_foreign_files(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BankFileError, match="not a memory bank file"):
        MemoryBank.load(tmp_path / "file")


def test_embedder_must_be_the_one_it_was_made_with(tmp_path):
    small_bank().save(tmp_path / "bank")
    with pytest.raises(BankFileError, match=r"made with embedder 'hash:8'.*cannot be read with 'hash:16'"):
        MemoryBank.load(tmp_path / "bank", "hash:16")
    with pytest.raises(ConfigError):
        MemoryBank.load(tmp_path / "bank", "hahs")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        MemoryBank.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        small_bank().save(tmp_path / "none" / "bank")


def test_failed_save_keeps_the_old_file_and_leaves_no_litter(tmp_path):
    path = tmp_path / "bank"
    path.mkdir()  # nothing can replace a folder
    with pytest.raises(OSError, match="bank"):
        small_bank().save(path)
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys
from memgym.bank import MemoryBank
path, size = sys.argv[1], 400
banks = [MemoryBank("hash:256"), MemoryBank("hash:256")]
for name, bank in zip(("old", "new"), banks):
    bank.add_many([{"value": f"{name} record {i}"} for i in range(size)])
for turn in range(10**6):
    banks[turn % 2].save(path)
    if turn == 1:
        print("ready", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_writers_leave_a_whole_file(tmp_path):
    path, delays = tmp_path / "bank", random.Random(3)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            try:
                assert writer.stdout.readline() == b"ready\n"
                for _ in range(3):  # read while it writes
                    check_whole(path)
                time.sleep(delays.uniform(0, 0.05))
            finally:
                writer.kill()
        check_whole(path)
    MemoryBank(EMBEDDER).save(path)  # what the dead left behind is in nobody's way
    assert len(MemoryBank.load(path)) == 0


def check_whole(path: Path) -> None:
    values = [record.value for record in MemoryBank.load(path).get_all()]
    assert values in ([f"{name} record {i}" for i in range(400)] for name in ("old", "new"))


@pytest.fixture
def coarse(hnsw, monkeypatch) -> None:
    """Graphs so poor that another graph of the same records finds something else."""
    for name, value in (("EF", 4), ("M", 4)):
        monkeypatch.setattr(graph, name, value)
    monkeypatch.setattr(storage, "_SETTINGS", storage._SETTINGS | {"M": 4})


def large_bank(limit: int = 50) -> MemoryBank:
    """A bank with deletions, updates, a fork in its past, two graphs and a tail."""
    bank = MemoryBank(EMBEDDER, exact_limit=limit)
    bank.add_many([{"value": f"record {i} of {i % 7} about {i % 11}"} for i in range(400)])
    bank.apply([Operation("DELETE", f"m{i}") for i in range(1, 100)])
    bank = bank.fork()
    bank.apply([Operation("UPDATE", f"m{i}", value=f"record {i} anew") for i in range(100, 200, 3)])
    bank.add_many([{"value": f"{i} more of {i % 5}"} for i in range(100)])
    bank.add("the last one")
    return bank


def found(bank: MemoryBank, k: int = 4) -> list:
    return bank.search_many([f"record {i} of {i % 5}" for i in range(60)], k)


def grow(bank: MemoryBank) -> None:
    bank.delete(bank.get_all()[7].id)
    bank.add_many([{"value": f"{i} most of all {i % 3}"} for i in range(150)])


def test_large_bank_finds_the_same_once_loaded_and_goes_on_the_same(tmp_path, coarse):
    bank, never_saved = large_bank(), large_bank()
    assert len(bank._index._graphs) == 2
    bank.save(tmp_path / "bank")
    loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)
    assert loaded.get_all() == bank.get_all()
    for _ in range(3):
        assert found(loaded) == found(bank) == found(never_saved)
        for one in (loaded, bank, never_saved):
            grow(one)
        loaded.save(tmp_path / "bank")
        bank.save(tmp_path / "again")
        assert (tmp_path / "bank").read_bytes() == (tmp_path / "again").read_bytes()
        loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)


def test_graphs_are_built_as_records_come_and_loaded_with_them(tmp_path, hnsw, monkeypatch):
    bank = MemoryBank(EMBEDDER, exact_limit=50)
    for i in range(51):
        assert bank._index._graphs == []
        bank.add(f"record {i}")
    bank.add_many([{"value": f"record {i}"} for i in range(51, 90)])
    assert [built.stop for built in bank._index._graphs] == [90]
    bank.save(tmp_path / "bank")
    graph._multiplier()
    monkeypatch.setattr(graph.Graph, "extend", None)  # nothing is built from now on
    loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)
    assert found(loaded) == found(bank)


def test_a_bank_below_the_limit_has_no_graph_in_its_file(tmp_path):
    changed = MemoryBank(EMBEDDER, exact_limit=50)
    changed.add_many([{"value": f"record {i}"} for i in range(50)])
    changed.search("record", 3)
    changed.save(tmp_path / "bank")
    with zipfile.ZipFile(tmp_path / "bank") as archive:
        assert archive.namelist() == ["header.json", "records.jsonl", "vectors.npy"]


def test_another_limit_or_other_graphs_mean_that_graphs_are_built_anew(tmp_path, hnsw, monkeypatch):
    bank = large_bank()
    bank.save(tmp_path / "bank")
    exact = MemoryBank.load(tmp_path / "bank", EMBEDDER)
    assert exact._index._graphs == []
    best = MemoryBank(EMBEDDER)
    best.add_many([{"value": record.value} for record in exact.get_all()])
    scores = [[score for _, score in hits] for hits in found(best, 9)]
    assert [[score for _, score in hits] for hits in found(exact, 9)] == scores
    for limit in (60, 50):
        loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=limit)
        assert len(loaded._index._graphs) == (0 if limit == 60 else 2)
        assert loaded.get_all() == bank.get_all()
        assert len(found(loaded, 20)[0]) == 20
    monkeypatch.setattr(storage, "_SETTINGS", storage._SETTINGS | {"M": 16})
    monkeypatch.setattr(graph, "M", 16)
    loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)
    assert loaded._index._graphs == []
    assert len(found(loaded, 20)[0]) == 20
    assert len(loaded._index._graphs) == 1


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the members of a bank file and seal it again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    path.write_bytes(zipped(members))


def test_a_file_of_the_second_version_loads_and_gets_its_graph_when_it_is_searched(tmp_path, hnsw):
    bank = MemoryBank(EMBEDDER, exact_limit=50)
    bank.add_many([{"value": f"record {i} of {i % 7}"} for i in range(200)])
    bank.mark("monday")
    bank.save(tmp_path / "bank")

    def older(members: dict[str, bytes]) -> None:
        header = json.loads(members["header.json"]) | {"format_version": 2}
        del header["index"]
        members["header.json"] = json.dumps(header).encode()
        for name in [name for name in members if name.startswith(("graph", "slots"))]:
            del members[name]

    rewritten(tmp_path / "bank", older)
    loaded = MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)
    assert (loaded.get_all(), [*loaded.marks]) == (bank.get_all(), ["monday"])
    assert loaded._index._graphs == []
    assert found(loaded) == found(bank)


def array(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def value_of(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("slots.npy", lambda was: was[:-1], "counts"),
        ("slots.npy", lambda was: was + 1, "ids of the records"),
        ("slots.npy", lambda was: was.astype(float), "int64"),
        ("graph0.base.npy", lambda was: was + np.uint32(10**6), "to no vector"),
        ("graph0.base.npy", lambda was: was[:, 1:], "instead of"),
        ("graph1.upper.npy", lambda was: was[1:], "instead of"),
        ("graph1.levels.npy", lambda was: -was, "graph's"),
        ("graph1.levels.npy", lambda was: was[:-1], "instead of"),
        ("graph0.levels.npy", None, "graph0.levels.npy"),
        ("slots.npy", None, "slots.npy"),
        ("vectors.npy", lambda was: np.asfortranarray(was), "row by row"),
    ],
)
def test_sealed_graphs_that_are_wrong(tmp_path, hnsw, name, change, message):
    large_bank().save(tmp_path / "bank")
    with zipfile.ZipFile(tmp_path / "bank") as archive:
        assert name in archive.namelist()

    def spoil(members: dict[str, bytes]) -> None:
        content = members.pop(name)
        if change:
            members[name] = array(change(value_of(content)))

    rewritten(tmp_path / "bank", spoil)
    with pytest.raises(BankFileError, match=message):
        MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)


@pytest.mark.parametrize(
    "change",
    [
        lambda layout: layout["graphs"].reverse(),
        lambda layout: layout["graphs"].append(layout["graphs"][0]),
        lambda layout: layout["graphs"][0].update(start=1),
        lambda layout: layout["graphs"][1].update(entry=10**9),
        lambda layout: layout["graphs"][1].pop("entry"),
        lambda layout: layout.pop("graphs"),
    ],
)
def test_sealed_headers_that_do_not_fit_the_graphs(tmp_path, hnsw, change):
    large_bank().save(tmp_path / "bank")

    def spoil(members: dict[str, bytes]) -> None:
        header = json.loads(members["header.json"])
        change(header["index"])
        members["header.json"] = json.dumps(header).encode()

    rewritten(tmp_path / "bank", spoil)
    with pytest.raises(BankFileError, match="sound memory bank"):
        MemoryBank.load(tmp_path / "bank", EMBEDDER, exact_limit=50)


def test_vectors_pass_through_memory_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "_BLOCK", 2**15)
    bank = MemoryBank(HashEmbedder(1024))
    bank.add_many([{"value": f"record {i}"} for i in range(1000)])
    bank.update("m1", "so that slots are not in order")
    size = 4 * 1024 * 1000
    with memory() as peak:
        bank.save(tmp_path / "bank")
    assert (tmp_path / "bank").stat().st_size > size
    assert peak() < size / 4
    with memory() as peak:
        loaded = MemoryBank.load(tmp_path / "bank", HashEmbedder(1024))
    assert size < peak() < size * 1.5
    assert loaded.get_all() == bank.get_all()


@contextmanager
def memory() -> Iterator[Callable[[], int]]:
    """Give a function that tells how many bytes were in use at most, beyond those before."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    most = [0]
    try:
        yield lambda: most[0]
        most[0] = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_without_hnswlib_a_large_bank_is_not_loaded(tmp_path, monkeypatch, hnsw):
    bank = MemoryBank(EMBEDDER, exact_limit=50)
    bank.add_many([{"value": f"record {i}"} for i in range(51)])
    bank.save(tmp_path / "bank")
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    with pytest.raises(MissingExtraError, match=r"more than 50 records .*\[hnsw\]"):
        MemoryBank.load(tmp_path / "bank", exact_limit=50)
    assert len(MemoryBank.load(tmp_path / "bank", exact_limit=51)) == 51


@pytest.fixture
def outside(tmp_path, monkeypatch) -> str:
    """The name of a module of someone's own."""
    (tmp_path / "mira_embedders.py").write_text(
        "from memgym.bank import HashEmbedder\n"
        "class Own(HashEmbedder):\n"
        "    def __init__(self):\n"
        "        super().__init__(8)\n"
        "        self.name = 'mira_embedders:Own'\n"
        "def make():\n"
        "    own = Own()\n"
        "    own.name = 'mira_embedders:make'\n"
        "    return own\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "mira_embedders"
    sys.modules.pop("mira_embedders", None)


def test_an_embedder_of_ones_own_is_given_by_its_name(tmp_path, outside):
    bank = MemoryBank(f"{outside}:Own")
    bank.add("Mira has a cat")
    bank.save(tmp_path / "bank")
    again = pickle.loads(pickle.dumps(bank))
    assert again.search("cat") == bank.search("cat")
    sys.modules.pop(outside)
    with pytest.raises(BankFileError, match="which is not taken from a file"):
        MemoryBank.load(tmp_path / "bank")
    assert outside not in sys.modules
    loaded = MemoryBank.load(tmp_path / "bank", f"{outside}:Own")
    assert loaded.embedder.name == "mira_embedders:Own"
    assert loaded.search("cat") == bank.search("cat")


@pytest.mark.parametrize("name", ["mira_embedders:make", "mira_embedders:Gone", "sys:exit", "no_such:Class"])
def test_a_file_cannot_have_anything_called(tmp_path, outside, name):
    (tmp_path / "bank").write_bytes(sealed(HEADER | {"embedder": name}, LINE, VECTORS))
    with pytest.raises(BankFileError, match="pass it as embedder="):
        MemoryBank.load(tmp_path / "bank")
