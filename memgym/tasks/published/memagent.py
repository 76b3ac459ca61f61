"""MemAgent's data: the evaluation files eval_50 ... eval_6400 and eval_fwe_*, and the training parquet."""

from __future__ import annotations

import re
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Match, Question, Section
from memgym.errors import DataError
from memgym.scoring.string_match import string_match_all
from memgym.scoring.support import FREQUENT, list_limit
from memgym.scoring.text import best_over, exact_match, f1, sub_em
from memgym.tasks.published.base import FileConfig, FileTask

_COUNTS = re.compile(r"\bfrequen|\bmost common|\boccur")
_BETWEEN_DOCUMENTS = re.compile(r"\n\n(?=Document \d+:\n)")


class MemAgent(FileTask):
    """Question answering over long texts of many documents, and RULER's frequent words (arXiv 2507.02259, section 4).

    Takes MemAgent's three layouts, told apart row by row:

    - evaluation, QA: ``{context, input, answers[], num_docs?, index?}``; any one of the answers is right;
    - evaluation, RULER: ``{context, input, outputs[], answer_prefix?, index?}``; all outputs must be given;
    - training parquet: ``{prompt, context, reward_model.ground_truth[], extra_info.question, extra_info.num_docs}``.

    The context is cut before its ``Document {i}:`` headers into sections ``doc1``, ``doc2``, ...; joined by blank lines
    they give the context back. A context without such headers is one section, ``context``. The files do not say which
    documents hold the answer.

    The official score ``answer`` is, for QA, sub-EM (the gold answer is in the prediction, both normalised; one-sided,
    so an empty prediction scores 0) with ``em`` and ``f1`` beside it, and for RULER rows ``string_match_all``, which
    MemAgent's script rounds to two decimals for each row. In the answer format ``boxed`` the last box counts, wherever
    it stands behind the thoughts (``</think>``), as in its evaluation; that it must stand within the last 300
    characters is a rule of its training reward.
    """

    name = "memagent"
    source = "MemAgent, RULER-HotpotQA and RULER frequent words (Yu et al. 2025, arXiv 2507.02259)"
    layout = (
        "MemAgent's evaluation files {context, input, answers or outputs} or of its training parquet "
        "{context, reward_model.ground_truth, extra_info.question}"
    )
    answer_tokens = 32
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the row's ``index`` in the set it was made from, else its number."""
        extra = row.get("extra_info")
        within = extra.get("index", number) if isinstance(extra, dict) else number
        return str(row.get("index", within))

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        row_id = self.row_id(row, key)
        question, answers, match = _question(row, where)
        counted = {FREQUENT: str(len(answers))} if match == "all" and _COUNTS.search(question) else {}
        return Episode(
            id=row_id,
            questions=(Question(id=row_id, text=question, answers=answers, match=match, metadata=counted),),
            sections=split_documents(require(row, "context", str, where)),
        )

    def answer_limit(self, question: Question) -> int:
        """Return room for the list of frequent words that is asked for, else the limit of a short answer."""
        return list_limit(question) if question.match == "all" else self.answer_tokens

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return the official ``answer`` and, beside it, ``em`` and ``f1`` (of all outputs together, if all count)."""
        if question.match == "all":
            share = string_match_all(answer, question.answers)
            return {"answer": share, "em": float(share == 1), "f1": f1(answer, " ".join(question.answers))}
        return {
            "answer": best_over(sub_em, answer, question.answers),
            "em": best_over(exact_match, answer, question.answers),
            "f1": best_over(f1, answer, question.answers),
        }


def _question(row: dict[str, Any], where: str) -> tuple[str, tuple[str, ...], Match]:
    """Return the question, its gold answers, and whether any or all of these must be given."""
    if "reward_model" in row:
        gold = texts(require(row, "reward_model", dict, where), "ground_truth", f"{where}, reward_model")
        extra = require(row, "extra_info", dict, where)
        return require(extra, "question", str, f"{where}, extra_info"), gold, "any"
    question = require(row, "input", str, where)
    if "outputs" in row:
        return question, texts(row, "outputs", where), "all"
    if "answers" not in row:
        raise DataError(f"{where}: neither the field 'answers' nor the field 'outputs' is there")
    return question, texts(row, "answers", where), "any"


def split_documents(context: str) -> tuple[Section, ...]:
    """Cut ``Document 1:\\n...\\n\\nDocument 2:\\n...`` into one section per document.

    The sections' texts, joined by blank lines, are the context. Without headers numbered from 1 on (a document may
    itself quote such a header), the context is one section.
    """
    parts = _BETWEEN_DOCUMENTS.split(context)
    if all(part.startswith(f"Document {number}:\n") for number, part in enumerate(parts, 1)):
        return tuple(Section(f"doc{number}", part) for number, part in enumerate(parts, 1))
    return (Section("context", context),)
