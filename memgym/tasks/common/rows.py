"""Rows of published data files: a JSON array, JSON lines or parquet, each plain or gzip-compressed, or a hub data set.

The format is told by the first bytes, not by the name (MemFactory, for one, writes JSON lines into ``.json`` files).
A file is mapped into memory and only the offsets of its rows are kept, so a file of several gigabytes opens without
being loaded; a row is decoded when it is asked for. Compressed files are first unpacked, and parquet is first written
out as Arrow batches, into an unnamed temporary file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mmap
import os
import re
import shutil
import tempfile
import zlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from memgym.errors import DataError, MissingExtraError

HUB_PREFIX = "hf:"
DATA_FOLDER = "MEMGYM_DATA"
"""Environment variable: the folder in which relative paths are looked up, after the working directory."""
_GZIP, _PARQUET, _BOM = b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf"
_FORMATS = "a JSON array of objects, JSON lines, or parquet; each plain or .gz"

# Everything up to the next bracket that is not inside a string. Possessive, so that it never backtracks.
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)


class Rows(ABC):
    """A read-only sequence of rows, each a dict.

    Args:
        name: what error messages call the file.
    """

    def __init__(self, name: str):
        self.name = name

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a row.

        Raises:
            DataError: the row cannot be decoded or is not an object.
        """

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """The size of all rows in bytes, unpacked."""

    @abstractmethod
    def digest(self) -> str:
        """Return the SHA-256 of the (unpacked) content."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def where(self, index: int) -> str:
        """Return how error messages call a row; the first is row 0."""
        return f"{self.name}, row {index}"


class JsonRows(Rows):
    """Rows that are JSON objects at known offsets of a mapped file."""

    def __init__(self, name: str, data: mmap.mmap, spans: array[int]):
        super().__init__(name)
        self._data, self._spans = data, spans

    def __len__(self) -> int:
        return len(self._spans) // 2

    def __getitem__(self, index: int) -> dict[str, Any]:
        start, end = self._spans[2 * index : 2 * index + 2]
        try:
            text = self._data[start:end].decode()
            row = json.loads(text)
        except (ValueError, RecursionError) as error:  # also an undecodable byte
            raise DataError(f"{self.where(index)} is not valid JSON ({error}); is the file cut off?") from None
        if "\\ud" in text or "\\uD" in text:
            row = _whole_characters(row)
        if not isinstance(row, dict):
            raise DataError(f"{self.where(index)} is {_kind(row)}, not an object")
        return row

    @property
    def nbytes(self) -> int:
        """The size of the unpacked file."""
        return len(self._data)

    def digest(self) -> str:
        """Return the SHA-256 of the unpacked file."""
        return _sha256(self._data)


class ParquetRows(Rows):
    """Rows of an Arrow table that is mapped from a temporary file.

    Raises:
        MissingExtraError: pyarrow is not installed (extra ``data``).
    """

    def __init__(self, name: str, data: mmap.mmap):
        super().__init__(name)
        try:
            import pyarrow as pa
            from pyarrow import ipc, parquet
        except ImportError:
            raise MissingExtraError(f"reading {name} (parquet)", "data") from None
        try:
            with tempfile.TemporaryFile() as scratch:
                source = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
                with ipc.new_file(scratch, source.schema_arrow) as writer:
                    for batch in source.iter_batches(batch_size=256):
                        writer.write_batch(batch)
                scratch.flush()
                self._table = ipc.open_file(pa.py_buffer(_map(scratch))).read_all()
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{name} is not a whole parquet file ({error}); fetch it again") from None
        self._data = data

    def __len__(self) -> int:
        return self._table.num_rows

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._table.slice(index, 1).to_pylist()[0]

    @property
    def nbytes(self) -> int:
        """The size of the columns."""
        return self._table.nbytes

    def digest(self) -> str:
        """Return the SHA-256 of the unpacked file."""
        return _sha256(self._data)


class HubRows(Rows):
    """Rows of a data set on the Hugging Face hub, read through the ``datasets`` package (extra ``data``).

    Args:
        name: ``hf:ORG/NAME``, ``hf:ORG/NAME:CONFIG`` or ``hf:ORG/NAME:CONFIG:SPLIT``; parts may be left empty.
            A local folder of data files may stand for ``ORG/NAME``.

    Raises:
        MissingExtraError: ``datasets`` is not installed.
        DataError: the data set, its configuration or its split cannot be had.
    """

    def __init__(self, name: str):
        super().__init__(name)
        try:
            import datasets
        except ImportError:
            raise MissingExtraError(f"reading {name} from the Hugging Face hub", "data") from None
        repository, _, rest = name.removeprefix(HUB_PREFIX).partition(":")
        config, _, split = rest.partition(":")
        try:
            found = datasets.load_dataset(repository, config or None, split=split or None)
        except Exception as error:  # network, hub and format errors share no base class
            raise DataError(f"{name} cannot be loaded ({type(error).__name__}: {error})") from error
        if isinstance(found, dict):
            if len(found) > 1:
                raise DataError(
                    f"{name} has several splits; append one: {name}{':' * (2 - name.count(':', 3))}"
                    f"SPLIT with SPLIT one of {', '.join(found)}"
                )
            found = next(iter(found.values()))
        self._rows = found

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]

    @property
    def nbytes(self) -> int:
        """The size of the Arrow table."""
        return self._rows.data.nbytes

    def digest(self) -> str:
        """Return the SHA-256 of all rows, written as JSON."""
        total = hashlib.sha256()
        for row in self:
            total.update(json.dumps(row, sort_keys=True, default=str).encode())
        return total.hexdigest()


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


def digest(path: str) -> str:
    """Return the SHA-256 of a file's unpacked content, whatever is in it, or of a hub data set's rows.

    Raises:
        DataError: the file is missing, empty or cut off.
    """
    return HubRows(path).digest() if path.startswith(HUB_PREFIX) else _sha256(_open(Path(path)))


def _sha256(data: mmap.mmap) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_file(path: Path) -> Rows:
    name = str(path)
    data = _open(path)
    start = len(_BOM) if data[:3] == _BOM else 0
    first = re.compile(rb"\s*+(.)", re.DOTALL).match(data, start)
    if data[:4] == _PARQUET:
        return ParquetRows(name, data)
    if first and first[1] == b"[":
        return JsonRows(name, data, _scan_array(name, data, first.end()))
    if first and first[1] == b"{":
        return JsonRows(name, data, _scan_lines(data, start))
    raise DataError(f"{name} is in no known format; expected {_FORMATS}")


def locate(path: Path) -> Path:
    """Return where a file is: a relative path that leads nowhere is looked up in the data folder."""
    folder = os.environ.get(DATA_FOLDER)
    return Path(folder) / path if folder and not path.exists() else path


def _open(path: Path) -> mmap.mmap:
    """Map the unpacked content of a file."""
    path = locate(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        hint = "" if DATA_FOLDER in os.environ else f" (or set {DATA_FOLDER} to the folder that holds it)"
        raise DataError(f"data file {path} {what}; give the path of a file{hint}: {_FORMATS}")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            if not packed:
                return _map(file)
        with gzip.open(path) as source, tempfile.TemporaryFile() as scratch:
            shutil.copyfileobj(source, scratch, 1 << 20)
            scratch.flush()
            return _map(scratch)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    except ValueError:  # what mmap says of no bytes
        raise DataError(f"{path} is empty; fetch it again") from None


def _map(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _scan_lines(data: mmap.mmap, start: int) -> array[int]:
    """Return the offsets (start, end, start, end, ...) of the lines that are not blank."""
    spans = array("q")
    data.seek(start)
    for line in iter(data.readline, b""):
        if not line.isspace():
            spans.extend((start, start + len(line)))
        start += len(line)
    return spans


def _scan_array(name: str, data: mmap.mmap, start: int) -> array[int]:
    """Return the offsets of the objects in a JSON array whose opening bracket ends at ``start``."""
    spans = array("q")
    position, row_end, depth = start, start, 1
    while depth:
        match = _TO_BRACKET.match(data, position)
        if match is None:
            raise DataError(f"{name} is cut off in row {len(spans) // 2}: the JSON array has no end; fetch it again")
        position = match.end()
        opens = match[1] in b"[{"
        if depth == 1:  # between two rows, or at the end of the array
            between = data[row_end : position - 1].strip()
            if between != (b"," if opens and spans else b""):
                raise DataError(f"{name}, before row {len(spans) // 2}: expected an object, found {between[:40]!r}")
            row_start = position - 1
        depth += 1 if opens else -1
        if depth == 1 and not opens:
            spans.extend((row_start, position))
            row_end = position
    if data[position:].strip():
        raise DataError(f"{name} goes on after the end of its JSON array; expected {_FORMATS}")
    return spans


def _whole_characters(row: Any) -> Any:
    """Replace halves of surrogate pairs, which JSON can escape but UTF-8 cannot write, by U+FFFD."""
    text = json.dumps(row, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def require(row: Any, field: str, types: type | tuple[type, ...], where: str) -> Any:
    """Return ``row[field]``.

    Args:
        types: what the value may be; a bool is not an int.
        where: the file and row, for the message.

    Raises:
        DataError: the row is no object, the field is missing, or its value is of another type.
    """
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with the field {field!r}, found {_kind(row)}")
    if field not in row:
        raise DataError(f"{where}: the field {field!r} is missing; there are {', '.join(map(repr, row)) or 'none'}")
    value = row[field]
    types = types if isinstance(types, tuple) else (types,)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(_KINDS.get(kind, kind.__name__) for kind in types)
        raise DataError(f"{where}: the field {field!r} must be {expected}, not {_kind(value)}")
    return value


_KINDS = {str: "a string", int: "an int", float: "a number", bool: "a bool", list: "a list", dict: "an object"}


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
