"""Errata: a file that mends or drops gold answers of a published set. Answers are then scored by both golds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from memgym.episodes import RUBRIC, Question


@dataclass(frozen=True, slots=True)
class Erratum:
    """What a row of the file says.

    Args:
        question_id: whose gold is mended.
        answers: the mended gold answers; none where the gold is dropped.
        text: the question, where the row tells it: it must be that of the data.
    """

    question_id: str
    answers: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True)
class Errata:
    """The errata of a task.

    Args:
        answers: id of a question to its mended gold answers, none of them where the gold was dropped.
        digest: the SHA-256 of the file, in hexadecimal.
        elsewhere: how many rows are of parts of the set that the task's file does not have.
    """

    answers: Mapping[str, tuple[str, ...]]
    digest: str
    elsewhere: int = 0

    def mended(self, question: Question) -> Question | None:
        """Return a question with its gold as it should be; None where that was dropped."""
        answers = self.answers.get(question.id)
        if answers is None:
            return question
        # A rubric goes with the old gold.
        metadata = {key: value for key, value in question.metadata.items() if key != RUBRIC}
        return replace(question, answers=answers, metadata=metadata) if answers else None
