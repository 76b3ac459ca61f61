"""Tasks without data files: a seeded generator makes their episodes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Episode
from memgym.tasks.base import Task


@dataclass(frozen=True)
class ProceduralConfig:
    """What every procedural task can be told.

    Args:
        seed: selects another, equally distributed series of episodes.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        check_int("seed", self.seed, 0)


class ProceduralTask(Task):
    """A task without data files: episode ``index`` of a split is drawn by a generator seeded with both.

    There is no last index. Splits differ in their seeds; that they share no text is up to :meth:`generate`, which is
    told the split. A name and :meth:`generate` make a task::

        from memgym.episodes import Episode, Question, Section
        from memgym.tasks import ProceduralTask

        COLOURS = ("red", "green", "blue", "white")

        class Lamp(ProceduralTask):
            '''Which colour did the lamp have last?'''

            name = "lamp"

            def generate(self, rng, split, index):
                told = [COLOURS[i] for i in rng.integers(len(COLOURS), size=6)]
                sections = tuple(Section(f"s{i}", f"The lamp turns {c}.") for i, c in enumerate(told))
                question = Question("q1", "What colour is the lamp?", answers=(told[-1],), evidence=("s5",))
                return Episode(f"lamp-{split}-{index}", questions=(question,), sections=sections)

    For options, derive a frozen dataclass from :class:`ProceduralConfig` and name it in ``Config``.
    """

    Config: ClassVar[type] = ProceduralConfig

    def size(self, split: str) -> int | None:
        """Return None: there is always one more episode."""
        return None

    def build(self, split: str, index: int) -> Episode:
        """Seed a generator from the split, the config's seed and the index, and generate."""
        entropy = [self.splits.index(split), self.config.seed, index]
        return self.generate(np.random.default_rng(np.random.SeedSequence(entropy)), split, index)

    @abstractmethod
    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode that depends only on the arguments and the config."""
