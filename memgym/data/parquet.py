"""Rows of parquet files (extra ``data``)."""

from __future__ import annotations

import mmap
from typing import Any

from memgym.data.mapping import map_file, unpacking
from memgym.data.rows import Rows, sha256
from memgym.errors import DataError, MissingExtraError


class ParquetRows(Rows):
    """Rows of an Arrow table that is mapped from a temporary file.

    Raises:
        MissingExtraError: pyarrow is not installed (extra ``data``).
    """

    def __init__(self, name: str, source: str, data: mmap.mmap):
        super().__init__(name, source)
        try:
            import pyarrow as pa
            from pyarrow import ipc, parquet
        except ImportError:
            raise MissingExtraError(f"reading {name} (parquet)", "data") from None
        try:
            with unpacking(name) as scratch:
                packed = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
                with ipc.new_file(scratch, packed.schema_arrow) as writer:
                    for batch in packed.iter_batches(batch_size=256):
                        writer.write_batch(batch)
                scratch.flush()
                self._table = ipc.open_file(pa.py_buffer(map_file(scratch))).read_all()
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

    def _digest(self) -> str:
        return sha256(self._data)
