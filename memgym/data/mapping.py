"""The unpacked content of a file, mapped into memory."""

from __future__ import annotations

import errno
import gzip
import mmap
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from memgym.data.rows import FORMATS
from memgym.errors import DataError
from memgym.folders import DATA_FOLDER, locate

_GZIP = b"\x1f\x8b"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What only writing can run into."""


def map_content(path: Path) -> mmap.mmap:
    """Map the unpacked content of a file."""
    try:
        path = locate(path)
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            what = "is a folder, not a file" if path.is_dir() else what
            hint = "" if DATA_FOLDER in os.environ else f" (or set {DATA_FOLDER} to the folder that holds it)"
            raise DataError(f"data file {path} {what}; give the path of a file{hint}: {FORMATS}")
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            if not packed:
                return map_file(file)
        with gzip.open(path) as source, unpacking(path) as scratch:
            shutil.copyfileobj(source, scratch, 1 << 20)
            scratch.flush()
            return map_file(scratch)
    except DataError:  # a ValueError, too
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"data file {path} cannot be read: {error.strerror or error}") from None
    except ValueError:  # what mmap says of no bytes
        raise DataError(f"{path} is empty; fetch it again") from None


def map_file(file: IO[bytes]) -> mmap.mmap:
    """Map an open file, which may then be closed."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@contextmanager
def unpacking(name: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Yield a file that takes what is unpacked from another, and is gone when it is closed and mapped no more.

    Raises:
        DataError: there is no room for it, or no folder.
    """
    try:
        scratch = tempfile.TemporaryFile()  # noqa: SIM115
    except OSError as error:
        mend = "TMPDIR names another folder"
        said = f"{name} cannot be unpacked: no temporary folder can be written ({error.strerror}); {mend}"
        raise DataError(said) from None
    try:
        with scratch:
            yield scratch
    except OSError as error:
        if error.errno not in _FULL:
            raise
        full = f"the temporary folder {tempfile.gettempdir()} has no room ({error.strerror})"
        raise DataError(f"{name} cannot be unpacked: {full}; TMPDIR names another folder") from None
