"""The episodes of a result file: checked as they are read, and decoded again when they are asked for."""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import NamedTuple, overload

import msgspec

from memgym.errors import DataError
from memgym.leaderboard.records import EpisodeRecord, Header, Key

MAX_EPISODES = 200_000
MAX_ANSWERS = 1_000_000
MAX_NAMES = 1_000
"""How many episodes, answers, and different names of phases, rewards, scores, categories and costs a file may have."""
IN_MEMORY = 1 << 20
"""Records of so many bytes, together, are kept in memory; larger ones in a temporary file."""

Outline = tuple[Key, bool]
"""The key of an episode, and whether it failed."""


class _Place(NamedTuple):
    key: Key
    failed: bool
    start: int
    length: int


class _Store:
    """Lines that were put away, in memory while they are few; they go with their last reader."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by what follows
        self._end = 0
        self._reading = Lock()
        weakref.finalize(self, self._file.close)

    def put(self, line: bytes) -> int:
        """Put a line away and return its place."""
        self._file.write(line)
        self._end += len(line)
        return self._end - len(line)

    def get(self, start: int, length: int) -> bytes:
        """Return a line."""
        with self._reading:
            self._file.seek(start)
            return self._file.read(length)


class Records(Sequence[EpisodeRecord]):
    """Records that are had one by one, as they are asked for: going through all takes the memory of one."""

    @abstractmethod
    def keys(self) -> Iterator[Outline]:
        """Yield the key of each record, and whether the episode failed."""

    @abstractmethod
    def get(self, number: int) -> EpisodeRecord:
        """Return one of them."""

    @overload
    def __getitem__(self, index: int) -> EpisodeRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> EpisodeRecord | Records:
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            return self.get(numbers)
        keys = list(self.keys())
        return Picked([(self, number) for number in numbers], [keys[number] for number in numbers])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Stored(Records):
    """The records of a file, in their order, each decoded anew when it is asked for."""

    def __init__(self, store: _Store, places: Sequence[_Place]):
        self._store, self._places = store, places

    def keys(self) -> Iterator[Outline]:
        """Yield the key of each record, and whether the episode failed."""
        return ((place.key, place.failed) for place in self._places)

    def get(self, number: int) -> EpisodeRecord:
        """Return one of them."""
        place = self._places[number]
        return msgspec.json.decode(self._store.get(place.start, place.length), type=EpisodeRecord)

    def __len__(self) -> int:
        return len(self._places)


class Picked(Records):
    """Some records of others, in an order of one's own.

    Args:
        picks: of what sequence, and which of it.
        keys: of each its key, and whether the episode failed.
    """

    def __init__(self, picks: Sequence[tuple[Sequence[EpisodeRecord], int]], keys: Sequence[Outline]):
        self._picks, self._keys = picks, keys

    def keys(self) -> Iterator[Outline]:
        """Yield the key of each record, and whether the episode failed."""
        return iter(self._keys)

    def get(self, number: int) -> EpisodeRecord:
        """Return one of them."""
        records, place = self._picks[number]
        return records[place]

    def __len__(self) -> int:
        return len(self._picks)


class Changed(Records):
    """Records, each changed by a function when it is asked for; the function leaves the keys as they are."""

    def __init__(self, records: Sequence[EpisodeRecord], change: Callable[[EpisodeRecord], EpisodeRecord]):
        self._records, self._change = records, change

    def keys(self) -> Iterator[Outline]:
        """Yield the key of each record, and whether the episode failed."""
        return ((episode.key, episode.error is not None) for episode in self)

    def get(self, number: int) -> EpisodeRecord:
        """Return one of them."""
        return self._change(self._records[number])

    def __len__(self) -> int:
        return len(self._records)


class Bounds:
    """Counts what the episodes of a file hold.

    Args:
        where: how messages call the file.
    """

    def __init__(self, where: str):
        self._where = where
        self._answers = self._episodes = 0
        self._names: set[str] = set()

    def add(self, episode: EpisodeRecord) -> None:
        """Count an episode.

        Raises:
            DataError: with it the file holds more than it may.
        """
        self._episodes += 1
        for step in episode.steps:
            self._names.add(step.phase)
            self._names.update(step.rewards, step.usage or ())
            self._answers += len(step.answers)
            for answer in step.answers:
                self._names.add(answer.category)
                self._names.update(answer.scores)
        counted = {"episodes": (self._episodes, MAX_EPISODES), "answers": (self._answers, MAX_ANSWERS)}
        counted["different names"] = (len(self._names), MAX_NAMES)
        for what, (number, most) in counted.items():
            if number > most:
                raise DataError(f"{self._where}: it holds more than {most:,} {what}")


class EpisodesWriter:
    """Takes the episodes of a file one after the other.

    Args:
        header: of the file.
        where: how messages call the file.
    """

    def __init__(self, header: Header, where: str):
        self._header, self._where = header, where
        self._store = _Store()
        self._places: dict[Key, _Place] = {}
        self._bounds = Bounds(where)

    def add(self, episode: EpisodeRecord, line: bytes) -> None:
        """Keep an episode's line.

        Raises:
            DataError: the episode is there already, or the file holds more than it may.
        """
        self._bounds.add(episode)
        key = episode.key
        if key in self._places and not self._places[key].failed:
            raise twice(key, self._where)
        self._places[key] = _Place(key, episode.error is not None, self._store.put(line), len(line))

    def done(self) -> Stored:
        """Return what was kept, by entry, trial and index."""
        ranks = {entry.name: rank for rank, entry in enumerate(self._header.entries)}
        ordered = sorted(self._places.values(), key=lambda place: (ranks[place.key[0]], *place.key[1:]))
        return Stored(self._store, ordered)


def twice(key: Key, where: str) -> DataError:
    """Return the error for an episode that was played twice."""
    entry, trial, index = key
    return DataError(f"{where}: episode {index}, trial {trial} of {entry!r} is there twice")
