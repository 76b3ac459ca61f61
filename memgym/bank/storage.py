"""Bank files: one zip archive with a JSON header, JSON lines and a NumPy array, sealed by a digest. No pickle.

``header.json`` names format, version, embedder, counts and marks. ``records.jsonl`` has a line for each id there ever
was, with all versions of its record. ``vectors.npy`` has float32 vectors: those of the live records in id order, or, in
a bank with HNSW graphs, those of all slots of its index. Then ``slots.npy`` has the number in the id of each slot's
record (-1 if the slot is dead), and ``graph0.levels.npy``, ``graph0.base.npy``, ``graph0.upper.npy``, ... have the
links. The archive comment, which ends the file, is the SHA-256 of everything before it; so any truncation or change is
noticed. Both ways, the vectors pass through memory a few megabytes at a time.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import secrets
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np

from memgym.bank import graph
from memgym.bank.graph import Links
from memgym.bank.index import Rows, State, VectorIndex, blocks
from memgym.bank.records import MemoryRecord, PlanError, check_storable
from memgym.errors import BankFileError, MemgymError

FORMAT, VERSION = "memgym memory bank", 3
"""Version 1 had no marks, version 2 no graphs: a large bank's are built when it is first searched or changed."""
_DIGEST = 64  # hexadecimal digits
_BLOCK = 2**20
_FIELDS = [field.name for field in fields(MemoryRecord) if field.name != "id"]


@dataclass(frozen=True)
class Snapshot:
    """Everything that a bank is.

    Args:
        embedder: name of the embedder that made the vectors.
        version: the bank's change counter.
        versions: for each id there ever was, in order, its record as it was after each change.
        deleted: id to time of deletion.
        index: the vectors of the live records, under the numbers in their ids.
        marks: names of what was taken in, in order.
    """

    embedder: str
    version: int
    versions: dict[str, tuple[MemoryRecord, ...]]
    deleted: dict[str, str]
    index: VectorIndex
    marks: tuple[str, ...] = ()


def write(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write ``snapshot`` to ``path`` in one step: whoever reads, at any time, finds the old file or the new one.

    A writer that is killed may leave a ``.tmp`` file beside it, which nothing reads and anyone may delete.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            _pack(snapshot, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # make the new name last as well
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: str | os.PathLike[str], exact_limit: int) -> Snapshot:
    """Read the snapshot at ``path``; its index is exact up to ``exact_limit``.

    Raises:
        BankFileError: the file is not a memory bank, is damaged, or comes from a newer version.
        MissingExtraError: the bank has more than ``exact_limit`` records, and the extra ``hnsw`` is not installed.
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            raise BankFileError(f"{path} is not a memory bank file; give one that MemoryBank.save wrote")
        if not _sound(file):
            raise BankFileError(f"{path} is damaged, cut off, or not a memory bank file; restore a copy or save anew")
        try:
            with zipfile.ZipFile(file) as archive:
                return _unpack(file, archive, exact_limit)
        except _Unfit as error:
            raise BankFileError(f"{path} {error}") from None
        except MemgymError:
            raise
        except (zipfile.BadZipFile, LookupError, TypeError, ValueError) as error:
            raise BankFileError(f"{path} does not hold a sound memory bank ({error}); save it anew") from error


class _Unfit(Exception):
    """A sound file that this version cannot use."""


class _Sealing:
    """A file to append to that ends, once sealed, with the digest of all before: the last 64 bytes are held back."""

    def __init__(self, file: BinaryIO):
        self._file, self._sha, self._held = file, hashlib.sha256(), b""

    def write(self, data: Any) -> int:
        self._put(self._held)
        self._held = bytes(data)
        return len(self._held)

    def flush(self) -> None:
        pass

    def seal(self) -> None:
        self._put(self._held[:-_DIGEST])
        self._file.write(self._sha.hexdigest().encode())

    def _put(self, data: bytes) -> None:
        self._sha.update(data)
        self._file.write(data)


def _sound(file: BinaryIO) -> bool:
    """Tell whether the file ends with the digest of all before, and leave it there."""
    left = file.seek(0, os.SEEK_END) - _DIGEST
    file.seek(0)
    sha = hashlib.sha256()
    while left > 0 and (data := file.read(min(left, _BLOCK))):
        sha.update(data)
        left -= len(data)
    return sha.hexdigest().encode() == file.read()


def _pack(snapshot: Snapshot, file: BinaryIO) -> None:
    """Write the file's content, which is a function of the snapshot alone."""
    state = snapshot.index.state()
    header = {
        "format": FORMAT,
        "format_version": VERSION,
        "embedder": snapshot.embedder,
        "dim": snapshot.index.dim,
        "ids": len(snapshot.versions),
        "records": len(snapshot.index),
        "version": snapshot.version,
        "marks": snapshot.marks,
        "index": _index_header(state) if state.graphs else None,
    }
    sealing = _Sealing(file)
    with zipfile.ZipFile(cast(IO[bytes], sealing), "w", zipfile.ZIP_STORED) as archive:
        archive.comment = bytes(_DIGEST)
        _member(archive, "header.json", [json.dumps(header, indent=1).encode()])
        lines = (_line(id, records, snapshot.deleted.get(id)) for id, records in snapshot.versions.items())
        _member(archive, "records.jsonl", lines)
        _array(archive, "vectors", "<f4", state.rows)
        if state.graphs:
            _array(archive, "slots", "<i8", state.keys)
        for number, (_, links) in enumerate(state.graphs):
            for name, dtype in _LINKS.items():
                _array(archive, f"graph{number}.{name}", dtype, getattr(links, name))
    sealing.seal()


_LINKS = {"levels": "<i4", "base": "<u4", "upper": "<u4"}
_SETTINGS = {"M": graph.M, "ef_construction": graph.EF_CONSTRUCTION, "seed": graph.SEED}


def _index_header(state: State) -> dict[str, Any]:
    graphs = [{"start": start, "entry": links.entry} for start, links in state.graphs]
    return {"exact_limit": state.exact_limit, "graphs": graphs, "grows": state.owns_last_graph, **_SETTINGS}


def _member(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> None:
    # A bare ZipInfo has a fixed date.
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        for part in parts:
            member.write(part)


def _array(archive: zipfile.ZipFile, name: str, dtype: str, rows: Rows) -> None:
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": dtype, "fortran_order": False, "shape": rows.shape})
    data = (np.ascontiguousarray(part, dtype).tobytes() for _, part in blocks(rows))
    _member(archive, f"{name}.npy", chain([start.getvalue()], data))


class _Array:
    """A NumPy array in an archive, read in slices of its rows, so that it is never in memory as a whole."""

    def __init__(self, file: BinaryIO, archive: zipfile.ZipFile, name: str, dtype: str):
        self._file = file
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as member:
            if np.lib.format.read_magic(member) != (1, 0):
                raise ValueError(f"{name}.npy is of another version of that format")
            self.shape, fortran, self._dtype = np.lib.format.read_array_header_1_0(member)
            start = member.tell()
        if info.compress_type != zipfile.ZIP_STORED or fortran or self._dtype != dtype:
            raise ValueError(f"{name}.npy must hold {np.dtype(dtype)} numbers, row by row, not compressed")
        if not self.shape or start + math.prod(self.shape) * self._dtype.itemsize != info.file_size:
            raise ValueError(f"{name}.npy is not as long as it says")
        file.seek(info.header_offset + 26)  # the lengths of name and extra field, which data follow
        self._start = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4))) + start

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(len(self))
        row = math.prod(self.shape[1:])
        self._file.seek(self._start + start * row * self._dtype.itemsize)
        return np.fromfile(self._file, self._dtype, max(0, stop - start) * row).reshape(-1, *self.shape[1:])


def _unpack(file: BinaryIO, archive: zipfile.ZipFile, exact_limit: int) -> Snapshot:
    header = json.loads(archive.read("header.json"))
    if header["format"] != FORMAT:
        raise _Unfit(f"is a {header['format']!r}, not a memory bank file; give one that MemoryBank.save wrote")
    if header["format_version"] > VERSION:
        raise _Unfit(f"has format version {header['format_version']}, newer than {VERSION}; upgrade memgym")
    with io.TextIOWrapper(archive.open("records.jsonl"), "utf-8", newline="\n") as lines:
        versions, deleted = _versions(lines)
    live = [int(id[1:]) for id in versions if id not in deleted]
    vectors = _Array(file, archive, "vectors", "<f4")
    layout = header["index"] if header["format_version"] > 2 else None
    keys = _Array(file, archive, "slots", "<i8")[:] if layout else np.array(live, np.int64)
    found = [len(versions), len(versions) - len(deleted), len(keys), *vectors.shape[1:]]
    if found != [header["ids"], header["records"], len(vectors), header["dim"]]:
        raise ValueError(f"the header's counts do not fit the content: {found}")
    if not all(np.isfinite(rows).all() for _, rows in blocks(vectors)):
        raise ValueError("vectors.npy must hold finite numbers")
    if not isinstance(header["embedder"], str) or not isinstance(header["version"], int):
        raise ValueError("the header's embedder must be a name and its version a number")
    if sorted(keys[keys >= 0].tolist()) != live:
        raise ValueError("slots.npy does not have the ids of the records")
    graphs: tuple[tuple[int, Links], ...] = ()
    if layout and layout | {"exact_limit": exact_limit, **_SETTINGS} == layout:  # else they are built anew
        graphs = _graphs(file, archive, layout["graphs"])
    state = State(exact_limit, keys, vectors, graphs, bool(layout and layout["grows"]))
    marks = _marks(header["marks"] if header["format_version"] > 1 else [])
    return Snapshot(header["embedder"], header["version"], versions, deleted, VectorIndex.restored(state), marks)


def _graphs(file: BinaryIO, archive: zipfile.ZipFile, entries: Any) -> tuple[tuple[int, Links], ...]:
    graphs = []
    for number, entry in enumerate(entries):
        arrays = {name: _Array(file, archive, f"graph{number}.{name}", dtype)[:] for name, dtype in _LINKS.items()}
        graphs.append((entry["start"], Links(entry["entry"], **arrays)))
    return tuple(graphs)


def _versions(lines: Iterable[str]) -> tuple[dict[str, tuple[MemoryRecord, ...]], dict[str, str]]:
    """Return all versions, and when what was deleted was, of the lines of ``records.jsonl``."""
    versions: dict[str, tuple[MemoryRecord, ...]] = {}
    deleted: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        id = f"m{number}"
        if entry["id"] != id:
            raise ValueError(f"records.jsonl line {number} is about {entry['id']!r} instead of {id!r}")
        versions[id] = tuple(_record(id, fields) for fields in entry["versions"])
        if not versions[id]:
            raise ValueError(f"records.jsonl line {number} has no version of {id!r}")
        if entry["deleted"] is not None:
            deleted[id] = entry["deleted"]
    return versions, deleted


def _marks(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or len(set(names)) < len(names):
        raise ValueError("the header's marks must be a list of different names")
    _check_storable("marks", *names)
    return tuple(names)


def _line(id: str, records: tuple[MemoryRecord, ...], deleted: str | None) -> bytes:
    versions = [{name: getattr(record, name) for name in _FIELDS} for record in records]
    return (json.dumps({"id": id, "deleted": deleted, "versions": versions}, ensure_ascii=False) + "\n").encode()


def _record(id: str, fields: dict[str, Any]) -> MemoryRecord:
    record = MemoryRecord(**fields | {"id": id, "tags": tuple(fields["tags"]), "source": tuple(fields["source"])})
    _check_storable(id, record.key, record.value, record.memory_type, record.created_at, record.updated_at)
    _check_storable(id, *record.tags, *record.source)
    return record


def _check_storable(where: str, *texts: str) -> None:
    try:
        check_storable(where, *texts)
    except PlanError as error:
        raise ValueError(str(error)) from None
