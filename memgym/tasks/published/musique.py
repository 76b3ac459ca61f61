"""MuSiQue."""

from __future__ import annotations

from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Question
from memgym.scoring.abstention import abstains
from memgym.tasks.published.documents import Document, DocumentTask, Item


class MuSiQue(DocumentTask):
    """Two- to four-hop questions over twenty paragraphs (Trivedi et al. 2022, arXiv 2108.00573).

    Takes the official JSON lines ``{id, question, answer, answer_aliases[], answerable, paragraphs[{title,
    paragraph_text, is_supporting}]}`` and the unified schema with ``supporting_idx``. ``Question.category`` is the kind
    of reasoning graph that the id begins with, e.g. ``3hop1``.

    Titles repeat, so evidence is by position. In MuSiQue-Full, half of the questions lack a supporting paragraph
    (``answerable`` is false); there the right answer is to say that the text does not tell, as
    :func:`~memgym.scoring.abstention.abstains` recognises it.
    """

    name = "musique"
    source = "MuSiQue (Trivedi et al. 2022, arXiv 2108.00573)"
    layout = "MuSiQue {question, answer, paragraphs[{title, paragraph_text, ...}]} or {question, answers, ...}"

    def official(self, row: dict[str, Any], where: str) -> Item:
        """Return the item of an official row."""
        documents = []
        for position, paragraph in enumerate(require(row, "paragraphs", list, where)):
            at = f"{where}, paragraph {position}"
            title, text = require(paragraph, "title", str, at), require(paragraph, "paragraph_text", str, at)
            documents.append(Document(title, text, require(paragraph, "is_supporting", bool, at)))
        aliases = texts(row, "answer_aliases", where) if row.get("answer_aliases") else ()
        return Item(
            question=require(row, "question", str, where),
            answers=texts(row, "answer", where) + aliases,
            documents=tuple(documents),
            category=self.row_id(row, 0).partition("__")[0],
            answerable=row.get("answerable", True) is not False,
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return the usual scores; a question that cannot be answered asks for abstention."""
        if question.answerable:
            return super().score(question, answer)
        return dict.fromkeys(("answer", "f1", "sub_em"), float(abstains(answer, question.text)))
