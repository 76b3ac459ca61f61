"""BEAM: very long chats of a user with an assistant, and questions on ten abilities of a memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgym.checks import check_choice
from memgym.data.fields import kind_of, literal, require, texts
from memgym.data.rows import Rows
from memgym.episodes import RUBRIC, Episode, Question, Session, Turn
from memgym.errors import ConfigError, DataError
from memgym.folders import locate
from memgym.scoring.phrases import f1
from memgym.scoring.text import best_over
from memgym.tasks.published.base import FileConfig, FileTask
from memgym.tasks.published.beam.files import ChatFolder
from memgym.tasks.published.beam.score import beam_score

LIMITS = {
    "abstention": 64,
    "contradiction_resolution": 256,
    "event_ordering": 512,
    "information_extraction": 256,
    "instruction_following": 512,
    "knowledge_update": 128,
    "multi_session_reasoning": 256,
    "preference_following": 512,
    "summarization": 1024,
    "temporal_reasoning": 128,
}
"""Ability to the longest answer, in tokens of four bytes: about twice the longest gold answer."""
ABILITIES = tuple(LIMITS)
_ANSWERS = ("answer", "ideal_answer", "ideal_response", "ideal_summary", "expected_compliance")
_MARKER = re.compile(r"\s*->->[^\n]*\s*\Z")
_LEAD = re.compile(r"^LLM response should (?:state|mention|contain|include|say)\s*:?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class BeamConfig(FileConfig):
    """What is asked.

    Args:
        abilities: which questions are asked, by the ability that they test; all ten by default.
    """

    abilities: Sequence[str] = ABILITIES

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.abilities, str) or not self.abilities:
            raise ConfigError(f"argument 'abilities' must be a list of abilities, not {self.abilities!r}")
        for ability in self.abilities:
            check_choice("abilities", ability, ABILITIES)


class Beam(FileTask):
    """Chats of 128k to 10M tokens with 20 questions each, two per ability (Tavakoli et al. 2025, arXiv 2510.27246).

    ``path`` is a folder of the repository (``chats``, ``chats/100K`` or one chat of it), a file of rows as the hub has
    them (``{conversation_id, chat, probing_questions}``, the questions as a Python literal), or ``hf:Mohammadta/BEAM``
    and ``hf:Mohammadta/BEAM-10M`` with a split, e.g. ``hf:Mohammadta/BEAM::100K``. A chat of 10M tokens is ten plans,
    whose ids are counted on from one to the next.

    A batch of the chat is a session with its time anchor; a message is a turn, whose id is the message's. The marker
    behind a user's message (``->-> 1,1``) is no part of it. ``Question.category`` is the ability; the evidence are the
    messages in ``source_chat_ids``; questions on ``abstention`` are not ``answerable``. The points of the rubric stand
    in ``Question.metadata``, without their "LLM response should state:".

    The official score is a judge's: each point of the rubric counts 0, 0.5 or 1, and the mean is the score. With a
    judge (``judge="MODEL"``) ``answer`` is that, halves kept; BEAM's own script casts marks to whole numbers and so
    drops the halves, but for event ordering. Without a judge ``answer`` is
    :func:`~memgym.tasks.published.beam.score.beam_score`, which is **not** that score: facts by the share of the
    rubric's points that are stated, event ordering by Kendall's τ-b times F1, abstention by known words, and what only
    a reader can judge (contradictions, instructions, preferences, summaries) by token F1 with the gold answer. It
    stands beside a judge's score as ``rule``, and tells for event ordering what the rubric does not: the order. ``f1``
    stands beside both.

    Raises:
        ConfigError: a chat has no question on the chosen abilities.
    """

    name = "beam"
    source = "BEAM (Tavakoli et al. 2025, arXiv 2510.27246)"
    layout = "BEAM {chat[{turns, time_anchor?}], probing_questions{ability: [{question, rubric, source_chat_ids?}]}}"
    Config = BeamConfig

    def open_rows(self) -> Rows:
        """Return the chats of a folder, or the rows of a file."""
        folder = locate(Path(self.config.path)).is_dir()
        return ChatFolder(self.config.path) if folder else super().open_rows()

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``conversation_id``, else the number of the row."""
        return str(row.get("conversation_id", number))

    def load(self, key: int) -> Episode:
        """Return a chat with its questions."""
        row, where = self.rows[key], self.rows.where(key)
        chat_id = self.row_id(row, key)
        sessions = _sessions(require(row, "chat", list, where), where)
        turns = {turn.id for session in sessions for turn in session.turns}
        questions = tuple(
            _question(f"{chat_id}-q{i}", ability, probe, turns, at)
            for i, (ability, probe, at) in enumerate(_probes(row, where))
            if ability in self.config.abilities
        )
        if not questions:
            raise ConfigError(f"{where} has no question on {', '.join(self.config.abilities)}: choose other abilities")
        return Episode(id=chat_id, questions=questions, sessions=sessions)

    def asked(self, number: int) -> dict[str, str]:
        """Return the questions of a chat by their ids, on all abilities."""
        row, where = self.rows[number], self.rows.where(number)
        probes = enumerate(_probes(row, where))
        return {f"{self.row_id(row, number)}-q{i}": require(probe, "question", str, at) for i, (_, probe, at) in probes}

    def answer_limit(self, question: Question) -> int:
        """Return the limit of the ability."""
        return LIMITS[question.category]

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them; neither is the judge's score."""
        return {"answer": beam_score(question, answer), "f1": best_over(f1, answer, question.answers)}


def _probes(row: dict[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    """Yield ability, question and place of all questions, in their order."""
    probing = row.get("probing_questions")
    if isinstance(probing, str):
        probing = literal(probing, f"{where}: the field 'probing_questions'")
    found = require(row | {"probing_questions": probing}, "probing_questions", dict, where)
    for ability in found:
        if ability not in ABILITIES:
            raise DataError(f"{where}: 'probing_questions' has {ability!r}; abilities are {', '.join(ABILITIES)}")
        for number, probe in enumerate(require(found, ability, list, where)):
            yield ability, probe, f"{where}, {ability} {number}"


def _question(question_id: str, ability: str, probe: Any, turns: set[str], where: str) -> Question:
    points = [" ".join(_LEAD.sub("", point).split()) for point in texts(probe, "rubric", where)]
    if not all(points):
        raise DataError(f"{where}: the field 'rubric' has a point that asks for nothing")
    gold = next((field for field in _ANSWERS if probe.get(field) is not None), "")
    return Question(
        id=question_id,
        text=require(probe, "question", str, where),
        answers=texts(probe, gold, where)[:1] if gold else ("; ".join(points),),
        evidence=tuple(dict.fromkeys(i for i in _ids(probe.get("source_chat_ids"), where) if i in turns)),
        category=ability,
        answerable=ability != "abstention",
        metadata={RUBRIC: "\n".join(points)},
    )


def _ids(value: Any, where: str) -> Iterator[str]:
    """Yield the ids of messages in a number, or in lists and objects of such."""
    if isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _ids(part, where)
    elif isinstance(value, int | str) and not isinstance(value, bool):
        yield str(value)
    elif value is not None:
        raise DataError(f"{where}: the field 'source_chat_ids' must hold ids of messages, not {kind_of(value)}")


def _sessions(chat: list[Any], where: str) -> tuple[Session, ...]:
    """Return the batches that have messages."""
    sessions: list[Session] = []
    seen: set[str] = set()
    for batch, offset, at in _batches(chat, where):
        number, turns, anchor = len(sessions) + 1, [], ""
        if isinstance(batch, dict):
            anchor = batch.get("time_anchor") or ""
        for message in _messages(batch, at):
            turn = _turn(message, offset, at)
            if turn.id in seen:
                raise DataError(f"{at}: the message id {turn.id} stands twice in the chat")
            seen.add(turn.id)
            turns.append(turn)
            anchor = anchor or message.get("time_anchor") or ""
        if turns:
            sessions.append(Session(f"S{number}", str(anchor), tuple(turns)))
    if not sessions:
        raise DataError(f"{where}: the field 'chat' has no messages")
    return tuple(sessions)


def _batches(chat: list[Any], where: str, offset: int = 0) -> Iterator[tuple[Any, int, str]]:
    """Yield batches (objects with ``turns``, or lists of messages), what their ids are counted on from, and places."""
    for number, part in enumerate(chat):
        at = f"{where}, chat {number}"
        plans = {name: plan for name, plan in part.items() if name.startswith("plan")} if isinstance(part, dict) else {}
        if not plans:
            yield part, offset, at
            continue
        for name, plan in plans.items():
            if plan is None:  # the hub has a column for each plan in each row
                continue
            batches = require(plans, name, list, at)
            found = (message for batch, _, _ in _batches(batches, at) for message in _messages(batch, at))
            ids = [require(message, "id", int, at) for message in found]
            base = offset if ids and ids[0] < offset else 0  # else they are counted on already
            yield from _batches(batches, f"{at}, {name}", base)
            offset = max([offset, *(base + i + 1 for i in ids)])


def _messages(batch: Any, where: str) -> Iterator[Any]:
    """Yield the messages of a batch: of its turns, or in one list."""
    parts = require(batch if isinstance(batch, dict) else {"turns": batch}, "turns", list, where)
    for part in parts:
        if isinstance(part, list):
            yield from part
        else:
            yield part


def _turn(message: Any, offset: int, where: str) -> Turn:
    number, role = require(message, "id", int, where), require(message, "role", str, where)
    content = require(message, "content", str, f"{where}, message {number}")
    return Turn(str(offset + number), role, _MARKER.sub("", content) if role == "user" else content)
