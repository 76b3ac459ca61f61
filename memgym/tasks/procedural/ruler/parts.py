"""What the subtasks of RULER have in common: they draw the parts of an episode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memgym.episodes import Episode, Fact, Match, Question, Section
from memgym.tokens import TokenCounter


@dataclass(frozen=True, slots=True)
class Parts:
    """What a subtask gives to its episode; see :class:`memgym.episodes.Question` for the fields.

    ``others`` are what an answer may be mistaken for: who names one of them beside the right answer has not chosen.
    """

    sections: tuple[Section, ...]
    question: str
    answers: tuple[str, ...]
    evidence: tuple[str, ...]
    match: Match = "all"
    facts: tuple[Fact, ...] = ()
    others: tuple[str, ...] = ()

    def episode(self, name: str, category: str, metadata: Mapping[str, str]) -> Episode:
        """Return the episode of that name whose one question is of the category."""
        question = Question(
            id=name,
            text=self.question,
            answers=self.answers,
            match=self.match,
            evidence=self.evidence,
            category=category,
            metadata=dict(metadata),
        )
        return Episode(id=name, questions=(question,), sections=self.sections, facts=self.facts)


class Subtask(ABC):
    """A generator for one of RULER's tasks.

    ``running`` says whether a statement may go on over the ends of lines, see :class:`memgym.scoring.support.Support`.

    Args:
        length: the tokens that the text of an episode shall have.
        counter: what a token is.
    """

    running: ClassVar[bool] = True

    def __init__(self, length: int, counter: TokenCounter):
        self.length = length
        self.counter = counter

    @abstractmethod
    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the parts of an episode; ``index`` matters only where episodes follow the rows of a file."""

    def size(self, split: str) -> int | None:
        """Return the number of episodes in ``split``, None if there is no end."""
        return None

    def digest(self) -> str:
        """Return a hash of the data file behind the episodes, ``""`` if there is none."""
        return ""
