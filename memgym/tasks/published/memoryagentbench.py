"""MemoryAgentBench: one long context, many questions, four competences."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memgym.data.fields import is_blank, require, texts
from memgym.episodes import Episode, Question, Section
from memgym.errors import ConfigError, DataError
from memgym.scoring.string_match import string_match_all
from memgym.scoring.text import best_over, exact_match, f1, normalize, sub_em
from memgym.tasks.published.base import FileConfig, FileTask

GENERATED = {"infbench": 1200, "recsys": 300, "detective": 100}
"""The longest answer in tokens, as the benchmark bounds generation, by the name's beginning; others are short."""
METRICS = {"eventqa": "all", "icl": "em", "detective": "em", "recsys": "recall@5", "infbench": "f1"}
"""The metric of a sub-dataset by the beginning of its name; the others are scored by ``sub_em``."""
_PREFIX = re.compile(r"^\s*(?:answer|label)\s*:\s*", re.IGNORECASE)
_LABEL = re.compile(r"^\s*label\s*:\s*", re.IGNORECASE)
_ANSWER_LINE = re.compile(r"answer:(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"^\s*\d+\s*[.):]\s*")
_PARENTHESES = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class MemoryAgentBenchConfig(FileConfig):
    """Which part of a file is played.

    Args:
        subset: keep the rows whose ``metadata.source`` begins with this, e.g. ``eventqa``; empty for all.
        entities: path of the benchmark's ``entity2id.json``, needed for its movie recommendations (``recsys``).
    """

    subset: str = ""
    entities: str = ""


class MemoryAgentBench(FileTask):
    """Accurate retrieval, test-time learning, long-range understanding and conflict resolution (arXiv 2507.05257).

    Reads the published parquet files, or ``hf:ai-hyz/MemoryAgentBench::Conflict_Resolution`` (or another split), with
    rows ``{context, questions[], answers[][], metadata: {source}}``. An episode is a context with all
    its questions; ``Question.category`` is the sub-dataset.

    The score ``answer`` is, by sub-dataset: ``icl`` and ``detective``: strict exact match; ``eventqa``: 1 if all gold
    answers are named; ``recsys``: Recall@5, the share of the gold films among the first five lines of the answer; all
    others: substring exact match, one-sided. As in the benchmark's own script, what counts is the whole answer or what
    stands behind ``Answer:`` up to the end of the line (without it, the first line), whichever is better, and for
    ``icl`` the line alone; a leading ``label:`` is dropped on both sides. A film is known by its title, normalised and
    without the year; the official script takes the nearest of all titles by edit distance, and so forgives
    misspellings. Sub-datasets that the benchmark gives to an LLM judge have a judge-free score here: ``longmemeval``
    substring exact match, ``infbench`` token F1. ``em``, ``sub_em`` and ``f1`` stand beside ``answer``.
    """

    name = "memoryagentbench"
    source = "MemoryAgentBench (Hu et al. 2025, arXiv 2507.05257)"
    layout = "MemoryAgentBench {context, questions[], answers[], metadata{source}}"
    path_options = ("path", "errata", "entities")
    Config = MemoryAgentBenchConfig

    def __init__(self, **options: Any):
        super().__init__(**options)
        if not self.keys("all"):
            sources = sorted({self._source(row, number) for number, row in enumerate(self.rows)})
            raise ConfigError(f"no row has a source that begins with {self.config.subset!r}: {', '.join(sources)}")

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the sub-dataset and the row's number."""
        return f"{self._source(row, number)}-{number}"

    def selected(self) -> Sequence[int]:
        """Return the numbers of the rows that belong to the subset."""
        return [number for number in super().selected() if self._belongs(number)]

    def check(self, number: int) -> None:
        """Check row ``number``, if it belongs to the subset."""
        if self._belongs(number):
            self.load(number)

    def load(self, key: int) -> Episode:
        """Return the episode of row ``key``."""
        row, where = self.rows[key], self.rows.where(key)
        source = self._source(row, key)
        asked, golds = require(row, "questions", list, where), require(row, "answers", list, where)
        if not asked or len(asked) != len(golds):
            raise DataError(f"{where}: there are {len(asked)} 'questions' and {len(golds)} 'answers'")
        row_id = self.row_id(row, key)
        metric = _metric(source)
        questions = []
        for i, (text, gold) in enumerate(zip(asked, golds, strict=True)):
            at = f"{where}, question {i}"
            answers = texts({"answers": gold}, "answers", at)
            bare = next((answer for answer in answers if is_blank(_PREFIX.sub("", answer, count=1))), None)
            if bare is not None:
                raise DataError(f"{at}: the field 'answers' holds {bare!r}, with nothing behind its label")
            questions.append(
                Question(
                    id=f"{row_id}-q{i}",
                    text=require({"questions": text}, "questions", str, at),
                    answers=tuple(self._title(answer, at) for answer in answers) if metric == "recall@5" else answers,
                    match="all" if metric in ("all", "recall@5") else "any",
                    category=source,
                )
            )
        context = Section("context", require(row, "context", str, where))
        return Episode(id=row_id, questions=tuple(questions), sections=(context,))

    def answer_limit(self, question: Question) -> int:
        """Return the limit of the sub-dataset."""
        found = (limit for prefix, limit in GENERATED.items() if question.category.startswith(prefix))
        return next(found, self.answer_tokens)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` by the sub-dataset's metric, and ``em``, ``sub_em`` and ``f1`` beside it."""
        given = _LABEL.sub("", answer, count=1)
        line, *golds = (_PREFIX.sub("", text, count=1) for text in (_line(answer), *question.answers))
        counted = (line,) if question.category.startswith("icl") else (given, line)
        metrics = {"em": exact_match, "sub_em": sub_em, "f1": f1}
        scores = {name: max(best_over(rule, text, golds) for text in counted) for name, rule in metrics.items()}
        metric = _metric(question.category)
        if metric == "all":
            official = float(string_match_all(given, golds) == 1)
        elif metric == "recall@5":
            official = _recall_at_5(answer, golds)
        else:
            official = scores[metric]
        return {"answer": official, **scores}

    def _source(self, row: dict[str, Any], number: int) -> str:
        where = self.rows.where(number)
        return require(require(row, "metadata", dict, where), "source", str, f"{where}, metadata")

    def _belongs(self, number: int) -> bool:
        return self._source(self.rows[number], number).startswith(self.config.subset)

    @cached_property
    def _titles(self) -> dict[str, str]:
        """Film titles by entity id."""
        if not self.config.entities:
            raise ConfigError("the recsys rows name films by number; give 'entities', the path of entity2id.json")
        try:
            ids = json.loads(Path(self.config.entities).read_bytes())
            return {str(number): _film(entity) for entity, number in ids.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise DataError(f"{self.config.entities} is no JSON object of names and ids ({error})") from None

    def _title(self, entity: str, where: str) -> str:
        if entity.strip() not in self._titles:
            raise DataError(f"{where}: entity {entity!r} is not in {self.config.entities}")
        title = self._titles[entity.strip()]
        if is_blank(normalize(title)):
            raise DataError(f"{where}: entity {entity!r} has no title in {self.config.entities}")
        return title


def _line(answer: str) -> str:
    """Return what stands behind the first ``Answer:`` up to the end of the line, without one the first line."""
    said = _ANSWER_LINE.search(answer)
    return said[1] if said else answer.partition("\n")[0]


def _film(entity: str) -> str:
    """Return the title in a link such as ``<http://dbpedia.org/resource/The_Matrix_(film)>``."""
    return _PARENTHESES.sub("", entity.split("/")[-1].strip("<>").replace("_", " ")).strip()


def _metric(source: str) -> str:
    return next((metric for prefix, metric in METRICS.items() if source.startswith(prefix)), "sub_em")


def _recall_at_5(answer: str, titles: Sequence[str]) -> float:
    """Return the share of ``titles`` among the first five lines of ``answer``, or its parts between commas."""
    text = answer.strip() if "\n" in answer.strip() else answer.replace(",", "\n")
    lines = [line for line in text.splitlines() if line.strip()]
    named = [line for line in lines if _NUMBER.match(line)] or lines  # an introduction is not numbered
    first = {normalize(_PARENTHESES.sub("", _NUMBER.sub("", line, count=1))) for line in named[:5]}
    return sum(normalize(title) in first for title in titles) / len(titles)
