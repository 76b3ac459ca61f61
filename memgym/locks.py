"""A lock by which one process at a time writes a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from memgym.errors import InUseError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def file_lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep others that use this lock away from the file ``path``, e.g. from before it is read until it is written.

    What is locked is a file beside it, ``.NAME.lock``, because saving may put a new file in the place of the old. The
    system lets go of it when the process ends, however that happens; what is then left of it blocks nobody.

    Raises:
        InUseError: another holds the lock.
        OSError: the folder is missing, cannot be written, or does not know locks.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.lock")
    with _locked(beside, path):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file: there it stays, free
                beside.unlink()


def _locked(beside: Path, path: Path) -> IO[bytes]:
    """Return the open file ``beside``, locked."""
    while True:
        file = open(beside, "ab")  # noqa: SIM115
        try:
            _lock(file)
            if _same(file, beside):
                return file
        except (BlockingIOError, PermissionError):
            file.close()
            raise InUseError(f"{path} is in use by another process; wait for its end, or use another file") from None
        except BaseException:
            file.close()
            raise
        file.close()  # its last holder has just removed it: once more


def _same(file: IO[bytes], beside: Path) -> bool:
    """Return whether ``file`` is still what the name ``beside`` stands for."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(beside))
    except FileNotFoundError:
        return False
