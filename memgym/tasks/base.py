"""The task contract: a task maps ``(config, split, index)`` to an immutable episode and scores answers.

Procedural tasks derive from :class:`~memgym.tasks.procedural.base.ProceduralTask` and draw from a generator seeded by
``SeedSequence([split, seed, index])``; data sets derive from :class:`~memgym.tasks.published.base.FileTask` and read
published files as they are.
"""

from __future__ import annotations

import copy
import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import MISSING, asdict, fields
from typing import Any, ClassVar, Self

from memgym.checks import is_int
from memgym.episodes import Episode, Question
from memgym.errors import ConfigError, unknown
from memgym.scoring.guesses import NO_POOLS, Pools
from memgym.scoring.phrases import exact_match, f1
from memgym.scoring.support import Support
from memgym.scoring.text import best_over
from memgym.tasks.errata import Errata
from memgym.tokens import counter_id

SPLITS = ("train", "validation", "test")


class Task(ABC):
    """Episodes and their official score.

    To write one, derive from :class:`~memgym.tasks.procedural.base.ProceduralTask` (episodes are generated) or from
    :class:`~memgym.tasks.published.base.FileTask` (they are read from a file): a ``name`` and one method are enough;
    each has an example. Then ``gym.make("memgym/MemoryBank-v1", task="mypackage.tasks:MyTask")`` plays it, with
    the fields of its ``Config`` as further arguments, and no file of memgym is touched.

    A class that derives from this one sets ``name`` and ``Config`` and implements :meth:`size` and :meth:`build`.
    :meth:`score` is exact match with token F1 beside it, by the house rule (:mod:`memgym.scoring.phrases`), until it is
    overridden. An episode must depend on nothing but
    the config, the split and the index; so copies of a task give the same episodes, and share what was loaded.

    Args:
        **options: fields of the task's ``Config``, a frozen dataclass with JSON-able values.

    Raises:
        ConfigError: an option is unknown or does not fit.
        DataError: a file is missing or damaged (file tasks; raised here, not in mid-episode).
    """

    name: ClassVar[str]
    """What the task is called in messages, results and rules of judges: its own, not one of memgym's tasks'."""
    source: ClassVar[str] = ""
    """Where the task or its data come from (paper, benchmark), for listings."""
    version: ClassVar[int] = 1
    """Raised whenever the same config and index give another episode."""
    splits: ClassVar[tuple[str, ...]] = SPLITS
    default_split: ClassVar[str] = "train"
    phrases: ClassVar[str] = "house"
    """By which rule the reader ``supported`` and the memory's scores find an answer: a name in
    :data:`memgym.scoring.phrases.RULES`."""
    answer_tokens: ClassVar[int] = 64
    """The longest answer, in tokens of four bytes; what is beyond is cut off before it is scored. Benchmarks bound what
    is generated; here thoughts before the answer do not count."""
    errata: Errata | None = None
    """What mends the gold answers of a published set, if anything."""
    unusable: tuple[str, ...] = ()
    """Ids of the rows of a data file that are left out, as nothing can be made of them."""
    running: ClassVar[bool] = False
    """Whether a statement may go on over the ends of lines, as in prose that calls things by pronouns."""
    pools: ClassVar[Pools] = NO_POOLS
    """Values that everybody knows to be possible, by their relation: whose memory claims many of them guesses."""
    Config: ClassVar[type]
    """The options: a frozen dataclass that checks them in ``__post_init__`` (see :mod:`memgym.checks`)."""

    def __init__(self, **options: Any):
        known = {field.name: field for field in fields(self.Config)}
        for name in options:
            if name not in known:
                raise unknown("option", name, known, of=f"task {self.name!r}")
        for name, field in known.items():
            if name not in options and field.default is MISSING and field.default_factory is MISSING:
                raise ConfigError(f"task {self.name!r} needs the argument {name!r}")
        self.config: Any = self.Config(**options)
        self._latest: tuple[str, int, Episode] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)  # what a task holds never changes

    @abstractmethod
    def size(self, split: str) -> int | None:
        """Return the number of episodes in ``split``, or None if there is no end."""

    @abstractmethod
    def build(self, split: str, index: int) -> Episode:
        """Return episode ``index`` of ``split``; both are already checked."""

    def episode(self, split: str, index: int) -> Episode:
        """Return episode ``index`` of ``split``, the same at every call and in every process.

        Raises:
            ConfigError: the split is unknown, or the index is not in it.
        """
        size = self.check_split(split)
        if not is_int(index):
            raise ConfigError(f"episode index must be an int, not {index!r}")
        if index < 0 or (size is not None and index >= size):
            bound = "0 or more" if size is None else f"0 to {size - 1}"
            raise ConfigError(f"episode index {index} is out of range: split {split!r} of {self.name!r} has {bound}")
        latest = self._latest
        if latest is None or latest[:2] != (split, index):  # rollouts ask for the same episode again and again
            episode = self.build(split, int(index))
            if not isinstance(episode, Episode):
                raise ConfigError(f"task {self.name!r} made {episode!r:.80} where an Episode is due")
            self._latest = latest = (split, int(index), episode)
        return latest[2]

    def check_split(self, split: str) -> int | None:
        """Return the size of ``split``.

        Raises:
            ConfigError: the split is unknown or empty.
        """
        if split not in self.splits:
            raise unknown("split", split, self.splits, of=f"task {self.name!r}")
        size = self.size(split)
        if size == 0:
            raise ConfigError(f"split {split!r} of task {self.name!r} is empty")
        return size

    @property
    def benchmarks(self) -> list[str]:
        """The names by which rules of judges know where questions are from."""
        return [self.name]

    def benchmark(self, question: Question) -> str:
        """Return that of a question."""
        return self.name

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Score ``answer`` by the task's official rule.

        Returns:
            Scores in [0, 1]. ``answer`` is the official one; others stand beside it.
        """
        return {
            "answer": best_over(exact_match, answer, question.answers),
            "f1": best_over(f1, answer, question.answers),
        }

    def answer_limit(self, question: Question) -> int:
        """Return the longest answer to a question, in tokens of four bytes."""
        return self.answer_tokens

    def support(self, episode: Episode) -> Support:
        """Return what the questions and facts of an episode ask of a memory."""
        return Support(episode, self.phrases, self.running, self.pools)

    def fingerprint(self) -> str:
        """Return a hash of everything the episodes depend on.

        Raises:
            ConfigError: an option has a value that JSON cannot write.
        """
        return self._hash(asdict(self.config))

    def _hash(self, options: dict[str, Any], *further: Any) -> str:
        """Hash the task's name and version with its options and what else the episodes depend on.

        Of an option ``counter`` that names a tokenizer file, its content counts.
        """
        if isinstance(options.get("counter"), str):
            options = {**options, "counter": counter_id(options["counter"])}
        try:
            identity = json.dumps([self.name, self.version, options, *further], sort_keys=True)
        except TypeError as error:
            raise ConfigError(f"an option of task {self.name!r} is not JSON-able: {error}") from None
        return hashlib.sha256(identity.encode()).hexdigest()
