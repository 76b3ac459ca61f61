"""``multihop``: questions that take facts from several invented documents, among look-alike documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import ceil
from random import Random
from string import Formatter

import numpy as np

from memgym.checks import check_int, check_number
from memgym.episodes import Episode, Fact, Question, Section
from memgym.errors import ConfigError
from memgym.scoring.text import best_over, exact_match, f1, sub_em
from memgym.tasks.procedural.base import ProceduralTask
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, SizedConfig, fitting, nearest, preset_table
from memgym.tasks.world import Query, Thing, World
from memgym.tasks.world.names import Inventor, fast_random
from memgym.tasks.world.phrases import FILLERS, OPENINGS, STAND_INS, cues
from memgym.tasks.world.relation import Relation
from memgym.tokens import get_counter

MIN_LENGTH = 500
_MIN_DOCUMENTS = 5
_MAX_HOPS = 4
_NAMED = 0.4
"""How often a sentence names its subject instead of using a stand-in."""
_FILLERS = 3
"""Most fillers of a document, as long as that makes the length."""
_YES_NO = 0.25
"""The share of yes/no questions among the comparisons; small, so that no constant answer pays."""
_TYPICAL = (
    "Document 100:\nLetters from Nelemire\nLetters from Nelemire is a slow drama in three parts. It was directed by "
    "Sibayand Lorulan. The film was shot on location in Upper Thalolm. Cinemas first showed Letters from Nelemire in "
    "1974. Early drafts of the script were discarded by Vadolan Watrajarax. The rights to the film are held by its "
    "studio, Krevedra Works.\n\n"
)
"""Tells how many documents a length takes, whatever the counter."""


@dataclass(frozen=True)
class MultihopConfig(SizedConfig):
    """The options of ``multihop``. None means: what the difficulty says.

    Args:
        documents: number of documents, at least 5; instead of ``length`` (at least 500 tokens).
        hops: facts in a chain, from 2 up to this many (1 asks for single facts); at most 4. Easy and medium 2, hard 3.
        similarity: how many names share a word with other names of their kind, 0 to 1. Easy 0.2, medium 0.5, hard 0.9.
        comparison: share of the questions that compare two things instead of following a chain.
        evidence: the part of the text, as shares of its documents, in which the evidence lies; ``(0, 0.2)`` keeps it
            far from the question, which comes after the text.
        questions: questions per episode, all different; at most one per document, or per 125 tokens of ``length``. A
            small text may not have enough of one sort; then another sort is asked.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS = preset_table(
        ("length", "hops", "similarity"),
        easy=(4_000, 2, 0.2),
        medium=(8_000, 2, 0.5),
        hard=(32_000, 3, 0.9),
    )
    SIZE = "documents"

    documents: int | None = None
    hops: int = BY_DIFFICULTY
    similarity: float = BY_DIFFICULTY
    comparison: float = 0.2
    evidence: tuple[float, float] = (0.0, 1.0)
    questions: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("hops", self.hops, 1, _MAX_HOPS)
        check_number("similarity", self.similarity, 0, 1)
        check_number("comparison", self.comparison, 0, 1)
        if self.length is None:
            check_int("documents", self.documents, _MIN_DOCUMENTS)
            check_int("questions", self.questions, 1, self.documents)
        else:
            check_int("length", self.length, MIN_LENGTH)
            check_int("questions", self.questions, 1, self.length // 125)
        object.__setattr__(self, "evidence", _interval(self.evidence))


def _interval(value: Sequence[float]) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ConfigError(f"argument 'evidence' must be two numbers, from and to, not {value!r}")
    for share in value:
        check_number("evidence", share, 0, 1)
    if value[0] >= value[1]:
        raise ConfigError(f"argument 'evidence' must run from a smaller to a larger number, not {value!r}")
    return tuple(value)


class Multihop(ProceduralTask):
    """Bridge and comparison questions over documents about an invented world, in HotpotQA's manner.

    The world has people, towns, films, companies, books, rivers, universities, teams and bands. Each document tells of
    one of them in a few varied sentences and is laid out as MemAgent does it (``Document 17:``, title, text), one
    section ``doc17`` each. A **bridge** question chains facts of two or more documents ("In which town was the director
    of X born?"); a **comparison** names two things ("Which town was chartered first, X or Y?"; some ask for yes or no).
    Every other document is a distractor: the same kinds, the same relations, names with shared words, other values;
    and all documents carry lures, which name things in passing. Documents are shuffled afresh in each episode.

    Splits are disjoint by construction: no invented word occurs in two of them
    (:mod:`memgym.tasks.world.names`), and every question names something invented.

    The official score ``answer`` is HotpotQA's exact match, with token ``f1`` and one-sided ``sub_em`` beside it.
    """

    name = "multihop"
    source = (
        "procedural, after HotpotQA (Yang et al. 2018, arXiv 1809.09600) and MemAgent (arXiv 2507.02259, section 4)"
    )
    running = True
    Config = MultihopConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode with one section per document, gold facts and evidence."""
        draw = fast_random(rng)
        world = World(draw, Inventor(draw, split, self.config.similarity), self.documents())
        queries = [self._query(world, draw) for _ in range(self.config.questions)]
        evidence = dict.fromkeys(thing.name for query in queries for thing, _ in query.used)
        order = _arrange(draw, world.things, evidence, self.config.evidence)
        section_ids = {thing.name: f"doc{number}" for number, thing in enumerate(order, 1)}
        pages = self._write(_Writer(draw, world), order, queries)
        return Episode(
            id=f"multihop-{split}-{index}",
            questions=tuple(_question(f"q{i}", query, section_ids) for i, query in enumerate(queries, 1)),
            sections=tuple(Section(f"doc{number}", text) for number, text in enumerate(_texts(order, pages), 1)),
            facts=_facts(queries, section_ids),
        )

    def documents(self) -> int:
        """Return how many documents an episode has."""
        if self.config.length is None:
            return self.config.documents
        typical = get_counter(self.config.counter).count(_TYPICAL)
        return max(_MIN_DOCUMENTS, round(self.config.length / typical))

    def _query(self, world: World, draw: Random) -> Query:
        """Return a new question of a random sort; of the next best sort where a small world has no more of it."""
        chains = [partial(world.chain, hops) for hops in range(min(2, self.config.hops), self.config.hops + 1)]
        comparisons = [partial(world.comparison, yes_no=False), partial(world.comparison, yes_no=True)]
        draw.shuffle(chains)
        if draw.random() < _YES_NO:
            comparisons.reverse()
        compare = draw.random() < self.config.comparison
        sorts = comparisons + chains if compare else chains + comparisons
        return next(query for sort in sorts if (query := sort()) is not None)

    def _write(self, writer: _Writer, order: list[Thing], queries: list[Query]) -> list[list[str]]:
        """Return the sentences of each document, as many as the size asks for."""
        needed = {(thing.name, relation.name) for query in queries for thing, relation in query.used}
        pages, statements, fillers, reserve = [], [], [], []
        for page, thing in enumerate(order):
            pages.append([writer.opening(thing)])
            for relation in thing.relations():
                sentence = writer.statement(thing, relation)
                if (thing.name, relation.name) in needed:
                    pages[page].append(sentence)
                else:
                    statements.append((page, sentence))
            spare = [(page, filler) for filler in writer.fillers(thing, 2 * _FILLERS)]
            fillers += spare[:_FILLERS]
            reserve += spare[_FILLERS:]
        for group in (statements, fillers, reserve):
            writer.rng.shuffle(group)
        extra = [*statements, *fillers, *reserve]
        if self.config.length is None:
            for page, sentence in extra[: len(statements) + 2 * len(fillers) // 3]:
                pages[page].append(sentence)
        else:
            self._fill(writer, order, pages, extra)
        for sentences in pages:  # the opening stays first
            sentences[1:] = writer.rng.sample(sentences[1:], len(sentences) - 1)
        return pages

    def _fill(self, writer: _Writer, order: list[Thing], pages: list[list[str]], extra: list[tuple[int, str]]) -> None:
        """Add the first of the ``extra`` sentences, then the best of a few fillers, to meet the length."""
        counter = get_counter(self.config.counter)
        room = self.config.length - counter.count("\n\n".join(_texts(order, pages)))
        for page, sentence in extra[: fitting([sentence for _, sentence in extra], " ", counter, room)]:
            pages[page].append(sentence)
        room = self.config.length - counter.count("\n\n".join(_texts(order, pages)))
        page = writer.rng.randrange(len(order))
        last = nearest(writer.fillers(order[page], len(FILLERS[order[page].kind])), counter, room)
        if last is not None:
            pages[page].append(last)

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return HotpotQA's exact match as ``answer``, and ``f1`` and one-sided ``sub_em`` beside it."""
        metrics = {"answer": exact_match, "f1": f1, "sub_em": sub_em}
        return {name: best_over(metric, answer, question.answers) for name, metric in metrics.items()}


class _Writer:
    """Puts facts and fillers into sentences."""

    def __init__(self, rng: Random, world: World):
        self.rng = rng
        self._world = world
        self._pronouns: dict[str, str] = {}

    def opening(self, thing: Thing) -> str:
        return self._sentence(self.rng.choice(OPENINGS[thing.kind]), thing, s=thing.name)

    def statement(self, thing: Thing, relation: Relation) -> str:
        value = thing.facts[relation.name]
        return self._sentence(self.rng.choice(relation.statements), thing, s=self._subject(thing), v=value)

    def fillers(self, thing: Thing, n: int) -> list[str]:
        templates = self.rng.sample(FILLERS[thing.kind], n)
        return [self._sentence(template, thing, s=self._subject(thing)) for template in templates]

    def _subject(self, thing: Thing) -> str:
        if self.rng.random() < _NAMED:
            return thing.name
        if thing.kind != "person":
            return self.rng.choice(STAND_INS[thing.kind])
        if thing.name not in self._pronouns:
            self._pronouns[thing.name] = self.rng.choice(STAND_INS["person"])
        return self._pronouns[thing.name]

    def _sentence(self, template: str, thing: Thing, **values: str) -> str:
        for slot in _slots(template):
            if slot not in values:
                values[slot] = str(self.rng.randint(2, 90)) if slot == "number" else self._world.mention(slot, thing)
        text = template.format_map(values)
        return text[0].upper() + text[1:]


@cache
def _slots(template: str) -> tuple[str, ...]:
    return tuple(slot for _, slot, _, _ in Formatter().parse(template) if slot)


def _arrange(rng: Random, things: list[Thing], evidence: dict[str, None], part: tuple[float, float]) -> list[Thing]:
    """Return the things in random order, the evidence within ``part`` of the order as far as it has room."""
    low, high = int(part[0] * len(things)), ceil(part[1] * len(things))
    high = min(len(things), max(high, low + len(evidence)))
    slots = set(rng.sample(range(min(low, high - len(evidence)), high), len(evidence)))
    shuffled = rng.sample(things, len(things))
    inside = iter([thing for thing in shuffled if thing.name in evidence])
    outside = iter([thing for thing in shuffled if thing.name not in evidence])
    return [next(inside if slot in slots else outside) for slot in range(len(things))]


def _texts(order: list[Thing], pages: list[list[str]]) -> list[str]:
    """Return the documents in MemAgent's layout."""
    documents = enumerate(zip(order, pages, strict=True), 1)
    return [f"Document {number}:\n{thing.name}\n{' '.join(page)}" for number, (thing, page) in documents]


def _question(question_id: str, query: Query, section_ids: dict[str, str]) -> Question:
    return Question(
        id=question_id,
        text=query.text,
        answers=(query.answer,),
        evidence=tuple(section_ids[thing.name] for thing, _ in query.used),
        category=query.category,
    )


def _facts(queries: list[Query], section_ids: dict[str, str]) -> tuple[Fact, ...]:
    used = (pair for query in queries for pair in query.used)
    facts = (
        Fact(t.name, relation.name, t.facts[relation.name], section_ids[t.name], cues=cues(relation))
        for t, relation in used
    )
    return tuple(dict.fromkeys(facts))
