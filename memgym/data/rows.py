"""A read-only sequence of rows, and JSON rows at known offsets of a file that is mapped into memory."""

from __future__ import annotations

import hashlib
import json
import mmap
import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

from memgym.data.fields import kind_of
from memgym.errors import DataError

FORMATS = "a JSON array of objects, JSON lines, parquet, or a .csv file; each plain or .gz"

# Everything up to the next bracket that is not inside a string. Possessive, so that it never backtracks.
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)


class Rows(ABC):
    """A read-only sequence of rows, each a dict.

    A copy is the same object. A pickle holds no rows: where it is loaded, the source is opened anew, and must have
    the content that it had here.

    Args:
        name: what error messages call the file.
        source: by what :func:`~memgym.data.files.read_rows` finds it from any working folder.
    """

    def __init__(self, name: str, source: str):
        self.name = name
        self.source = source

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from memgym.data.files import reopen  # which reads rows by the classes of this module

        return reopen, (self.source, self.name, self.digest)

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

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the unpacked content, as hexadecimal digits."""
        return self._digest()

    @abstractmethod
    def _digest(self) -> str:
        """Work out the digest."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def where(self, index: int) -> str:
        """Return how error messages call a row; the first is row 0."""
        return f"{self.name}, row {index}"


class JsonRows(Rows):
    """Rows that are JSON objects at known offsets of a mapped file."""

    def __init__(self, name: str, source: str, data: mmap.mmap, spans: array[int]):
        super().__init__(name, source)
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
            raise DataError(f"{self.where(index)} is {kind_of(row)}, not an object")
        return row

    @property
    def nbytes(self) -> int:
        """The size of the unpacked file."""
        return len(self._data)

    def _digest(self) -> str:
        return sha256(self._data)


def sha256(data: mmap.mmap) -> str:
    """Return the SHA-256 of mapped content."""
    return hashlib.sha256(data).hexdigest()


def scan_lines(data: mmap.mmap, start: int) -> array[int]:
    """Return the offsets (start, end, start, end, ...) of the lines that are not blank."""
    spans = array("q")
    data.seek(start)
    for line in iter(data.readline, b""):
        if not line.isspace():
            spans.extend((start, start + len(line)))
        start += len(line)
    return spans


def scan_array(name: str, data: mmap.mmap, start: int) -> array[int]:
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
        raise DataError(f"{name} goes on after the end of its JSON array; expected {FORMATS}")
    return spans


def _whole_characters(row: Any) -> Any:
    """Replace halves of surrogate pairs, which JSON can escape but UTF-8 cannot write, by U+FFFD."""
    text = json.dumps(row, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
