"""Step traces in files: JSON lines, which anyone can append to and read, or Parquet (extra ``data``)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from memgym.errors import ConfigError, DataError, MissingExtraError
from memgym.steptrace.record import TraceStep

LONGEST = 1 << 28
"""The longest line that is read, in bytes."""
_KINDS = (".jsonl", ".jsonl.gz", ".parquet")
_FREE = ("inputs", "extra", "rewards")
"""Fields of any content: in Parquet their JSON."""


class TraceWriter:
    """Appends steps to a new file of JSON lines, as episodes end; a context that closes it.

    Args:
        path: the new file, ….jsonl or ….jsonl.gz.

    Raises:
        ConfigError: it is there already, cannot be made, or has another name.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)
        if _kind(self._path) == ".parquet":
            raise ConfigError(f"{path}: a Parquet file is written whole: call write_trace, or name it ….jsonl")
        self._file = _create(self._path)

    def append(self, steps: Iterable[TraceStep]) -> None:
        """Write steps, those of an episode together.

        Raises:
            DataError: one of them could not be read again; then none is written.
        """
        self._file.write(_written(steps))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def write_trace(path: str | Path, steps: Iterable[TraceStep]) -> None:
    """Write steps to a new file: ….jsonl, ….jsonl.gz or ….parquet.

    Raises:
        ConfigError: it is there already, cannot be made, or has another name.
        DataError: a step could not be read again, e.g. for a number that is none; then there is no file.
        MissingExtraError: pyarrow is not installed (extra ``data``).
    """
    path = Path(path)
    if _kind(path) == ".parquet":
        _write_parquet(path, steps)
        return
    lines = _written(steps)
    with _create(path) as file:
        file.write(lines)


def read_trace(path: str | Path) -> Iterator[TraceStep]:
    """Yield the steps of a file that :func:`write_trace` or :class:`TraceWriter` wrote.

    Raises:
        DataError: the file cannot be read, or a row is not what a step should be; the message names it.
        ConfigError: it has another name.
        MissingExtraError: pyarrow is not installed (extra ``data``).
    """
    path = Path(path)
    rows = _parquet_rows(path) if _kind(path) == ".parquet" else _lines(path)
    for number, row in enumerate(rows, 1):
        try:
            if isinstance(row, bytes):
                yield msgspec.json.decode(row, type=TraceStep)
            else:
                yield msgspec.convert(row, TraceStep)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(f"{path}, row {number}: no step: {error}") from None


def _kind(path: Path) -> str:
    for kind in _KINDS:
        if path.name.endswith(kind):
            return kind
    raise ConfigError(f"{path}: a step trace is called ….jsonl, ….jsonl.gz or ….parquet")


def _create(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return gzip.open(path, "xb") if path.suffix == ".gz" else open(path, "xb")  # type: ignore[return-value]
    except FileExistsError:
        raise ConfigError(f"{path} exists already") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            while line := file.readline(LONGEST + 1):
                if len(line) > LONGEST:
                    raise DataError(f"{path}: a line has more than {LONGEST:,} bytes")
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _written(steps: Iterable[TraceStep]) -> bytes:
    return b"".join(_line(step) + b"\n" for step in steps)


def _line(step: TraceStep) -> bytes:
    """Return a step as JSON that is read as the same step again: a number that is none would come back as nothing."""
    try:
        line = msgspec.json.encode(step, enc_hook=_plain)
        msgspec.json.decode(line, type=TraceStep)
        json.dumps([step.inputs, step.extra], allow_nan=False, default=_plain)  # of any type, so not told by it
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        place = f"step {step.turn} of episode {step.episode_id!r}"
        raise DataError(f"{place} cannot be written down: {error}") from None
    return line


def _plain(value: Any) -> Any:
    """Return what an array or tensor holds as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is no plain value")


def _schema() -> Any:
    """Return the columns of a Parquet file; their types do not depend on what happens to be in them."""
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("a step trace in Parquet", "data") from None
    ids, texts = pa.list_(pa.int64()), pa.list_(pa.map_(pa.string(), pa.string()))
    kinds = {
        **dict.fromkeys(("index", "trial", "group", "episode", "turn", "policy_version"), pa.int64()),
        **dict.fromkeys(("final", "trained", "truncated"), pa.bool_()),
        **dict.fromkeys(("prompt_ids", "response_ids"), ids),
        "reward": pa.float64(),
        "log_probs": pa.list_(pa.float64()),
        "response_mask": pa.list_(pa.bool_()),
        "messages": texts,
    }
    return pa.schema([(name, kinds.get(name, pa.string())) for name in TraceStep.__struct_fields__])


def _write_parquet(path: Path, steps: Iterable[TraceStep]) -> None:
    schema = _schema()
    import pyarrow as pa
    from pyarrow import parquet

    rows = []
    for step in steps:
        _line(step)  # what JSON lines refuse, this refuses
        row = {name: getattr(step, name) for name in TraceStep.__struct_fields__}
        rows.append(row | {name: msgspec.json.encode(row[name], enc_hook=_plain).decode() for name in _FREE})
    try:
        table = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(f"steps cannot be written down: {error}") from None
    with _create(path) as file:
        parquet.write_table(table, file)


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    _schema()
    import pyarrow as pa
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=256):
            for row in batch.to_pylist():
                row |= {name: msgspec.json.decode(row[name]) for name in _FREE if name in row}
                if row.get("messages") is not None:
                    row["messages"] = [dict(message) for message in row["messages"]]
                yield row
    except (pa.ArrowException, OSError, msgspec.MsgspecError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no whole Parquet file of steps: {error}") from None
