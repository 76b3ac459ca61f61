"""Bank files: one zip archive with a JSON header, JSON lines and a NumPy array, sealed by a digest. No pickle.

``header.json`` names format, version, embedder, counts and marks. ``records.jsonl`` has a line for each id there ever
was, with all versions of its record. ``vectors.npy`` has the float32 vectors of the live records in id order. The
archive comment, which ends the file, is the SHA-256 of everything before it; so any truncation or change is noticed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memgym.bank.records import MemoryRecord, PlanError, check_storable
from memgym.errors import BankFileError

FORMAT, VERSION = "memgym memory bank", 2
"""Version 1 had no marks."""
_DIGEST = 64  # hexadecimal digits


@dataclass(frozen=True)
class Snapshot:
    """Everything that a bank is.

    Args:
        embedder: name of the embedder that made the vectors.
        version: the bank's change counter.
        versions: for each id there ever was, in order, its record as it was after each change.
        deleted: id to time of deletion.
        vectors: float32 [live records, dim], in id order.
        marks: names of what was taken in, in order.
    """

    embedder: str
    version: int
    versions: dict[str, tuple[MemoryRecord, ...]]
    deleted: dict[str, str]
    vectors: np.ndarray
    marks: tuple[str, ...] = ()


def write(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write ``snapshot`` to ``path`` in one step: whoever reads, at any time, finds the old file or the new one.

    A writer that is killed may leave a ``.tmp`` file beside it, which nothing reads and anyone may delete.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(_pack(snapshot))
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


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Read the snapshot at ``path``.

    Raises:
        BankFileError: the file is not a memory bank, is damaged, or comes from a newer version.
        OSError: it cannot be opened.
    """
    data = Path(path).read_bytes()
    if not data.startswith(b"PK"):
        raise BankFileError(f"{path} is not a memory bank file; give one that MemoryBank.save wrote")
    if _digest(data) != data[-_DIGEST:]:
        raise BankFileError(f"{path} is damaged, cut off, or not a memory bank file; restore a copy or save anew")
    try:
        return _unpack(data)
    except _Unfit as error:
        raise BankFileError(f"{path} {error}") from None
    except (zipfile.BadZipFile, LookupError, TypeError, ValueError) as error:
        raise BankFileError(f"{path} does not hold a sound memory bank ({error}); save it anew") from error


class _Unfit(Exception):
    """A sound file that this version cannot use."""


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data[:-_DIGEST]).hexdigest().encode()


def _pack(snapshot: Snapshot) -> memoryview:
    """Return the file's content, which is a function of the snapshot alone."""
    rows, dim = snapshot.vectors.shape
    header = {
        "format": FORMAT,
        "format_version": VERSION,
        "embedder": snapshot.embedder,
        "dim": dim,
        "ids": len(snapshot.versions),
        "records": rows,
        "version": snapshot.version,
        "marks": snapshot.marks,
    }
    lines = [_line(id, records, snapshot.deleted.get(id)) for id, records in snapshot.versions.items()]
    vectors = io.BytesIO()
    np.save(vectors, snapshot.vectors, allow_pickle=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = bytes(_DIGEST)
        # A bare ZipInfo has a fixed date.
        archive.writestr(zipfile.ZipInfo("header.json"), json.dumps(header, indent=1))
        archive.writestr(zipfile.ZipInfo("records.jsonl"), "".join(lines))
        archive.writestr(zipfile.ZipInfo("vectors.npy"), vectors.getbuffer())
    content = buffer.getbuffer()
    content[-_DIGEST:] = _digest(content)
    return content


def _unpack(data: bytes) -> Snapshot:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        header = json.loads(archive.read("header.json"))
        if header["format"] != FORMAT:
            raise _Unfit(f"is a {header['format']!r}, not a memory bank file; give one that MemoryBank.save wrote")
        if header["format_version"] > VERSION:
            raise _Unfit(f"has format version {header['format_version']}, newer than {VERSION}; upgrade memgym")
        lines = archive.read("records.jsonl").decode().split("\n")[:-1]
        vectors = np.load(io.BytesIO(archive.read("vectors.npy")), allow_pickle=False)
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
    found = [len(versions), len(versions) - len(deleted), *vectors.shape]
    if found != [header["ids"], header["records"], header["records"], header["dim"]]:
        raise ValueError(f"the header's counts do not fit the content: {found}")
    if vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        raise ValueError("vectors.npy must hold finite float32 numbers")
    if not isinstance(header["embedder"], str) or not isinstance(header["version"], int):
        raise ValueError("the header's embedder must be a name and its version a number")
    marks = _marks(header["marks"] if header["format_version"] > 1 else [])
    return Snapshot(header["embedder"], header["version"], versions, deleted, vectors, marks)


def _marks(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or len(set(names)) < len(names):
        raise ValueError("the header's marks must be a list of different names")
    _check_storable("marks", *names)
    return tuple(names)


def _line(id: str, records: tuple[MemoryRecord, ...], deleted: str | None) -> str:
    versions = []
    for record in records:
        fields = asdict(record)
        del fields["id"]
        versions.append(fields)
    return json.dumps({"id": id, "deleted": deleted, "versions": versions}, ensure_ascii=False) + "\n"


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
