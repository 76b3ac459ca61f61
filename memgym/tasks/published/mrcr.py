"""MRCR: to give back the n-th of several texts that were asked for in the same words."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any

from memgym.data.fields import is_blank, require
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.tasks.published.base import FileConfig, FileTask

PREFIX = "prefix"
"""The key in a question's metadata of what the answer must begin with."""


class Mrcr(FileTask):
    """The n-th of 2, 4 or 8 texts on the same ask, word for word (OpenAI MRCR, after arXiv 2409.12640).

    Reads the hub's ``2needle.parquet``, ``4needle.parquet`` and ``8needle.parquet`` (or ``hf:openai/mrcr::train``),
    rows ``{prompt, answer, random_string_to_prepend, n_needles, desired_msg_index}``; ``prompt`` is a JSON list of
    messages.

    The last message is the question, such as "Prepend aYooSG8CQg to the 2nd (1 indexed) poem about tapirs." What stands
    before it is the history: an ask with its reply is a session, a turn's id is the number of its message. The evidence
    is the reply that is asked for. ``Question.category`` is ``2-needle``, ``4-needle`` or ``8-needle``.

    The official score ``answer`` is 0 unless the answer begins with the given string; else the ratio of
    :class:`difflib.SequenceMatcher` between what follows and the gold text, signs and line breaks included. ``prefix``
    stands beside it: whether the answer begins as it should.
    """

    name = "mrcr"
    source = "OpenAI MRCR (2025), after Michelangelo (arXiv 2409.12640)"
    layout = "MRCR {prompt, answer, random_string_to_prepend, n_needles, desired_msg_index?}"
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the string that is to be prepended, which no two rows share."""
        return require(row, "random_string_to_prepend", str, self.rows.where(number))

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        prefix, gold = self.row_id(row, key), require(row, "answer", str, where)
        if is_blank(prefix) or not gold.startswith(prefix) or is_blank(gold.removeprefix(prefix)):
            raise DataError(f"{where}: the field 'answer' must be 'random_string_to_prepend' and a text: {gold!r:.80}")
        turns = _turns(require(row, "prompt", (str, list), where), where)
        *told, asked = turns
        if len(told) < 2:
            raise DataError(f"{where}: the field 'prompt' must be a history with a question behind it")
        question = Question(
            id=prefix,
            text=asked.text,
            answers=(gold,),
            evidence=_evidence(told, gold.removeprefix(prefix), row.get("desired_msg_index")),
            category=f"{require(row, 'n_needles', int, where)}-needle",
            metadata={PREFIX: prefix},
        )
        return Episode(id=prefix, questions=(question,), sessions=_sessions(told))

    def answer_limit(self, question: Question) -> int:
        """Return twice the size of the gold answer."""
        return -(-len(question.answers[0].encode()) // 2)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer``, the official ratio, and ``prefix``."""
        prefix = question.metadata[PREFIX]
        if not answer.startswith(prefix):
            return {"answer": 0.0, "prefix": 0.0}
        given = answer.removeprefix(prefix)
        ratios = [SequenceMatcher(None, given, gold.removeprefix(prefix)).ratio() for gold in question.answers]
        return {"answer": max(ratios), "prefix": 1.0}


def _turns(prompt: str | list[Any], where: str) -> list[Turn]:
    if isinstance(prompt, str):
        try:
            prompt = json.loads(prompt)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: the field 'prompt' is not valid JSON ({error})") from None
    messages = require({"prompt": prompt}, "prompt", list, where)
    places = [f"{where}, message {number}" for number in range(len(messages))]
    return [
        Turn(str(number), require(message, "role", str, at), require(message, "content", str, at))
        for number, (message, at) in enumerate(zip(messages, places, strict=True))
    ]


def _sessions(turns: list[Turn]) -> tuple[Session, ...]:
    """Return the turns in sessions, each begun by one that is not the assistant's."""
    parts: list[list[Turn]] = []
    for turn in turns:
        if not parts or turn.speaker != "assistant":
            parts.append([])
        parts[-1].append(turn)
    return tuple(Session(f"S{number}", "", tuple(part)) for number, part in enumerate(parts, 1))


def _evidence(turns: list[Turn], gold: str, asked_for: Any) -> tuple[str, ...]:
    """Return the id of the reply that is the gold text: where several are, of that at or behind ``asked_for``."""
    same = [turn.id for turn in turns if turn.text == gold and turn.speaker == "assistant"]
    near = [name for name in same if isinstance(asked_for, int) and int(name) - asked_for in (0, 1)]
    return tuple((near or same)[:1])
