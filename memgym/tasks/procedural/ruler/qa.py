"""Question answering over documents: RULER's qa_1 (one document tells) and qa_2 (two documents tell together).

With a data file the questions are those of SQuAD and HotpotQA; without one, both are asked about invented documents.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from memgym.data.fields import require, texts
from memgym.data.files import read_rows
from memgym.episodes import Section
from memgym.errors import ConfigError, DataError
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.multihop import Multihop
from memgym.tasks.procedural.ruler.parts import Parts, Subtask
from memgym.tasks.procedural.sizing import fitting, nearest
from memgym.tasks.published.base import split_of
from memgym.tasks.published.hotpotqa import HotpotQA
from memgym.tokens import TokenCounter, get_counter

_HOPS = {"qa_1": 1, "qa_2": 2}
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


class InventedQa(Subtask):
    """Questions of the task ``multihop``: on one document for qa_1, across two for qa_2.

    There are no comparisons: some are answered by "no", which RULER's score, a substring, would find in "unknown".
    """

    def __init__(self, subtask: str, length: int, counter: str):
        super().__init__(length, get_counter(counter))
        self._task = Multihop(difficulty="medium", length=length, counter=counter, hops=_HOPS[subtask], comparison=0.0)

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the parts of a ``multihop`` episode."""
        episode = self._task.generate(rng, split, index)
        (asked,) = episode.questions
        return Parts(episode.sections, asked.text, asked.answers, asked.evidence, "any", episode.facts)


@dataclass(frozen=True, slots=True)
class Entry:
    """A question of a data file.

    Args:
        own: the documents that answer it.
        near: other documents that the file sets beside it; they are the first to be added.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    own: tuple[str, ...]
    near: tuple[str, ...]


class FileQa(Subtask):
    """Questions of a data file, each with its own documents among documents of other questions.

    A question's split follows from its id (:func:`~memgym.tasks.published.base.split_of`). Documents are added up
    to the length; the last one is cut off after a sentence.

    Raises:
        ConfigError: the file has too few documents for the length, or no question whose documents fit it.
        DataError: the file is missing, damaged, or not of the expected schema.
    """

    def __init__(self, path: str, length: int, counter: TokenCounter):
        super().__init__(length, counter)
        self._digest, entries = self.read(path)
        self._documents = sorted({text for entry in entries for text in (*entry.own, *entry.near)})
        available = sum(map(self.counter.count, self._documents))
        if available < length:
            raise ConfigError(f"{path} has {available} tokens of documents; lower argument 'length' from {length}")
        self._entries = {split: [e for e in entries if split_of(e.id) == split and self._fits(e)] for split in SPLITS}
        if not any(self._entries.values()):
            raise ConfigError(f"{path} has no question whose documents fit; raise argument 'length' from {length}")

    @abstractmethod
    def read(self, path: str) -> tuple[str, list[Entry]]:
        """Return a hash of the file and all its questions."""

    def size(self, split: str) -> int:
        """Return the number of questions in the split."""
        return len(self._entries[split])

    def digest(self) -> str:
        """Return the hash of the file."""
        return self._digest

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return question ``index`` of the split with its documents, shuffled among others."""
        entry = self._entries[split][index]
        documents = self._fill(entry.own, self._others(entry, rng))
        order = rng.permutation(len(documents)).tolist()
        return Parts(
            sections=tuple(Section(f"doc{i}", _written(i, documents[place])) for i, place in enumerate(order, 1)),
            question=entry.question,
            answers=entry.answers,
            evidence=tuple(f"doc{i}" for i, place in enumerate(order, 1) if place < len(entry.own)),
            match="any",
        )

    def _fits(self, entry: Entry) -> bool:
        return self.counter.count("\n\n".join([_written(100_000, text) for text in entry.own])) <= self.length

    def _others(self, entry: Entry, rng: np.random.Generator) -> Iterator[str]:
        known = {*entry.own, *entry.near}
        far = (self._documents[i] for i in rng.permutation(len(self._documents)))
        return chain((entry.near[i] for i in rng.permutation(len(entry.near))), (t for t in far if t not in known))

    def _fill(self, own: Sequence[str], others: Iterator[str]) -> list[str]:
        documents, tokens = list(own), 0
        for text in others:
            documents.append(text)
            tokens += self.counter.count(text)
            if tokens > self.length:
                break
        written = [_written(i, text) for i, text in enumerate(documents, 1)]
        whole = max(len(own), fitting(written, "\n\n", self.counter, self.length))
        if whole == len(documents):
            return documents
        header = _written(whole + 1, "")
        room = self.length - self.counter.count("\n\n".join([*written[:whole], header]))
        beginnings = [documents[whole][: end.end()] for end in _SENTENCE_END.finditer(documents[whole])]
        last = nearest(beginnings, self.counter, room) if beginnings and room > 0 else None
        return [*documents[:whole], last] if last else documents[:whole]


class SquadQa(FileQa):
    """The questions of SQuAD that have an answer, over its paragraphs (v1.1 or v2.0, the official JSON)."""

    def read(self, path: str) -> tuple[str, list[Entry]]:
        """Read ``{data: [{paragraphs: [{context, qas: [{id, question, answers: [{text}], is_impossible?}]}]}]}``."""
        rows = read_rows(path)
        entries = []
        for number, article in enumerate(require(rows[0], "data", list, rows.where(0))):
            where = f"{rows.name}, data[{number}]"
            paragraphs = require(article, "paragraphs", list, where)
            contexts = [require(p, "context", str, f"{where}, paragraphs[{i}]") for i, p in enumerate(paragraphs)]
            for i, paragraph in enumerate(paragraphs):
                near = tuple(contexts[:i] + contexts[i + 1 :])
                at = f"{where}, paragraphs[{i}]"
                for j, qa in enumerate(require(paragraph, "qas", list, at)):
                    if not (isinstance(qa, dict) and qa.get("is_impossible")):
                        entries.append(_squad_entry(qa, f"{at}, qas[{j}]", contexts[i], near))
        return rows.digest, entries


class HotpotQa(FileQa):
    """The questions of HotpotQA over its paragraphs, in any of the schemas that the task ``hotpotqa`` takes."""

    def read(self, path: str) -> tuple[str, list[Entry]]:
        """Read the file by the loader of :class:`memgym.tasks.published.hotpotqa.HotpotQA`."""
        task = HotpotQA(path=path)
        entries = []
        for number, row in enumerate(task.rows):
            item = task.item(number)
            own: list[str] = []
            near: list[str] = []
            for document in item.documents:
                (own if document.supports else near).append(f"{document.title}\n{document.text}")
            entries.append(Entry(task.row_id(row, number), item.question, item.answers, tuple(own), tuple(near)))
        return task.rows.digest, entries


def qa(subtask: str, length: int, counter: str, path: str | None) -> Subtask:
    """Return ``qa_1`` or ``qa_2`` over a data file or, without a path, over invented documents."""
    if path is None:
        return InventedQa(subtask, length, counter)
    return {"qa_1": SquadQa, "qa_2": HotpotQa}[subtask](path, length, get_counter(counter))


def _squad_entry(qa: dict, where: str, context: str, near: tuple[str, ...]) -> Entry:
    found = require(qa, "answers", list, where)
    answers = [require(answer, "text", str, f"{where}, answers[{i}]") for i, answer in enumerate(found)]
    if not answers:
        raise DataError(f"{where}: the field 'answers' is empty, and the question is not marked 'is_impossible'")
    answers = list(texts({"answers": answers}, "answers", where))
    question = require(qa, "question", str, where)
    return Entry(str(require(qa, "id", (str, int), where)), question, tuple(dict.fromkeys(answers)), (context,), near)


def _written(number: int, text: str) -> str:
    return f"Document {number}:\n{text}"
