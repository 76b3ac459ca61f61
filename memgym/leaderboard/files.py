"""Result files: JSON lines, appended as episodes end; called ``….gz`` each line is compressed by itself.

A file that a killed process left is whole but for its last line, which costs one episode. Nothing is skipped silently:
any other fault is an error that names the line.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.records import EpisodeRecord, Header, Key, decode_episode, decode_header, encode

MAX_LINE = 1 << 28
"""The longest line that is read, in bytes."""
MAX_CONTENT = 1 << 32
"""The most that is read of a file, in bytes, unpacked."""
_PIECE = 1 << 14
_HEAD = gzip.compress(b"", mtime=0)[:10]
"""How each line begins in a compressed file."""
SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Result:
    """The content of a result file.

    Args:
        header: its first line.
        episodes: the record of each episode, by entry (in the header's order), trial and index. Where one was played
            again after it had failed, the later record counts.
        torn: whether the last line was cut off, and is missing.
    """

    header: Header
    episodes: tuple[EpisodeRecord, ...]
    torn: bool = False

    def of(self, entry: str) -> list[EpisodeRecord]:
        """Return the episodes of an entry that were played to the end."""
        return [episode for episode in self.episodes if episode.entry == entry and episode.error is None]

    @property
    def failed(self) -> list[EpisodeRecord]:
        """The episodes that failed."""
        return [episode for episode in self.episodes if episode.error is not None]

    def missing(self) -> Iterator[Key]:
        """Yield the keys of the episodes that have no record."""
        recorded = {episode.key for episode in self.episodes}
        return (key for entry in self.header.entries for key in entry.episode_keys() if key not in recorded)


def result_files(paths: Iterable[Path]) -> list[Path]:
    """Return result files: those named, and of each folder those that lie in it, by name.

    Raises:
        DataError: a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIXES))
        if not inside:
            raise DataError(f"{path}: the folder has no result file ({' or '.join(f'*{end}' for end in SUFFIXES)})")
        found += inside
    return list(dict.fromkeys(found))


def make_result(header: Header, episodes: Sequence[EpisodeRecord], where: str, torn: bool = False) -> Result:
    """Put records in their order.

    Raises:
        DataError: an episode was played twice.
    """
    known: dict[Key, EpisodeRecord] = {}
    for episode in episodes:
        if episode.key in known and known[episode.key].error is None:
            raise DataError(
                f"{where}: episode {episode.index}, trial {episode.trial} of {episode.entry!r} is there twice"
            )
        known[episode.key] = episode
    places = {entry.name: place for place, entry in enumerate(header.entries)}
    ordered = sorted(known.values(), key=lambda episode: (places[episode.entry], episode.trial, episode.index))
    return Result(header, tuple(ordered), torn)


def read_result(path: Path) -> Result:
    """Read a result file whole.

    Raises:
        DataError: the file is missing, damaged, no result file, or of another version; the message names the line.
    """
    lines = _Lines(path)
    header, episodes = None, []
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        if header is None:
            header = decode_header(line, str(path))
        else:
            episodes.append(decode_episode(line, header, where))
    if header is None:
        raise DataError(f"{path}: not a memgym result file (it has no whole line)")
    return make_result(header, episodes, str(path), lines.torn)


def write_result(result: Result, path: Path) -> None:
    """Write a result as a new file, in one step: whoever reads, at any time, finds all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    content = b"".join([encode(result.header), *map(encode, result.episodes)])
    try:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


class Recorder:
    """Appends the records of episodes to a file as they end; a context manager.

    A file that was begun and got no episode goes again, so that the same evaluation can be started anew.

    Raises:
        ConfigError: the file is there already, another process writes it, or it cannot be made.
        DataError: (from :meth:`append`) it cannot be written any more; what was written before stays.
    """

    def __init__(self, path: Path, file: io.FileIO, *, empty: bool):
        self.path, self._file, self._empty = path, file, empty

    @classmethod
    def new(cls, path: Path, header: Header, *, overwrite: bool = False) -> Self:
        """Begin a file.

        Args:
            path: of the file; compressed if it is called ``….gz``.
            header: its first line.
            overwrite: whether a file that is there goes.
        """
        recorder = cls(path, _open(path, "w" if overwrite else "x"), empty=True)
        try:
            recorder._write(encode(header))
        except BaseException:
            recorder._close()
            raise
        return recorder

    @classmethod
    def resume(cls, path: Path, result: Result) -> Self:
        """Go on with a file whose content was read; a last line that is cut off goes."""
        if result.torn:
            write_result(result, path)
        return cls(path, _open(path, "a"), empty=False)

    def append(self, episode: EpisodeRecord) -> None:
        """Write the record of an episode, and hand it to the system."""
        self._write(encode(episode))
        self._empty = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._file.close()
        if self._empty:
            self.path.unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        start = self._file.tell()
        rest = memoryview(gzip.compress(line, mtime=0) if self.path.suffix == ".gz" else line)
        try:
            while rest:  # the file has no buffer; a full disk takes a part first
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # a last line that is cut off is understood by every reader
                self._file.truncate(start)
            raise DataError(f"{self.path}: cannot be written: {error.strerror}; what was played is kept") from None


class _Lines:
    """The whole lines of a file; ``torn`` tells afterwards whether another began and has no end."""

    def __init__(self, path: Path):
        self._path = path
        self.torn = False

    def __iter__(self) -> Iterator[bytes]:
        started: list[bytes] = []
        length = read = 0
        for chunk in self._chunks():
            first, *others = chunk.split(b"\n")
            started.append(first)
            length += len(first)
            read += len(chunk)
            if max(length, *map(len, others), 0) > MAX_LINE:
                raise DataError(f"{self._path}: a line has more than {MAX_LINE:,} bytes")
            if read > MAX_CONTENT:
                raise DataError(f"{self._path}: it holds more than {MAX_CONTENT:,} bytes")
            if others:
                yield b"".join(started)
                yield from others[:-1]
                started = [others[-1]]
                length = len(others[-1])
        self.torn |= any(started)

    def _chunks(self) -> Iterator[bytes]:
        """Yield the unpacked content, piece by piece."""
        packed = self._path.suffix == ".gz"
        try:
            with open(self._path, "rb") as file:
                yield from self._unpacked(file) if packed else iter(lambda: file.read(_PIECE), b"")
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read: {error.strerror}") from None
        except zlib.error as error:
            raise DataError(f"{self._path}: not a gzip file, or damaged: {error}") from None

    def _unpacked(self, file: IO[bytes]) -> Iterator[bytes]:
        """Unpack gzip members, one after the other; the last may be cut off."""
        member, start = None, 0
        while piece := file.read(_PIECE):
            while piece:
                member = member or zlib.decompressobj(wbits=31)
                yield member.decompress(piece)
                piece = member.unused_data  # where a member ends, the next begins
                if member.eof:
                    member, start = None, file.tell() - len(piece)
        self.torn = member is not None
        if self.torn:
            file.seek(start + 1)
            if _HEAD in file.read():
                raise zlib.error("a line in the middle has no end")


def _open(path: Path, mode: str) -> io.FileIO:
    try:
        return io.FileIO(path, mode)
    except FileExistsError:
        raise ConfigError(f"{path} is there already: --resume goes on with it, --overwrite begins anew") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
