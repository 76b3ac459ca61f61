from __future__ import annotations

import gzip
import pickle

import pytest

from memgym.data.files import read_rows
from memgym.errors import DataError

TABLE = 'id,text\n1,"a, ""b""\nand c"\n\n2,ü\n'
ROWS = [{"id": "1", "text": 'a, "b"\nand c'}, {"id": "2", "text": "ü"}]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_of_a_table(tmp_path, name, mark):
    content = mark + TABLE.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    rows = read_rows(tmp_path / name)
    assert list(rows) == ROWS
    assert (len(rows), rows.nbytes, rows.where(1)) == (2, len(content), f"{tmp_path / name}, row 1")
    assert list(pickle.loads(pickle.dumps(rows))) == ROWS


def test_a_long_document_is_no_fault(tmp_path):
    (tmp_path / "t.csv").write_text("id,text\n1," + "a" * 200_000 + "\n")
    assert len(read_rows(tmp_path / "t.csv")[0]["text"]) == 200_000


def test_json_in_a_file_of_another_name_is_no_table(tmp_path):
    (tmp_path / "t.tsv").write_text(TABLE)
    with pytest.raises(DataError, match=r"no known format; expected .* a \.csv file"):
        read_rows(tmp_path / "t.tsv")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,text\n1\n", "row 0 has 1 values; the header has 2 names"),
        (b"id,text\n1,2\n1,2,3\n", "row 1 has 3 values"),
        (b"id,text,id\n1,2,3\n", "two columns are called 'id': give each a name of its own"),
        (b'id,text\n1,"cut', "is no CSV file in UTF-8"),
        (b"id,text\n1,\xff\n", "is no CSV file in UTF-8"),
        (b"id,text\n", "has no rows"),
        (b"\n", "has no rows"),
    ],
)
def test_bad_tables(tmp_path, content, told):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_rows(tmp_path / "t.csv")
