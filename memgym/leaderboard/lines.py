"""The lines of a file, plain or compressed, piece by piece and within bounds."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from memgym.errors import DataError

MAX_CONTENT = 1 << 30
"""The most that is read of a file, in bytes, unpacked."""
_PIECE = 1 << 16
_HEAD = gzip.compress(b"", mtime=0)[:10]
"""How each line begins in a compressed file."""


class Lines:
    """The whole lines of a file; called ``….gz`` it is unpacked, never more than a piece at a time.

    Args:
        path: of the file.
        longest: the longest line, in bytes.

    Attributes:
        torn: after the last line, whether another began and has no end.

    Raises:
        DataError: (from the iteration) the file cannot be read, is damaged, or holds more than it may.
    """

    def __init__(self, path: Path, longest: int):
        self._path, self._longest = path, longest
        self._hash = hashlib.sha256()
        self.torn = False

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read, unpacked."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        started: list[bytes] = []
        length = read = 0
        for chunk in self._chunks():
            self._hash.update(chunk)
            first, *others = chunk.split(b"\n")
            started.append(first)
            length += len(first)
            read += len(chunk)
            if max(length, *map(len, others), 0) > self._longest:
                raise DataError(f"{self._path}: a line has more than {self._longest:,} bytes")
            if read > MAX_CONTENT:
                raise DataError(f"{self._path}: it holds more than {MAX_CONTENT:,} bytes")
            if others:
                line, started = b"".join(started), [others[-1]]
                length = len(others[-1])
                yield line
                yield from others[:-1]
        self.torn |= any(started)

    def _chunks(self) -> Iterator[bytes]:
        """Yield the unpacked content, piece by piece."""
        if self._path.exists() and not (self._path.is_file() or self._path.is_dir()):
            raise DataError(f"{self._path}: cannot be read: it is no file")  # a pipe would be waited for
        try:
            with open(self._path, "rb") as file:
                packed = self._path.suffix == ".gz"
                yield from self._unpacked(file) if packed else iter(lambda: file.read(_PIECE), b"")
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read: {error.strerror}") from None
        except ValueError as error:  # a name with a null byte
            raise DataError(f"{self._path}: cannot be read: {error}") from None
        except zlib.error as error:
            raise DataError(f"{self._path}: not a gzip file, or damaged: {error}") from None

    def _unpacked(self, file: IO[bytes]) -> Iterator[bytes]:
        """Unpack gzip members, one after the other; the last may be cut off."""
        member, start = None, 0
        while piece := file.read(_PIECE):
            while piece:
                member = member or zlib.decompressobj(wbits=31)
                yield member.decompress(piece, _PIECE)
                piece = member.unused_data if member.eof else member.unconsumed_tail
                if member.eof:  # where a member ends, the next begins
                    member, start = None, file.tell() - len(piece)
        self.torn = member is not None
        if self.torn:
            self._check_last(file, start)

    def _check_last(self, file: IO[bytes], start: int) -> None:
        """Check that no other member begins behind the one at ``start``, which has no end."""
        file.seek(start + 1)
        seen = b""
        while piece := file.read(_PIECE):
            seen = seen[-len(_HEAD) :] + piece
            if _HEAD in seen:
                raise zlib.error("a line in the middle has no end")
