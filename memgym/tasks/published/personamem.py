"""PersonaMem: which reply suits what a user is known to like by now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memgym.data.fields import literal, require, texts
from memgym.data.files import read_rows
from memgym.data.hub import HUB_PREFIX
from memgym.data.rows import Rows
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import ConfigError, DataError
from memgym.tasks.base import SPLITS
from memgym.tasks.published.base import FileConfig, FileTask, split_of

ASK = "Which of these replies suits the user best? Answer with its letter."
_MESSAGES = ("user_question_or_message", "question")
_FINAL = "<final_answer>"
_MARKED = re.compile(r"\(([a-d])\)")
_ALONE = re.compile(r"(?:(?:the|my|final|best|answer|reply|option|choice|is)\b[\s:]*)*([a-d])[\s.:!]*", re.IGNORECASE)


@dataclass(frozen=True)
class PersonaMemConfig(FileConfig):
    """The options of ``personamem``.

    Args:
        contexts: the file of the histories; by default that beside ``path``: ``shared_contexts_32k.jsonl`` beside
            ``questions_32k.csv``.
    """

    contexts: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path.startswith(HUB_PREFIX) and not self.contexts:
            raise ConfigError("argument 'contexts' must name the file of the histories, shared_contexts_….jsonl")


class PersonaMem(FileTask):
    """Multiple choice about a user whose preferences change (Jiang et al. 2025, arXiv 2504.14225).

    ``path`` is ``questions_32k.csv``, ``_128k.csv`` or ``_1M.csv``; the histories are in ``shared_contexts_….jsonl``. A
    question is asked at its own point of a history: behind its first ``end_index_in_shared_context`` messages. An
    episode is such a point with all the questions that are asked there. A ``system`` message begins a session; a turn's
    id is the number of the message. The files do not say which messages are the evidence.

    ``Question.text`` is the user's message with the four replies; the gold answer is the right one, with its letter.
    ``Question.category`` is the ``question_type``. ``train``, ``validation`` and ``test`` part the people.

    The official score ``answer`` is 1 if the right letter is chosen and no other: behind ``<final_answer>`` where that
    stands, in parentheses, or, where none is, alone at the end ("The answer is c."). The benchmark's own script takes
    any single letter, so that it reads the article in "a concert" as a choice.
    """

    name = "personamem"
    source = "PersonaMem (Jiang et al. 2025, arXiv 2504.14225)"
    layout = (
        "PersonaMem {question_id, question_type, user_question_or_message, all_options, correct_answer, "
        "shared_context_id, end_index_in_shared_context}"
    )
    path_options = ("path", "errata", "contexts")
    Config = PersonaMemConfig

    def files(self) -> dict[str, str]:
        """Return the files that the task reads; the histories lie beside the questions unless they are named."""
        found = super().files()
        if not found["contexts"]:
            path = Path(self.config.path)
            name = path.name.replace("questions", "shared_contexts").replace(".csv", ".jsonl")
            found["contexts"] = str(path.with_name(name))
        return found

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``question_id``."""
        return require(row, "question_id", str, self.rows.where(number))

    def check(self, number: int) -> None:
        """Check a question, and that its history is there."""
        _question(self.rows[number], self.rows.where(number))
        self._point(number)

    def keys(self, split: str) -> Sequence[tuple[int, ...]]:
        """Return the numbers of the questions that are asked at each point of a history."""
        return self._explained(lambda: self._points)[split]

    def load(self, key: tuple[int, ...]) -> Episode:
        """Return a history up to a point, with the questions that are asked there."""
        context, end = self._point(key[0])
        questions = tuple(_question(self.rows[number], self.rows.where(number)) for number in key)
        number = self._contexts[context]
        messages = require(self._histories[number], context, list, self._histories.where(number))
        if not 0 < end <= len(messages):
            raise DataError(f"{self.rows.where(key[0])}: the history has {len(messages)} messages, not {end}")
        sessions = _sessions(messages[:end], self._histories.where(number))
        return Episode(id=f"{context[:12]}-{end}", questions=questions, sessions=sessions)

    def asked(self, number: int) -> dict[str, str]:
        """Return the question of row ``number`` by its id."""
        question = _question(self.rows[number], self.rows.where(number))
        return {question.id: question.text}

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer``, whether the right letter is chosen."""
        return {"answer": float(any(chosen(answer) == chosen(gold) for gold in question.answers))}

    def _point(self, number: int) -> tuple[str, int]:
        """Return which history the question in row ``number`` is about, and how many messages of it are told."""
        row, where = self.rows[number], self.rows.where(number)
        context = require(row, "shared_context_id", str, where)
        if context not in self._contexts:
            raise DataError(f"{where}: {self._histories.name} has no history {context!r:.80}")
        end = require(row, "end_index_in_shared_context", (int, str), where)
        try:
            return context, int(end)
        except ValueError:
            raise DataError(f"{where}: the field 'end_index_in_shared_context' must be an int, not {end!r}") from None

    @cached_property
    def _points(self) -> dict[str, list[tuple[int, ...]]]:
        points: dict[tuple[str, int], list[int]] = {}
        for number in range(len(self.rows)):
            points.setdefault(self._point(number), []).append(number)
        parts: dict[str, list[tuple[int, ...]]] = {split: [] for split in ("all", *SPLITS)}
        for (context, _), numbers in points.items():
            person = str(self.rows[numbers[0]].get("persona_id", context))
            parts["all"].append(tuple(numbers))
            parts[split_of(person)].append(tuple(numbers))
        return parts

    @cached_property
    def _histories(self) -> Rows:
        return read_rows(self.files()["contexts"])

    @cached_property
    def _contexts(self) -> dict[str, int]:
        """Number of the row of each history, by its id."""
        return {context: number for number, row in enumerate(self._histories) for context in row}


def chosen(answer: str) -> set[str]:
    """Return the letters that an answer chooses."""
    for part in (answer.rpartition(_FINAL)[2], answer):
        marked = set(_MARKED.findall(part.lower()))
        if marked:
            return marked
        *_, line = part.replace("</final_answer>", "").strip().splitlines() or [""]
        alone = _ALONE.fullmatch(line.strip("*_` "))
        if alone:
            return {alone[1].lower()}
    return set()


def _question(row: dict[str, Any], where: str) -> Question:
    field = next((field for field in _MESSAGES if field in row), _MESSAGES[0])
    options = row.get("all_options")
    if isinstance(options, str):
        options = literal(options, f"{where}: the field 'all_options'")
    replies = texts(row | {"all_options": options}, "all_options", where)
    correct = require(row, "correct_answer", str, where).strip().lower()
    right = [reply for reply in replies if reply.strip().lower().startswith(correct) and _MARKED.fullmatch(correct)]
    if len(right) != 1:
        raise DataError(
            f"{where}: the field 'correct_answer' must be the letter of a reply, e.g. '(c)', not {correct!r}"
        )
    return Question(
        id=require(row, "question_id", str, where),
        text="\n".join([require(row, field, str, where), "", ASK, *replies]),
        answers=(right[0].strip(),),
        category=require(row, "question_type", str, where),
    )


def _sessions(messages: list[Any], where: str) -> tuple[Session, ...]:
    """Return the messages as sessions, each begun by a ``system`` message."""
    parts: list[list[Turn]] = []
    for number, message in enumerate(messages):
        at = f"{where}, message {number}"
        turn = Turn(str(number), require(message, "role", str, at), require(message, "content", str, at))
        if not parts or turn.speaker == "system":
            parts.append([])
        parts[-1].append(turn)
    return tuple(Session(f"S{number}", "", tuple(turns)) for number, turns in enumerate(parts, 1))
