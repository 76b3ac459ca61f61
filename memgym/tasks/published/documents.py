"""Question answering over documents: HotpotQA's schema and ours, with distractor documents up to a number or a length.

The construction is MemAgent's (arXiv 2507.02259, section 4): a question's own documents are mixed with documents of
other questions and written as ``Document {i}:\\n{title}\\n{text}``. Unlike there, every item is shuffled by its own
seed: with one seed for all, a question's documents lie in the same slots in every item.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np

from memgym.checks import check_int
from memgym.data.fields import require, texts
from memgym.data.files import read_rows
from memgym.episodes import Episode, Question, Section
from memgym.errors import ConfigError, DataError
from memgym.scoring.text import best_over, exact_match, f1, sub_em
from memgym.tasks.published.base import FileConfig, FileTask
from memgym.tokens import get_counter

LENGTH_TOLERANCE = 0.02
MISFITS = 64
"""How many documents that are too long for the room left are drawn before a context counts as full."""


@dataclass(frozen=True)
class DocumentsConfig(FileConfig):
    """How the documents of a question are arranged.

    Without ``documents`` and ``length`` a question comes with its own documents in the file's order. With one of them
    its supporting documents are kept, its other documents and then documents of other rows are added, and all are
    shuffled by an own seed per row.

    Args:
        documents: how many documents a context has; 0 for no such target.
        length: how many tokens a context has, at most and within 2 % (from about 2,000 tokens on); 0 for no target.
        counter: how ``length`` is counted (see :mod:`memgym.tokens`).
        exclude: path of an evaluation file in MemAgent's layout that was made from this file; the rows that its
            ``index`` names are left out, as questions and as distractors. Empty for none.
        only: path of such a file whose rows alone are played; the other rows give distractors. Empty for all.
        seed: selects other distractors and another order.
    """

    documents: int = 0
    length: int = 0
    counter: str = "chars"
    exclude: str = ""
    only: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("documents", "length", "seed"):
            check_int(name, getattr(self, name), 0)
        if self.documents and self.length:
            raise ConfigError("options 'documents' and 'length' exclude each other; set one of them to 0")
        if self.exclude and self.only:
            raise ConfigError("options 'exclude' and 'only' exclude each other; leave one of them out")
        get_counter(self.counter)


@dataclass(frozen=True, slots=True)
class Document:
    """A titled paragraph; ``supports`` says whether the answer rests on it."""

    title: str
    text: str
    supports: bool

    def written(self, number: int) -> str:
        """Return the document as it stands in a context."""
        return f"Document {number}:\n{self.title}\n{self.text}"


@dataclass(frozen=True, slots=True)
class Item:
    """A row of any of the schemas."""

    question: str
    answers: tuple[str, ...]
    documents: tuple[Document, ...]
    category: str
    answerable: bool = True


class DocumentTask(FileTask):
    """Base of the question answering tasks over documents.

    Documents become sections ``doc1``, ``doc2``, ...; the evidence are those that the data set marks as supporting.
    The official score ``answer`` is exact match; ``f1`` and one-sided ``sub_em`` stand beside it.

    Raises:
        ConfigError: the file has too few documents for the target, or a supporting document does not fit.
        DataError: as for every file, and if ``exclude`` or ``only`` was not made from ``path``.
    """

    path_options: ClassVar[tuple[str, ...]] = ("path", "errata", "exclude", "only")
    Config = DocumentsConfig

    def __init__(self, **options: Any):
        super().__init__(**options)
        rows = self.keys("all")  # reads the excluded ones
        if rows and (self.config.documents or self.config.length):
            self.load(rows[0])  # is there enough to pad with?

    @abstractmethod
    def official(self, row: dict[str, Any], where: str) -> Item:
        """Return the item of a row in the data set's official schema."""

    def item(self, number: int) -> Item:
        """Return row ``number``, in the official or in the unified schema."""
        row, where = self.rows[number], self.rows.where(number)
        item = _unified(row, where) if "answers" in row else self.official(row, where)
        if not item.documents:
            raise DataError(f"{where}: there are no documents")
        return item

    def check(self, number: int) -> None:
        """Check row ``number`` against the schema."""
        self.item(number)

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the row's ``id`` or ``_id``, else its number."""
        return str(row.get("id", row.get("_id", number)))

    def asked(self, number: int) -> dict[str, str]:
        """Return the question of row ``number`` by its id; its context need not be made for that."""
        return {self.row_id(self.rows[number], number): self.item(number).question}

    def selected(self) -> Sequence[int]:
        """Return the numbers of the rows that are asked about."""
        return sorted(self._named("only")) if self.config.only else self._included

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        item = self.item(key)
        documents = self._padded(item, key) if self.config.documents or self.config.length else item.documents
        row_id = self.row_id(self.rows[key], key)
        question = Question(
            id=row_id,
            text=item.question,
            answers=item.answers,
            evidence=tuple(f"doc{i}" for i, document in enumerate(documents, 1) if document.supports),
            category=item.category,
            answerable=item.answerable,
        )
        sections = tuple(Section(f"doc{i}", document.written(i)) for i, document in enumerate(documents, 1))
        return Episode(id=row_id, questions=(question,), sections=sections)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` (exact match) with ``f1`` and ``sub_em`` beside it, each the best over the answers."""
        return {
            "answer": best_over(exact_match, answer, question.answers),
            "f1": best_over(f1, answer, question.answers),
            "sub_em": best_over(sub_em, answer, question.answers),
        }

    @cached_property
    def _included(self) -> list[int]:
        """The rows that are not excluded."""
        excluded = self._named("exclude") if self.config.exclude else frozenset()
        return [number for number in range(len(self.rows)) if number not in excluded]

    def _named(self, option: str) -> frozenset[int]:
        """Return the rows that the evaluation file of an option was made from."""
        rows, named = read_rows(getattr(self.config, option)), set()
        for number, row in enumerate(rows):
            where = rows.where(number)
            index = require(row, "index", int, where)
            question = require(row, "input", str, where)
            if not 0 <= index < len(self.rows) or self.item(index).question != question:
                raise DataError(
                    f"{where}: its 'index' {index} is not the row with its question in {self.rows.name}; "
                    f"name a file in {option!r} that was made from this one"
                )
            named.add(index)
        return frozenset(named)

    @cached_property
    def _pool(self) -> list[tuple[int, int]]:
        """Row and position of every distinct document of the rows that are not excluded."""
        pool, seen = [], set()
        for number in self._included:
            for position, document in enumerate(self.item(number).documents):
                digest = hashlib.blake2b(document.written(0).encode(), digest_size=16).digest()
                if digest not in seen:
                    seen.add(digest)
                    pool.append((number, position))
        return pool

    def _distractors(self, item: Item, rng: np.random.Generator) -> Iterator[Document]:
        """Yield all documents of other rows in random order, but none under a title of ``item``."""
        own = {document.title for document in item.documents}
        for choice in rng.permutation(len(self._pool)):
            number, position = self._pool[choice]
            document = self.item(number).documents[position]
            if document.title not in own:
                yield Document(document.title, document.text, supports=False)

    def _padded(self, item: Item, key: int) -> list[Document]:
        """Add distractors to the supporting documents (to all, if these are unknown) and shuffle."""
        rng = np.random.default_rng(np.random.SeedSequence([self.config.seed, key]))
        kept = [document for document in item.documents if document.supports] or list(item.documents)
        rest = [document for document in item.documents if document not in kept]
        candidates = chain((rest[i] for i in rng.permutation(len(rest))), self._distractors(item, rng))
        fill = self._to_number if self.config.documents else self._to_length
        documents = fill(kept, candidates, self.rows.where(key))
        return [documents[i] for i in rng.permutation(len(documents))]

    def _to_number(self, kept: list[Document], candidates: Iterator[Document], where: str) -> list[Document]:
        target = self.config.documents
        if len(kept) > target:
            raise ConfigError(f"{where} has {len(kept)} supporting documents; raise 'documents' from {target}")
        documents = kept + list(islice(candidates, target - len(kept)))
        if len(documents) < target:
            raise ConfigError(f"{self.rows.name} has too few distinct documents for 'documents' = {target}; lower it")
        return documents

    def _to_length(self, kept: list[Document], candidates: Iterator[Document], where: str) -> list[Document]:
        def cost(document: Document) -> int:
            return counter.count(document.written(len(documents) + 1) + "\n\n")

        counter, target = get_counter(self.config.counter), self.config.length
        documents: list[Document] = []
        room, misfits = target, 0
        for document in kept:
            room -= cost(document)
            documents.append(document)
        if room < 0:
            needed = target - room
            raise ConfigError(f"{where} has {needed} tokens of supporting documents; raise 'length' from {target}")
        for document in candidates:
            tokens = cost(document)
            if tokens > room:
                misfits += 1
                if misfits == MISFITS:
                    break
            else:
                room -= tokens
                documents.append(document)
        if not misfits and room > LENGTH_TOLERANCE * target:
            raise ConfigError(f"{self.rows.name} has too few distinct documents for 'length' = {target}; lower it")
        return documents


def _unified(row: dict[str, Any], where: str) -> Item:
    """Read ``{question, answers[], paragraphs[{title, text}], supporting_titles[] or supporting_idx[], type?}``."""
    paragraphs = require(row, "paragraphs", list, where)
    by_position = "supporting_idx" in row  # titles may repeat
    supporting = require(row, "supporting_idx" if by_position else "supporting_titles", list, where)
    documents = []
    for position, paragraph in enumerate(paragraphs):
        at = f"{where}, paragraph {position}"
        title = require(paragraph, "title", str, at)
        supports = (position if by_position else title) in supporting
        documents.append(Document(title, require(paragraph, "text", str, at), supports))
    return Item(
        question=require(row, "question", str, where),
        answers=texts(row, "answers", where),
        documents=tuple(documents),
        category=str(row.get("type", "")),
    )


def hotpot_item(row: dict[str, Any], where: str, between: str) -> Item:
    """Read the schema of HotpotQA and 2WikiMultihopQA.

    That is ``{question, answer, context: [[title, [sentence, ...]], ...], supporting_facts: [[title, number], ...],
    type}``; on the hub ``context`` is ``{title: [...], sentences: [[...], ...]}`` and ``supporting_facts``
    ``{title: [...], sent_id: [...]}``.

    Args:
        between: what is written between two sentences of a paragraph.
    """
    context = _pairs(row, "context", "title", "sentences", where)
    supporting = [title for title, _ in _pairs(row, "supporting_facts", "title", "sent_id", where)]
    documents = []
    for title, sentences in context:
        if not isinstance(sentences, list) or not all(isinstance(s, str) for s in (title, *sentences)):
            raise DataError(f"{where}: the field 'context' must hold [title, [sentence, ...]], not {title!r}, ...")
        documents.append(Document(title, between.join(sentences), title in supporting))
    return Item(
        question=require(row, "question", str, where),
        answers=texts(row, "answer", where),
        documents=tuple(documents),
        category=str(row.get("type", "")),
    )


def _pairs(row: dict[str, Any], field: str, first: str, second: str, where: str) -> list[tuple[Any, Any]]:
    """Return a list of pairs that is stored as such (official files) or as two parallel lists (hub)."""
    value = require(row, field, (list, dict), where)
    if isinstance(value, dict):
        at = f"{where}, {field}"
        return list(zip(require(value, first, list, at), require(value, second, list, at), strict=False))
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
        raise DataError(f"{where}: the field {field!r} must be a list of [{first}, {second}] pairs")
    return [tuple(pair) for pair in value]
