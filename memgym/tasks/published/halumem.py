"""HaluMem: what a memory makes up, asked at many points of a long acquaintance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.scoring.abstention import abstains
from memgym.scoring.phrases import contains, f1
from memgym.scoring.text import best_over
from memgym.tasks.base import SPLITS
from memgym.tasks.published.base import FileConfig, FileTask, split_of


class HaluMem(FileTask):
    """Questions asked behind each session of a user with an assistant (Chen et al. 2025, arXiv 2511.03506).

    Reads ``HaluMem-Medium.jsonl`` and ``HaluMem-Long.jsonl``, rows ``{uuid, sessions[{start_time, dialogue[{role,
    content, timestamp}], questions[{question, answer, question_type}]}]}``. The questions of a session are asked right
    behind it: an episode is a user's history up to such a session. ``Question.category`` is the ``question_type``;
    where the gold answer says that nothing is known, the question is not ``answerable``. The files name as evidence
    memories in words, and no turns. ``train``, ``validation`` and ``test`` part the users.

    The official score is a judge's verdict (right, made up, left out). Without a judge ``answer`` is 1 if the answer
    contains the gold answer as whole words, or abstains in known words where that is right, and **not** that verdict.
    ``f1`` stands beside it.

    What HaluMem measures of a memory itself, its extraction and its updates against the ``memory_points``, is not here:
    each point is a sentence of a model's own wording without the turn that it rests on, so that only a judge can tell
    whether a memory states it.
    """

    name = "halumem"
    source = "HaluMem (Chen et al. 2025, arXiv 2511.03506)"
    layout = "HaluMem {uuid, sessions[{start_time, dialogue[{role, content}], questions[{question, answer}]?}]}"
    answer_tokens = 128
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``uuid``."""
        return require(row, "uuid", str, self.rows.where(number))

    @cached_property
    def _keys(self) -> dict[str, list[tuple[int, int]]]:
        """Per split, the row and the session behind which questions are asked."""
        keys: dict[str, list[tuple[int, int]]] = {split: [] for split in ("all", *SPLITS)}
        for number, row in enumerate(self.rows):
            sessions = require(row, "sessions", list, self.rows.where(number))
            asked = [(number, i) for i, session in enumerate(sessions) if session.get("questions")]
            keys["all"] += asked
            keys[split_of(self.row_id(row, number))] += asked
        return keys

    def keys(self, split: str) -> Sequence[tuple[int, int]]:
        """Return the points at which questions are asked."""
        return self._explained(lambda: self._keys)[split]

    def check(self, number: int) -> None:
        """Check a user's sessions and questions."""
        row, where = self.rows[number], self.rows.where(number)
        list(_sessions(require(row, "sessions", list, where), where))
        self.asked(number)

    def load(self, key: tuple[int, int]) -> Episode:
        """Return a user's history up to a session, with the questions behind it."""
        number, last = key
        row, where = self.rows[number], self.rows.where(number)
        user = self.row_id(row, number)
        sessions = require(row, "sessions", list, where)
        questions = _questions(sessions[last], f"{user}-q{last}", f"{where}, session {last}")
        told = _sessions(sessions[: last + 1], where)
        return Episode(id=f"{user}-{last}", questions=questions, sessions=told)

    def asked(self, number: int) -> dict[str, str]:
        """Return a user's questions by their ids."""
        row, where = self.rows[number], self.rows.where(number)
        user = self.row_id(row, number)
        return {
            question.id: question.text
            for i, session in enumerate(require(row, "sessions", list, where))
            for question in _questions(session, f"{user}-q{i}", f"{where}, session {i}")
        }

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them."""
        overlap = best_over(f1, answer, question.answers)
        if question.answerable:
            verdict = any(contains(answer, gold) for gold in question.answers)
        else:
            verdict = abstains(answer, question.text) or overlap == 1.0
        return {"answer": float(verdict), "f1": overlap}


def _questions(session: Any, prefix: str, where: str) -> tuple[Question, ...]:
    if not isinstance(session, dict):
        raise DataError(f"{where}: expected an object with the field 'dialogue'")
    asked = []
    for number, qa in enumerate(session.get("questions") or ()):
        at = f"{where}, question {number}"
        text, golds = require(qa, "question", str, at), texts(qa, "answer", at)
        asked.append(
            Question(
                id=f"{prefix}.{number}",
                text=text,
                answers=golds,
                category=str(qa.get("question_type") or ""),
                answerable=not abstains(golds[0], text),
            )
        )
    return tuple(asked)


def _sessions(sessions: list[Any], where: str) -> tuple[Session, ...]:
    told = []
    for number, session in enumerate(sessions, 1):
        at = f"{where}, session {number - 1}"
        turns = tuple(
            Turn(f"S{number}:{i}", require(turn, "role", str, at), require(turn, "content", str, at))
            for i, turn in enumerate(require(session, "dialogue", list, at), 1)
        )
        if turns:
            told.append(Session(f"S{number}", str(session.get("start_time") or ""), turns))
    if not told:
        raise DataError(f"{where}: the field 'sessions' has no dialogue")
    return tuple(told)
