"""Data files as rows: a JSON array, JSON lines, parquet or CSV, each plain or gzip-compressed, or a hub data set.

The format is told by the first bytes, not by the name (MemFactory, for one, writes JSON lines into ``.json`` files);
but for CSV, which has none: there the name tells.
A file is mapped into memory and only the offsets of its rows are kept, so a file of several gigabytes opens without
being loaded; a row is decoded when it is asked for. Compressed files are first unpacked, and parquet is first written
out as Arrow batches, into an unnamed temporary file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from memgym.data.hub import HUB_PREFIX, HubRows
from memgym.data.mapping import map_content
from memgym.data.parquet import ParquetRows
from memgym.data.rows import FORMATS, JsonRows, Rows, scan_array, scan_lines, sha256
from memgym.data.table import CsvRows
from memgym.errors import DataError
from memgym.folders import locate

_PARQUET, _BOM = b"PAR1", b"\xef\xbb\xbf"


def read_rows(path: str | Path) -> Rows:
    """Open a data file, or a data set on the Hugging Face hub if ``path`` begins with ``hf:``.

    Raises:
        DataError: the file is missing, empty, cut off, or in none of the known formats.
        MissingExtraError: the format needs the extra ``data``.
    """
    rows = HubRows(str(path)) if str(path).startswith(HUB_PREFIX) else _read_file(Path(path))
    if not len(rows):
        raise DataError(f"{rows.name} has no rows")
    return rows


def reopen(source: str, name: str, digest: str) -> Rows:
    """Open rows that were open when they were pickled.

    Args:
        source: where they lay.
        name: what error messages call them.
        digest: the SHA-256 that their content had.

    Raises:
        DataError: there is no such file here, or it has another content now.
    """
    rows = read_rows(source)
    if rows.digest != digest:
        raise DataError(f"{source} is not what it was when it was pickled: bring that file back, or make the task anew")
    rows.name = name
    return rows


def digest(path: str) -> str:
    """Return the SHA-256 of a file's unpacked content, whatever is in it, or of a hub data set's rows.

    Raises:
        DataError: the file is missing, empty or cut off.
    """
    return HubRows(path).digest if path.startswith(HUB_PREFIX) else sha256(map_content(Path(path)))


def _read_file(path: Path) -> Rows:
    name, source = str(path), os.path.abspath(locate(path))
    data = map_content(path)
    start = len(_BOM) if data[:3] == _BOM else 0
    if path.name.removesuffix(".gz").endswith(".csv"):
        return CsvRows(name, source, data)
    first = re.compile(rb"\s*+(.)", re.DOTALL).match(data, start)
    if data[:4] == _PARQUET:
        return ParquetRows(name, source, data)
    if first and first[1] == b"[":
        return JsonRows(name, source, data, scan_array(name, data, first.end()))
    if first and first[1] == b"{":
        return JsonRows(name, source, data, scan_lines(data, start))
    raise DataError(f"{name} is in no known format; expected {FORMATS}")
