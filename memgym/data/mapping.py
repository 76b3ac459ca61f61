"""The unpacked content of a file, mapped into memory."""

from __future__ import annotations

import gzip
import mmap
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import IO

from memgym.data.rows import FORMATS
from memgym.errors import DataError
from memgym.folders import DATA_FOLDER, locate

_GZIP = b"\x1f\x8b"


def map_content(path: Path) -> mmap.mmap:
    """Map the unpacked content of a file."""
    path = locate(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        hint = "" if DATA_FOLDER in os.environ else f" (or set {DATA_FOLDER} to the folder that holds it)"
        raise DataError(f"data file {path} {what}; give the path of a file{hint}: {FORMATS}")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            if not packed:
                return map_file(file)
        with gzip.open(path) as source, tempfile.TemporaryFile() as scratch:
            shutil.copyfileobj(source, scratch, 1 << 20)
            scratch.flush()
            return map_file(scratch)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    except ValueError:  # what mmap says of no bytes
        raise DataError(f"{path} is empty; fetch it again") from None


def map_file(file: IO[bytes]) -> mmap.mmap:
    """Map an open file, which may then be closed."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
