"""Reading rows from JSON arrays, JSON lines, parquet and hub data sets, whole and damaged."""

from __future__ import annotations

import gzip
import json
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.data.fields import require
from memgym.data.files import read_rows
from memgym.errors import DataError, MissingExtraError

ROWS = [
    {"id": 1, "text": 'quotes " and \\" and brackets ]}[{', "nested": {"a": [1, [2, {"b": None}]]}},
    {"id": 2, "text": "Zürich 東京 🎷 \n next line", "nested": {}},
    {"id": 3, "text": "", "nested": {"empty": []}},
]


def json_bytes(rows) -> bytes:
    return json.dumps(rows).encode()


def jsonl_bytes(rows) -> bytes:
    return "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def parquet_bytes(rows) -> bytes:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows), sink, row_group_size=2)
    return sink.getvalue().to_pybytes()


FORMATS = {"json": json_bytes, "jsonl": jsonl_bytes, "parquet": parquet_bytes}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_rows_come_back_in_any_order(tmp_path, name, packed):
    rows = [{"id": i, "text": f"row {i} [", "list": [str(i)] * i} for i in range(7)]
    content = FORMATS[name](rows)
    path = tmp_path / "data"  # the format is not told by the name
    path.write_bytes(gzip.compress(content) if packed else content)
    read = read_rows(path)
    assert len(read) == 7
    assert [read[i] for i in (6, 0, 3)] == [rows[i] for i in (6, 0, 3)]
    assert list(read) == rows
    assert read.nbytes > 0


@pytest.mark.parametrize("name", FORMATS)
def test_digest_is_of_the_unpacked_content(tmp_path, name):
    content = FORMATS[name]([{"id": 1}])
    plain, packed, other = tmp_path / "plain", tmp_path / "packed", tmp_path / "other"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    other.write_bytes(FORMATS[name]([{"id": 2}]))
    assert read_rows(plain).digest == read_rows(packed).digest != read_rows(other).digest


def test_strings_with_brackets_quotes_and_escapes(tmp_path):
    path = tmp_path / "rows.json"
    for indent in (None, 2):
        path.write_text(json.dumps(ROWS, indent=indent))
        assert list(read_rows(path)) == ROWS


def test_byte_order_mark_and_white_space(tmp_path):
    path = tmp_path / "rows.json"
    for content in (b" \n[ {} , {} ] \n", b'{"a": 1}\r\n\r\n {"a": 2}\r\n'):
        path.write_bytes(b"\xef\xbb\xbf" + content)
        assert len(list(read_rows(path))) == 2


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(rb'{"whole": "\ud83c\udfb7", "half": "a\uD83Cb"}')
    assert read_rows(path)[0] == {"whole": "🎷", "half": "a\ufffdb"}


texts = st.text() | st.sampled_from(['"', "\\", '\\"', "]", "}", "{", "[", ",", "\\u0022"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(rows=st.lists(st.dictionaries(texts, values, max_size=3), min_size=1, max_size=5), ascii_only=st.booleans())
def test_scanner_finds_the_rows_that_json_finds(tmp_path_factory, rows, ascii_only):
    path = tmp_path_factory.getbasetemp() / "scanner.json"
    path.write_text(json.dumps(rows, ensure_ascii=ascii_only), encoding="utf-8", errors="surrogatepass")
    assert list(read_rows(path)) == json.loads(path.read_bytes())


@given(cut=st.integers(1, len(json_bytes(ROWS)) - 1))
def test_no_cut_of_an_array_passes_unseen(tmp_path_factory, cut):
    path = tmp_path_factory.getbasetemp() / "cut.json"
    path.write_bytes(json_bytes(ROWS)[:cut])
    with pytest.raises(DataError, match="cut off"):
        read_rows(path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_gzip_file_is_named(tmp_path, name):
    path = tmp_path / "rows.gz"
    path.write_bytes(gzip.compress(FORMATS[name]([{"id": 1}]))[:-9])
    with pytest.raises(DataError, match=r"rows\.gz is not a whole gzip file"):
        read_rows(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"[]", "has no rows"),
        (b"  \n ", "no known format"),
        (b"question,answer\n1,2\n", "no known format"),
        (b'"text"', "no known format"),
        (b'[1, {"a": 1}]', "before row 0: expected an object"),
        (b'[{"a": 1} {"a": 2}]', "before row 1: expected an object"),
        (b'[{"a": 1}, ]', "before row 1: expected an object"),
        (b"[{}, 5]", "before row 1: expected an object"),
        (b"[{}]]", "goes on after the end"),
        (b"[{}] {}", "goes on after the end"),
        (b"PAR1 and then nothing", "not a whole parquet file"),
    ],
)
def test_damaged_files_are_refused_when_opened(tmp_path, content, message):
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_rows(path)
    assert "bad.json" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": ', "row 1 is not valid JSON"),
        (b'{"a": 1}\n[2]', "row 1 is a list, not an object"),
        (b'[{"a": 1}, {"a" 2}]', "row 1 is not valid JSON"),
        (b"[{}, [2]]", "row 1 is a list, not an object"),
        (b'{}\n{"a": ' + b"[" * 100_000, "row 1 is not valid JSON"),
        (b'{"a": 1}\n{"a": "\xff"}', "row 1 is not valid JSON"),
    ],
)
def test_damaged_rows_are_named_when_read(tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    rows = read_rows(path)
    rows[0]
    with pytest.raises(DataError, match=message):
        rows[1]


def test_large_files_are_not_held_in_memory(tmp_path):
    path = tmp_path / "large.json"
    path.write_text(json.dumps([{"id": i, "text": "some words " * 50_000} for i in range(40)]))
    tracemalloc.start()
    rows = read_rows(path)
    assert (len(rows), rows[39]["id"]) == (40, 39)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 5


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.json does not exist"):
        read_rows(tmp_path / "nowhere.json")
    with pytest.raises(DataError, match="is a folder"):
        read_rows(tmp_path)


@pytest.mark.parametrize("package", ["pyarrow", "datasets"])
def test_missing_extra(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 ...")
    with pytest.raises(MissingExtraError, match=r"\[data\]"):
        read_rows(path if package == "pyarrow" else "hf:some/data")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder that stands for a hub repository with the splits train and test; the cache is kept out of the home."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "train.jsonl").write_bytes(jsonl_bytes([{"id": i, "tags": ["a", "b"]} for i in range(3)]))
    (folder / "test.jsonl").write_bytes(jsonl_bytes([{"id": 9, "tags": []}]))
    return folder


def test_hub_rows(hub):
    rows = read_rows(f"hf:{hub}::train")
    assert list(rows) == [{"id": i, "tags": ["a", "b"]} for i in range(3)]
    assert rows.where(2) == f"hf:{hub}::train, row 2"
    assert rows.nbytes > 0
    assert rows.digest == read_rows(f"hf:{hub}:default:train").digest != read_rows(f"hf:{hub}::test").digest


def test_hub_errors(hub, tmp_path):
    with pytest.raises(DataError, match=r"several splits; append one: .*::SPLIT with SPLIT one of .*train"):
        read_rows(f"hf:{hub}")
    with pytest.raises(DataError, match=r"several splits; append one: .*:default:SPLIT "):
        read_rows(f"hf:{hub}:default")
    for name in (f"hf:{hub}::nothing", f"hf:{hub}:other:train", f"hf:{tmp_path / 'absent'}"):
        with pytest.raises(DataError, match="cannot be loaded"):
            read_rows(name)


def test_require():
    row = {"text": "a", "number": 3, "flag": True, "none": None}
    assert require(row, "text", str, "f, row 0") == "a"
    assert require(row, "flag", bool, "f, row 0") is True
    assert require(row, "none", (str, type(None)), "f, row 0") is None
    with pytest.raises(DataError, match=r"f, row 0: the field 'name' is missing; there are 'text', 'number'"):
        require(row, "name", str, "f, row 0")
    with pytest.raises(DataError, match=r"'number' must be a string or a list, not an int"):
        require(row, "number", (str, list), "f, row 0")
    with pytest.raises(DataError, match=r"'flag' must be an int, not a bool"):
        require(row, "flag", int, "f, row 0")
    with pytest.raises(DataError, match=r"'none' must be a string, not null"):
        require(row, "none", str, "f, row 0")
    with pytest.raises(DataError, match=r"expected an object with the field 'text', found a list"):
        require([1], "text", str, "f, row 0")
