"""LongMemEval: questions about a user's chats with an assistant."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.scoring.abstention import abstains
from memgym.scoring.text import best_over, contains, f1
from memgym.tasks.published.base import FileConfig, FileTask

PREFERENCE = "single-session-preference"
TYPES = (
    "single-session-user",
    "single-session-assistant",
    PREFERENCE,
    "temporal-reasoning",
    "knowledge-update",
    "multi-session",
)
_SHOWN = 5
_ALSO = re.compile(r"^(?P<first>.+?)\. (?P<second>[^.]+?)(?: \([^)]*\))? (?:is|are) also acceptable\.?$", re.DOTALL)
_OR = re.compile(r"^(?P<first>.+?) \(or (?P<second>[^)]+)\)\.?$", re.DOTALL)


class LongMemEval(FileTask):
    """One question per episode, after up to 500 dated chat sessions (Wu et al. 2024, arXiv 2410.10813).

    Reads the official ``longmemeval_s.json``, ``longmemeval_m.json`` (2.7 GB, never held in memory) and
    ``longmemeval_oracle.json``, which has the evidence sessions only.

    Sessions are put in the order of their dates (the oracle file is not sorted) and named ``S1``, ``S2``, ...; turn 3
    of session 2 is ``S2:3``. The evidence are the turns marked ``has_answer``. ``Question.category`` is one of the six
    types, ``Question.time`` the date of the question (``""`` where the file has none). Questions whose id ends in
    ``_abs`` ask for something that was never said: they are not ``answerable``, and have no evidence.

    The official score is an LLM judge's verdict with a prompt per type. The score here needs no model and is **not**
    that verdict: ``answer`` is 1 if the answer contains the gold answer, as whole words (of "7 days. 8 days (including
    the last day) is also acceptable." or "25 minutes (or 25:00)" either form); for the preference type, whose gold is a
    rubric, it is token F1; for abstention questions it is 1 if the answer abstains in known words
    (:func:`~memgym.scoring.abstention.abstains`). ``f1`` stands beside it. Words are those of SQuAD's normalisation,
    for the reader, too: results rest on it. Rows without sessions are left out, with a warning that names them, and a
    result file tells their number.
    """

    name = "longmemeval"
    source = "LongMemEval S, M and oracle (Wu et al. 2024, arXiv 2410.10813)"
    layout = (
        "LongMemEval {question_id, question_type, question, answer, question_date, haystack_dates, "
        "haystack_sessions[[{role, content, has_answer?}]]}"
    )
    phrases = "squad"
    answer_tokens = 48
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``question_id``."""
        return require(row, "question_id", str, self.rows.where(number))

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.unusable = tuple(self._empty.values())
        if len(self.unusable) == len(self.rows):
            raise DataError(f"{self.rows.name}: no row has sessions in the field 'haystack_sessions'")
        if self.unusable:
            shown = ", ".join(self.unusable[:_SHOWN]) + (", …" if len(self.unusable) > _SHOWN else "")
            warnings.warn(f"{self.rows.name}: rows without sessions are left out: {shown}", stacklevel=2)

    def selected(self) -> Sequence[int]:
        """Return the numbers of the rows that have a session."""
        return [number for number in super().selected() if number not in self._empty]

    def check(self, number: int) -> None:
        """Check row ``number``, if it has a session."""
        if number not in self._empty:
            self.load(number)

    @cached_property
    def _empty(self) -> dict[int, str]:
        """Number and id of the rows that have no session with a turn."""
        return {
            number: self.row_id(row, number)
            for number, row in enumerate(self.rows)
            if isinstance(sessions := row.get("haystack_sessions", ""), list) and not any(sessions)
        }

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        question_id = self.row_id(row, key)
        kind = require(row, "question_type", str, where)
        if kind not in TYPES:
            raise DataError(f"{where}: the field 'question_type' must be one of {', '.join(TYPES)}, not {kind!r}")
        sessions, evidence = _sessions(row, where)
        answerable = not question_id.endswith("_abs")
        question = Question(
            id=question_id,
            text=require(row, "question", str, where),
            answers=tuple(form for answer in texts(row, "answer", where) for form in variants(answer)),
            evidence=evidence if answerable else (),
            category=kind,
            time=require(row, "question_date", (str, type(None)), where) or "",
            answerable=answerable,
        )
        return Episode(id=question_id, questions=(question,), sessions=sessions)

    def answer_limit(self, question: Question) -> int:
        """Return the limit of a short answer, and of a reply where preferences are asked for."""
        return 256 if question.category == PREFERENCE else self.answer_tokens

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them; neither is the official LLM judgement."""
        overlap = best_over(f1, answer, question.answers)
        if not question.answerable:
            verdict = float(abstains(answer, question.text))
        elif question.category == PREFERENCE:
            verdict = overlap
        else:
            verdict = float(any(contains(answer, gold) for gold in question.answers))
        return {"answer": verdict, "f1": overlap}


def variants(answer: str) -> tuple[str, ...]:
    """Return ``answer`` and, if it names two accepted forms, each of these."""
    match = _ALSO.match(answer) or _OR.match(answer)
    return (answer, match["first"], match["second"]) if match else (answer,)


def _sessions(row: dict[str, Any], where: str) -> tuple[tuple[Session, ...], tuple[str, ...]]:
    """Return the sessions in the order of their dates, and the ids of the turns that hold the answer."""
    dates = require(row, "haystack_dates", list, where)
    dialogues = require(row, "haystack_sessions", list, where)
    if len(dates) != len(dialogues) or not all(isinstance(date, str) for date in dates):
        raise DataError(f"{where}: the field 'haystack_dates' must hold one date for each of 'haystack_sessions'")
    if not all(isinstance(dialogue, list) for dialogue in dialogues):
        raise DataError(f"{where}: the field 'haystack_sessions' must hold lists of turns")
    # Dates are written 2023/05/30 (Tue) 21:48, so their order as text is their order in time.
    order = sorted((i for i in range(len(dates)) if dialogues[i]), key=lambda i: dates[i])
    sessions, evidence = [], []
    for number, i in enumerate(order, 1):
        turns = []
        for position, message in enumerate(dialogues[i], 1):
            at = f"{where}, session {i}, turn {position - 1}"
            turn_id, content = f"S{number}:{position}", require(message, "content", str, at)
            turns.append(Turn(turn_id, require(message, "role", str, at), content))
            if message.get("has_answer"):
                evidence.append(turn_id)
        sessions.append(Session(f"S{number}", dates[i], tuple(turns)))
    return tuple(sessions), tuple(evidence)
