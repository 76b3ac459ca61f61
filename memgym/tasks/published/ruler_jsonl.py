"""RULER's own data files, as its scripts write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memgym.checks import check_choice
from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Section
from memgym.errors import DataError
from memgym.scoring.string_match import STRING_MATCH
from memgym.tasks.published.base import FileConfig, FileTask
from memgym.tasks.published.memagent import split_documents


@dataclass(frozen=True)
class RulerJsonlConfig(FileConfig):
    """The options of ``ruler_jsonl``.

    Args:
        match: whether ``all`` outputs of a row must be given, or ``any`` one of them, as in RULER's qa_1 and qa_2.

    Raises:
        ConfigError: an option does not fit.
    """

    match: str = "all"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("match", self.match, ("all", "any"))


class RulerJsonl(FileTask):
    """Files that NVIDIA/RULER's scripts have written (Hsieh et al. 2024, arXiv 2404.06654).

    Rows are ``{index, input, outputs[], length?, context?, answer_prefix?}``, as JSON lines or a JSON array, plain or
    .gz. With ``context``, ``input`` is the question; without, ``input`` is the whole prompt, whose last line is the
    question and whose other lines are the text. An ``answer_prefix`` at the end of ``input`` is dropped.

    The text is one section, ``context``; documents with ``Document {i}:`` headers are one section each, ``doc{i}``. The
    files do not say where in the text the answer is.

    The official score ``answer`` is ``string_match_all``, or ``string_match_part`` with ``match="any"``.
    """

    name = "ruler_jsonl"
    source = "RULER's own files (Hsieh et al. 2024, arXiv 2404.06654)"
    layout = "RULER {index, input, outputs[], context?, answer_prefix?}"
    Config = RulerJsonlConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the row's ``index``, else its number."""
        return str(row.get("index", number))

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        row_id = self.row_id(row, key)
        text, asked = _text_and_question(row, where)
        question = Question(id=row_id, text=asked, answers=texts(row, "outputs", where), match=self.config.match)
        return Episode(id=row_id, questions=(question,), sections=text)

    def answer_limit(self, question: Question) -> int:
        """Return the longest limit of RULER's subtasks."""
        return 128

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return RULER's score as ``answer``."""
        return {"answer": STRING_MATCH[question.match](answer, question.answers)}


def _text_and_question(row: dict[str, Any], where: str) -> tuple[tuple[Section, ...], str]:
    prompt = require(row, "input", str, where).strip()
    if "answer_prefix" in row:
        prompt = prompt.removesuffix(require(row, "answer_prefix", str, where).strip()).strip()
    if "context" in row:
        return split_documents(require(row, "context", str, where)), prompt
    text, _, asked = prompt.rpartition("\n")
    if not text.strip():
        raise DataError(f"{where}: the field 'input' is one line and there is no field 'context': where is the text?")
    return split_documents(text.strip()), asked.removeprefix("Question:").strip()
