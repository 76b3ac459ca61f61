"""Files of JSON that are whole or absent, and files of one JSON object per line whose last line a kill may tear."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grpo.errors import RunFolderError


def partial_of(path: Path) -> Path:
    """Return where something is made that then takes the name ``path``; see :func:`remove_partials`."""
    return path.with_name(f".{path.name}.partial")


def remove_partials(folder: Path) -> None:
    """Remove what killed processes have left unfinished in a folder."""
    for leftover in folder.glob(".*.partial"):
        _remove(leftover)


@contextmanager
def written(path: Path, mend: str = "") -> Iterator[None]:
    """Say in one line that ``path`` cannot be written, and what to do; what was begun is removed.

    Raises:
        RunFolderError: an operation failed.
    """
    try:
        yield
    except OSError as error:
        _remove(partial_of(path))
        raise RunFolderError(f"{path} cannot be written: {error.strerror or error}{mend}") from error
    except BaseException:
        _remove(partial_of(path))
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a file beside ``path`` and rename it: a kill leaves the old content or the new one.

    Raises:
        RunFolderError: it cannot be written.
    """
    with written(path):
        partial_of(path).write_text(text, encoding="utf-8")
        partial_of(path).replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        RunFolderError: the file cannot be read, or holds something else; by name.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not JSON, or not UTF-8
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise RunFolderError(f"{path} is damaged: it holds no JSON object")
    return found


def read_lines(path: Path) -> list[Any]:
    """Return the values of a file with one a line; a last line torn by a kill is left out.

    Raises:
        RunFolderError: the file cannot be read, or a line elsewhere is broken, by number.
    """
    try:
        *lines, _ = path.read_bytes().split(b"\n")  # what follows the last line break is empty or torn
    except OSError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line.decode()))
        except (ValueError, RecursionError) as error:
            raise RunFolderError(f"{path}, line {number}: not JSON ({error})") from error
    return records


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add an object to the end of a file.

    Raises:
        RunFolderError: it cannot be written.
    """
    with written(path, mend=": make room, and resume"), open(path, "a", encoding="utf-8") as file:
        file.write(_line(record))


def cut_back(path: Path, step: int) -> None:
    """Drop all lines after ``step``, atomically; they are whole, and hold their ``step``.

    Raises:
        RunFolderError: as for :func:`read_lines`, or a line has no step.
    """
    if not path.exists():
        return
    records = read_lines(path)
    for number, record in enumerate(records, 1):
        if not (isinstance(record, dict) and isinstance(record.get("step"), int)):
            raise RunFolderError(f"{path}, line {number}: 'step' is missing")
    write_whole(path, "".join(_line(record) for record in records if record["step"] <= step))


def _remove(path: Path) -> None:
    """Remove a file or folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
