"""Data of your own, in a plain schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from memgym.checks import check_choice
from memgym.data.fields import is_blank, require, texts
from memgym.episodes import Episode, Fact, Question, Section, Session, Turn
from memgym.errors import DataError
from memgym.scoring.abstention import abstains
from memgym.scoring.strict import strict_f1, strict_match
from memgym.scoring.text import best_over, exact_match, f1, squad_f1
from memgym.tasks.published.base import FileConfig, FileTask

_FACT_FIELDS = ("subject", "relation", "value", "source")

METRICS: dict[str, tuple[Callable[[str, str], float], Callable[[str, str], float]]] = {
    "exact_match": (strict_match, strict_f1),
    "squad": (exact_match, squad_f1),
    "hotpotqa": (exact_match, f1),
}
"""Name of a metric to its scores ``answer`` and ``f1``."""


@dataclass(frozen=True)
class CustomConfig(FileConfig):
    """What is read, and by which rule it is scored.

    Args:
        metric: when an answer is right. ``exact_match``: if it is the gold answer but for capitals, white space and
            what :mod:`memgym.scoring.strict` lists, in any script. ``squad`` and ``hotpotqa``: by these data sets'
            own scripts, which drop all ASCII punctuation and articles (``C++`` is ``C#``, ``-5`` is ``5``, ``3.5`` is
            ``35``) and know no script without spaces; for results to set beside theirs.
    """

    metric: str = "exact_match"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("metric", self.metric, tuple(METRICS))


class Custom(FileTask):
    """Your own texts and questions, from a JSON array, JSON lines or parquet, plain or ``.gz``.

    A row is an episode. It has either ``sections`` or ``sessions``, and parallel lists about its questions::

        {
          "id": "ana",
          "sessions": [
            {"id": "s1", "time": "2024-03-01", "turns": [
              {"id": "s1:1", "speaker": "Ana", "text": "I moved to Lisbon last week."},
              {"id": "s1:2", "speaker": "Ben", "text": "How nice! From Porto?"}]}
          ],
          "questions": ["Where does Ana live?", "Who is Ana's brother?"],
          "answers": [["Lisbon", "Lisboa"], null],
          "evidence": [["s1:1"], []],
          "categories": ["fact", "unknown"],
          "facts": [{"subject": "Ana", "relation": "home city", "value": "Lisbon", "source": "s1:1"}]
        }

    - ``sections``: texts, or ``{id?, text}``. ``sessions``: ``{id?, time?, turns}``, turns: ``{id?, speaker, text}``.
      Ids that are left out are ``1``, ``2``, ... for sections and sessions, and ``2:3`` for turn 3 of session 2.
    - ``questions``: texts. ``answers``: per question a text or number (7.0 is ``7``), a list of them (any is right), or
      null if the right answer is that the text does not tell. None may be blank or NaN.
    - optional: ``id``; ``evidence``, per question the ids of the turns or sections it follows from; ``categories``,
      per question a name by which scores are grouped; ``times``, per question when it is asked; ``facts``, what an
      ideal memory holds: ``{subject, relation, value, source, until?, forgotten?}`` (see
      :class:`~memgym.episodes.Fact`); ``lures``, as ``facts``, what is mentioned and was never so.

    ``answer`` is exact match with token ``f1`` beside it, by the rule that ``metric`` names: by default every sign
    counts, in any script. Where the right answer is that the text does not tell, both are 1 if the answer says so in
    known English words (:func:`~memgym.scoring.abstention.abstains`).
    """

    name = "custom"
    source = "your own file (schema in the class's documentation)"
    layout = (
        "{sections or sessions, questions[], answers[], evidence[]?, id?, categories[]?, times[]?, facts[]?, lures[]?}"
    )
    Config = CustomConfig

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        if bool(row.get("sections")) == bool(row.get("sessions")):
            raise DataError(f"{where}: there must be either 'sections' or 'sessions'")
        sections = _sections(row, where) if row.get("sections") else ()
        sessions = _sessions(row, where) if row.get("sessions") else ()
        ids = [part.id for part in sections] or [turn.id for session in sessions for turn in session.turns]
        if len(set(ids)) < len(ids):
            twice = next(i for i in ids if ids.count(i) > 1)
            raise DataError(f"{where}: the id {twice!r} is given twice")
        return Episode(
            id=self.row_id(row, key),
            questions=_questions(row, self.row_id(row, key), ids, where),
            sections=sections,
            sessions=sessions,
            facts=_facts(row, "facts", ids, where),
            lures=_facts(row, "lures", ids, where),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` by the metric."""
        if question.answerable:
            metric = zip(("answer", "f1"), METRICS[self.config.metric], strict=True)
            return {name: best_over(score, answer, question.answers) for name, score in metric}
        return dict.fromkeys(("answer", "f1"), float(abstains(answer, question.text)))


def _sections(row: dict[str, Any], where: str) -> tuple[Section, ...]:
    sections = []
    for number, part in enumerate(require(row, "sections", list, where), 1):
        at = f"{where}, section {number}"
        part = {"text": part} if isinstance(part, str) else part
        text = require(part, "text", str, at)
        sections.append(Section(_id(part, str(number), at), text))
    return tuple(sections)


def _sessions(row: dict[str, Any], where: str) -> tuple[Session, ...]:
    sessions = []
    for number, part in enumerate(require(row, "sessions", list, where), 1):
        at = f"{where}, session {number}"
        turns = []
        for position, turn in enumerate(require(part, "turns", list, at), 1):
            spot = f"{at}, turn {position}"
            speaker, text = require(turn, "speaker", str, spot), require(turn, "text", str, spot)
            turns.append(Turn(_id(turn, f"{number}:{position}", spot), speaker, text))
        if not turns:
            raise DataError(f"{at}: the field 'turns' is empty")
        sessions.append(Session(_id(part, str(number), at), str(part.get("time") or ""), tuple(turns)))
    return tuple(sessions)


def _id(part: dict[str, Any], default: str, where: str) -> str:
    return default if part.get("id") is None else str(require(part, "id", (str, int), where))


def _questions(row: dict[str, Any], row_id: str, ids: list[str], where: str) -> tuple[Question, ...]:
    asked = require(row, "questions", list, where)
    if not asked:
        raise DataError(f"{where}: the field 'questions' is empty")
    require(row, "answers", list, where)
    beside = {field: _beside(row, field, len(asked), where) for field in ("answers", "evidence", "categories", "times")}
    questions = []
    for i, text in enumerate(asked):
        at = f"{where}, question {i}"
        answer = beside["answers"][i]
        evidence = texts({"evidence": beside["evidence"][i]}, "evidence", at) if beside["evidence"][i] else ()
        unknown = next((e for e in evidence if e not in ids), None)
        if unknown is not None:
            raise DataError(f"{at}: the evidence {unknown!r} is no id of a turn or section")
        questions.append(
            Question(
                id=f"{row_id}-q{i}",
                text=require({"questions": text}, "questions", str, at),
                answers=("Not mentioned",) if answer is None else texts({"answers": answer}, "answers", at),
                evidence=evidence,
                category=str(beside["categories"][i] or ""),
                time=str(beside["times"][i] or ""),
                answerable=answer is not None,
            )
        )
    return tuple(questions)


def _beside(row: dict[str, Any], field: str, length: int, where: str) -> list[Any]:
    """Return a list that runs beside the questions; nulls if the row has none."""
    if row.get(field) is None:
        return [None] * length
    values = require(row, field, list, where)
    if len(values) != length:
        raise DataError(f"{where}: the field {field!r} has {len(values)} elements for {length} questions")
    return values


def _facts(row: dict[str, Any], field: str, ids: list[str], where: str) -> tuple[Fact, ...]:
    facts = []
    for i, fact in enumerate(require(row, field, list, where) if row.get(field) else ()):
        at = f"{where}, {field[:-1]} {i}"
        subject, relation, value, source = (require(fact, name, str, at) for name in _FACT_FIELDS)
        if is_blank(value):
            raise DataError(f"{at}: the field 'value' is blank: no memory could hold it")
        until = fact.get("until")
        for place in (source, until):
            if place is not None and place not in ids:
                raise DataError(f"{at}: {place!r} is no id of a turn or section")
        forgotten = require(fact, "forgotten", bool, at) if "forgotten" in fact else False
        if forgotten and until is None:
            raise DataError(f"{at}: what is 'forgotten' needs the field 'until', the turn that asks to forget it")
        facts.append(Fact(subject, relation, value, source, until, forgotten=forgotten))
    return tuple(facts)
