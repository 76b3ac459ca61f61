"""LoCoMo: very long conversations between two people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from memgym.checks import check_choice
from memgym.data.fields import is_blank, require, texts
from memgym.episodes import Episode, Fact, Question, Session, Turn
from memgym.errors import ConfigError, DataError
from memgym.tasks.errata import Erratum
from memgym.tasks.published.base import FileConfig, FileTask
from memgym.tasks.published.locomo.bleu import bleu1
from memgym.tasks.published.locomo.score import locomo_score, stemmer

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
ABSTENTION = "Not mentioned in the conversation"
_TRAIN, _VALIDATION = "conv-26", "conv-30"
_REMARK = re.compile(r"\s*\([^()]*\)")
_DIALOGUE_ID = re.compile(r"D\d+:\d+")


@dataclass(frozen=True)
class LoCoMoConfig(FileConfig):
    """What is asked, and how it is bundled.

    Args:
        categories: which questions are asked, by name. All five by default; Memory-R1 leaves out ``adversarial``.
        questions: ``conversation``: an episode is a conversation with all its questions; ``single``: one episode per
            question.
    """

    categories: Sequence[str] = tuple(CATEGORIES.values())
    questions: str = "conversation"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.categories, str) or not self.categories:
            raise ConfigError(f"argument 'categories' must be a list of category names, not {self.categories!r}")
        for category in self.categories:
            check_choice("categories", category, tuple(CATEGORIES.values()))
        check_choice("questions", self.questions, ("conversation", "single"))


class LoCoMo(FileTask):
    """Questions about dozens of dated chat sessions of two people (Maharana et al. 2024, arXiv 2402.17753).

    Reads the official ``locomo10.json``. A session is a session with its date; a turn keeps its ``dia_id`` (``D3:12``)
    and its photo is told by the caption: ``... [shares a photo: a dog in a park]``. Session times without a session
    are ignored.

    ``Question.category`` is ``multi-hop``, ``temporal``, ``open-domain``, ``single-hop`` or ``adversarial``. The last
    assume something that was not said: they are not ``answerable``, and their gold answer is that it is not mentioned.
    An open-domain answer counts up to its ``;``; the whole of it is a second gold answer. Evidence ids are mended
    (``"D8:6; D9:17"`` are two), and those that name no turn are dropped. The ``observation`` notes, where the file has
    them, are the gold facts: subject, ``observation``, text, turn.

    Splits follow Memory-R1 (arXiv 2508.19828, section 4.1): ``conv-26`` is ``train``, ``conv-30`` ``validation``, the
    other eight ``test``; ``all`` is the whole file.

    The official score ``answer`` is :func:`~memgym.tasks.published.locomo.score.locomo_score`; ``bleu1`` stands beside.

    Raises:
        ConfigError: the file has no question of the chosen categories.
        MissingExtraError: NLTK, whose stemmer the score needs, is not installed (extra ``data``).
    """

    name = "locomo"
    source = "LoCoMo (Maharana et al. 2024, arXiv 2402.17753)"
    layout = "locomo10.json {sample_id, conversation, qa, observation?}"
    Config = LoCoMoConfig

    def __init__(self, **options: Any):
        stemmer()
        super().__init__(**options)
        if not self.keys("all"):
            raise ConfigError(f"{self.rows.name} has no question of the categories {', '.join(self.config.categories)}")

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``sample_id``."""
        return require(row, "sample_id", str, self.rows.where(number))

    @cached_property
    def _keys(self) -> dict[str, list[tuple[int, int | None]]]:
        """Per split, the row and (for single questions) the position of the question among those asked."""
        keys: dict[str, list[tuple[int, int | None]]] = {split: [] for split in self.splits}
        for number, row in enumerate(self.rows):
            asked = sum(1 for _ in self._asked(row, self.rows.where(number)))
            new = [(number, i) for i in range(asked)] if self.config.questions == "single" else [(number, None)]
            sample = self.row_id(row, number)
            part = {_TRAIN: "train", _VALIDATION: "validation"}.get(sample, "test")
            keys["all"] += new[:asked]
            keys[part] += new[:asked]
        return keys

    def keys(self, split: str) -> list[tuple[int, int | None]]:
        """Return the conversations that have questions, or their questions, of ``split``."""
        return self._explained(lambda: self._keys)[split]

    def check(self, number: int) -> None:
        """Check a conversation, its questions and its observations."""
        row, where = self.rows[number], self.rows.where(number)
        self.row_id(row, number)
        list(_facts(row, _turn_ids(_sessions(row, where)), where))
        list(self._asked(row, where))

    def load(self, key: tuple[int, int | None]) -> Episode:
        """Return a conversation with all its questions, or with one."""
        number, position = key
        row, where = self.rows[number], self.rows.where(number)
        sample = self.row_id(row, number)
        sessions = _sessions(row, where)
        turns = _turn_ids(sessions)
        questions = tuple(_question(qa, f"{sample}-q{i}", turns, at) for i, qa, at in self._asked(row, where))
        if position is not None:
            questions = (questions[position],)
        return Episode(
            id=sample if position is None else questions[0].id,
            questions=questions,
            sessions=sessions,
            facts=tuple(_facts(row, turns, where)),
        )

    def erratum(self, row: dict[str, Any], where: str) -> Erratum | None:
        """Return what a row mends: ``{id, answers[]}``, or a row of the public audit of LoCoMo's golds.

        Those are ``{sample_id, qa_index, question, error_type, correct_answer}``, ``qa_index`` being the place in the
        conversation's ``qa``. Rows that mend the evidence alone (``WRONG_CITATION``) mend no answer. Remarks in
        parentheses are no part of the gold that is scored; with them it is a second one, for a judge.
        """
        if "qa_index" not in row:
            return super().erratum(row, where)
        question_id = f"{require(row, 'sample_id', str, where)}-q{require(row, 'qa_index', int, where)}"
        text = require(row, "question", str, where)
        if require(row, "error_type", str, where) == "WRONG_CITATION":
            return None
        if require(row, "correct_answer", (str, int, float, type(None)), where) is None:
            return Erratum(question_id, (), text)
        (answer,) = texts(row, "correct_answer", where)
        bare = _REMARK.sub("", answer)
        return Erratum(question_id, (answer,) if is_blank(bare) else tuple(dict.fromkeys((bare, answer))), text)

    def asked(self, number: int) -> dict[str, str]:
        """Return the questions of a conversation by their ids, of all categories."""
        row, where = self.rows[number], self.rows.where(number)
        sample, questions = self.row_id(row, number), require(row, "qa", list, where)
        return {f"{sample}-q{i}": require(qa, "question", str, f"{where}, qa {i}") for i, qa in enumerate(questions)}

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return the official ``answer`` score and ``bleu1`` (on adversarial questions, both are the former)."""
        official = locomo_score(answer, question.answers[0], question.category)
        adversarial = question.category == "adversarial"
        return {"answer": official, "bleu1": official if adversarial else bleu1(answer, question.answers[0])}

    def _asked(self, row: dict[str, Any], where: str) -> Iterator[tuple[int, dict[str, Any], str]]:
        """Yield number, question and place of the questions that belong to the chosen categories."""
        for i, qa in enumerate(require(row, "qa", list, where)):
            at = f"{where}, qa {i}"
            category = require(qa, "category", int, at)
            if category not in CATEGORIES:
                raise DataError(f"{at}: the field 'category' must be 1 to 5, not {category}")
            require(qa, "question", str, at)
            require(qa, "evidence", list, at)
            if category != 5:  # there 'adversarial_answer' stands instead: what must not be answered
                _answers(qa, at)
            if CATEGORIES[category] in self.config.categories:
                yield i, qa, at


def _question(qa: dict[str, Any], question_id: str, turns: set[str], where: str) -> Question:
    category = CATEGORIES[qa["category"]]
    adversarial = category == "adversarial"
    return Question(
        id=question_id,
        text=qa["question"],
        answers=(ABSTENTION,) if adversarial else _answers(qa, where),
        evidence=_dialogue_ids(qa["evidence"], turns),
        category=category,
        answerable=not adversarial,
    )


def _answers(qa: dict[str, Any], where: str) -> tuple[str, ...]:
    answers = texts(qa, "answer", where)
    if CATEGORIES[qa["category"]] != "open-domain":
        return answers
    counted = answers[0].partition(";")[0].strip()
    if is_blank(counted):
        raise DataError(f"{where}: the field 'answer' is blank up to its ';', and no more counts: {answers[0]!r:.80}")
    return tuple(dict.fromkeys((counted, *answers)))


def _sessions(row: dict[str, Any], where: str) -> tuple[Session, ...]:
    conversation = require(row, "conversation", dict, where)
    sessions = []
    numbers = sorted(int(key[8:]) for key in conversation if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        key = f"session_{number}"
        turns = []
        for position, turn in enumerate(require(conversation, key, list, where)):
            at = f"{where}, {key}, turn {position}"
            text = require(turn, "text", str, at)
            if turn.get("blip_caption"):
                text = f"{text} [shares a photo: {turn['blip_caption']}]".lstrip()
            turns.append(Turn(require(turn, "dia_id", str, at), require(turn, "speaker", str, at), text))
        if turns:
            time = require(conversation, f"{key}_date_time", str, f"{where}, conversation")
            sessions.append(Session(f"D{number}", time, tuple(turns)))
    if not sessions:
        raise DataError(f"{where}: the field 'conversation' has no session_1, session_2, ...")
    return tuple(sessions)


def _turn_ids(sessions: tuple[Session, ...]) -> set[str]:
    return {turn.id for session in sessions for turn in session.turns}


def _dialogue_ids(value: Any, turns: set[str]) -> tuple[str, ...]:
    """Return the turn ids in a string or a list of strings, mended, each once."""
    named = _DIALOGUE_ID.findall(str(value))
    return tuple(dict.fromkeys(turn_id for turn_id in named if turn_id in turns))


def _facts(row: dict[str, Any], turns: set[str], where: str) -> Iterator[Fact]:
    """Yield the observations of all sessions in order, each with the first turn it rests on."""
    observations = require(row, "observation", dict, where) if "observation" in row else {}
    for key in sorted(observations, key=lambda name: (len(name), name)):  # session_2 before session_10
        by_speaker = require(observations, key, dict, where)
        for speaker in by_speaker:
            for note in require(by_speaker, speaker, list, f"{where}, {key}"):
                if not (isinstance(note, list) and len(note) == 2 and isinstance(note[0], str)) or is_blank(note[0]):
                    raise DataError(f"{where}: the field {key!r} must hold [text, dia_id], not {note!r:.80}")
                sources = _dialogue_ids(note[1], turns)
                if sources:
                    yield Fact(speaker, "observation", note[0], sources[0])
