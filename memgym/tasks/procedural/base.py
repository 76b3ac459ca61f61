"""Tasks without data files: a seeded generator makes their episodes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Episode
from memgym.tasks.base import Task


class ProceduralTask(Task):
    """A task without data files. Splits are disjoint by construction; there is no last index."""

    def size(self, split: str) -> None:
        """Return None: there is always one more episode."""
        return

    def build(self, split: str, index: int) -> Episode:
        """Seed a generator from the split, the config's seed and the index, and generate."""
        entropy = [self.splits.index(split), self.config.seed, index]
        return self.generate(np.random.default_rng(np.random.SeedSequence(entropy)), split, index)

    @abstractmethod
    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode that depends only on the arguments and the config."""


@dataclass(frozen=True)
class ProceduralConfig:
    """What every procedural task can be told.

    Args:
        seed: selects another, equally distributed series of episodes.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        check_int("seed", self.seed, 0)
