"""Rows of CSV files, which have no mark of their own: they are known by their names."""

from __future__ import annotations

import csv
import io
import mmap
from collections import Counter
from typing import Any

from memgym.data.rows import Rows, sha256
from memgym.errors import DataError


class CsvRows(Rows):
    """Rows of a CSV file with a header line (RFC 4180, UTF-8); every value is a text. The file is held in memory.

    Raises:
        DataError: it is not UTF-8, two columns have one name, or a row has more or fewer values than the header has
            names.
    """

    def __init__(self, name: str, source: str, data: mmap.mmap):
        super().__init__(name, source)
        self._data = data
        csv.field_size_limit(max(csv.field_size_limit(), len(data)))  # Python's own is less than a document
        try:
            lines = csv.reader(io.StringIO(data[:].decode("utf-8-sig"), newline=""), strict=True)
            names = next(lines, [])
            twice = next((column for column, times in Counter(names).items() if times > 1), None)
            if twice is not None:
                raise DataError(f"{name}: two columns are called {twice!r}: give each a name of its own")
            self._rows = [self._row(names, values, number) for number, values in enumerate(filter(None, lines))]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{name} is no CSV file in UTF-8 ({error}); is it cut off?") from None

    def _row(self, names: list[str], values: list[str], number: int) -> dict[str, Any]:
        if len(values) != len(names):
            raise DataError(f"{self.where(number)} has {len(values)} values; the header has {len(names)} names")
        return dict(zip(names, values, strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]

    @property
    def nbytes(self) -> int:
        """The size of the unpacked file."""
        return len(self._data)

    def _digest(self) -> str:
        return sha256(self._data)
