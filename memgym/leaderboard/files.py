"""Result files: JSON lines, appended as episodes end; called ``….gz`` each line is compressed by itself.

A file that a killed process left is whole but for its last line, which costs one episode. Nothing is skipped silently:
any other fault is an error that names the line. A file may be a stranger's: whatever is in it, reading it takes little
memory, and what it holds is bounded.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.episodes import Bounds, EpisodesWriter, Outline, Picked, Records, twice
from memgym.leaderboard.lines import Lines
from memgym.leaderboard.records import (
    EpisodeRecord,
    Header,
    Key,
    decode_episode,
    decode_header,
    encode,
    encode_episode,
    encode_header,
)

MAX_LINE = 1 << 27
"""The longest line that is written and read, in bytes: who keeps all of ten million tokens writes half as much."""
SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Result:
    """The content of a result file.

    Args:
        header: its first line.
        episodes: the record of each episode, by entry (in the header's order), trial and index. Where one was played
            again after it had failed, the later record counts. Of a file that was read, they are decoded when they are
            asked for: they may be more than fit into memory, so go through them and do not gather them.
        torn: whether the last line was cut off, and is missing.
        digest: the SHA-256 of the file's unpacked content; "" where there is no file.
    """

    header: Header
    episodes: Sequence[EpisodeRecord]
    torn: bool = False
    digest: str = field(default="", compare=False)

    def keys(self) -> Iterator[Outline]:
        """Yield the key of each episode, and whether it failed."""
        if isinstance(self.episodes, Records):
            return self.episodes.keys()
        return ((episode.key, episode.error is not None) for episode in self.episodes)

    def select(self, test: Callable[[Key, bool], bool]) -> Sequence[EpisodeRecord]:
        """Return the episodes whose key, and whether they failed, pass a test."""
        chosen = [(number, outline) for number, outline in enumerate(self.keys()) if test(*outline)]
        return Picked([(self.episodes, number) for number, _ in chosen], [outline for _, outline in chosen])

    def recorded(self, entry: str) -> Sequence[EpisodeRecord]:
        """Return the episodes of an entry, the failed ones among them."""
        return self.select(lambda key, failed: key[0] == entry)

    def of(self, entry: str) -> Sequence[EpisodeRecord]:
        """Return the episodes of an entry that were played to the end."""
        return self.select(lambda key, failed: key[0] == entry and not failed)

    @property
    def failed(self) -> Sequence[EpisodeRecord]:
        """The episodes that failed."""
        return self.select(lambda key, failed: failed)

    def missing(self) -> Iterator[Key]:
        """Yield the keys of the episodes that have no record."""
        recorded = {key for key, _ in self.keys()}
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
            raise twice(episode.key, where)
        known[episode.key] = episode
    places = {entry.name: place for place, entry in enumerate(header.entries)}
    ordered = sorted(known.values(), key=lambda episode: (places[episode.entry], episode.trial, episode.index))
    return Result(header, tuple(ordered), torn)


def read_result(path: Path) -> Result:
    """Read a result file: all of it is checked, and decoded again when it is asked for.

    Raises:
        DataError: the file is missing, damaged, no result file, of another version, or holds more than a result may;
            the message names the line.
    """
    lines = Lines(path, MAX_LINE)
    header, episodes = None, None
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        if header is None:
            header = decode_header(line, str(path))
            episodes = EpisodesWriter(header, str(path))
        else:
            assert episodes is not None
            episodes.add(decode_episode(line, header, where), line)
    if header is None or episodes is None:
        raise DataError(f"{path}: not a memgym result file (it has no whole line)")
    return Result(header, episodes.done(), lines.torn, lines.digest)


def write_result(result: Result, path: Path) -> None:
    """Write a result as a new file, in one step: whoever reads, at any time, finds all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) if path.suffix == ".gz" else None
            out: IO[bytes] = packed or file  # type: ignore[assignment]
            out.write(encode_header(result.header, str(path)))
            for episode in result.episodes:
                out.write(encode(episode))
            if packed is not None:
                packed.close()
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


class Recorder:
    """Appends the records of episodes to a file as they end, if they can be read again; a context manager.

    A file that was begun and got no episode goes again, so that the same evaluation can be started anew.

    Raises:
        ConfigError: the file is there already, another process writes it, or it cannot be made.
        DataError: the header, or (from :meth:`append`) an episode, could not be read again or cannot be written; what
            was written before stays.
    """

    def __init__(self, path: Path, file: io.FileIO, before: Result, header_size: int = -1):  # -1: it stays in any case
        self.path, self._file, self._header, self._header_size = path, file, before.header, header_size
        self._bounds = Bounds(str(path))
        for episode in before.episodes:
            self._bounds.add(episode)

    @classmethod
    def new(cls, path: Path, header: Header, *, overwrite: bool = False) -> Self:
        """Begin a file.

        Args:
            path: of the file; compressed if it is called ``….gz``.
            header: its first line.
            overwrite: whether a file that is there goes.
        """
        line = encode_header(header, str(path))
        recorder = cls(path, _open(path, "w" if overwrite else "x"), Result(header, ()), len(_packed(line, path)))
        try:
            recorder._write(line)
        except BaseException:
            recorder._close()
            raise
        return recorder

    @classmethod
    def resume(cls, path: Path, result: Result) -> Self:
        """Go on with a file whose content was read; a last line that is cut off goes."""
        if result.torn:
            write_result(result, path)
        return cls(path, _open(path, "a"), result)

    def append(self, episode: EpisodeRecord) -> None:
        """Write the record of an episode, and hand it to the system."""
        line = encode_episode(episode, self._header, str(self.path))
        self._bounds.add(episode)
        self._write(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        # The file itself tells, not a note of ours: Ctrl-C may come between a write and the note of it.
        empty = os.fstat(self._file.fileno()).st_size <= self._header_size
        self._file.close()
        if empty:
            self.path.unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            raise DataError(f"{self.path}: a record of {len(line):,} bytes cannot be written: at most {MAX_LINE:,}")
        start = self._file.tell()
        rest = memoryview(_packed(line, self.path))
        try:
            while rest:  # the file has no buffer; a full disk takes a part first
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # a last line that is cut off is understood by every reader
                self._file.truncate(start)
            raise DataError(f"{self.path}: cannot be written: {error.strerror}; what was played is kept") from None


def _open(path: Path, mode: str) -> io.FileIO:
    try:
        return io.FileIO(path, mode)
    except FileExistsError:
        raise ConfigError(f"{path} is there already: --resume goes on with it, --overwrite begins anew") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _packed(line: bytes, path: Path) -> bytes:
    """Return a line as it stands in the file: compressed by itself, if the file is, so that each can be read alone."""
    return gzip.compress(line, mtime=0) if path.suffix == ".gz" else line
