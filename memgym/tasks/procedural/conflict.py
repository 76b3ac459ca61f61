"""``conflict``: numbered facts about an invented world, where later facts overtake earlier ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from random import Random

import numpy as np

from memgym.checks import check_choice, check_int, check_number
from memgym.episodes import Episode, Fact, Question, Turn
from memgym.scoring.text import best_over, exact_match, f1, sub_em
from memgym.tasks.procedural.base import ProceduralTask
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, SizedConfig, fitting_turns, in_sessions, preset_table
from memgym.tasks.world import Query, Thing, World
from memgym.tasks.world.names import Inventor, fast_random
from memgym.tasks.world.phrases import cues
from memgym.tasks.world.relation import Relation
from memgym.tokens import get_counter

SPEAKER = "user"
RULE = (
    "Here come numbered facts, in the order in which they became known. "
    "Where two of them disagree, the one with the larger number holds."
)
"""The first turn of every episode."""
HOPS = {"single": (1,), "multi": (2, 3), "mixed": (1, 1, 2, 3)}
"""How many facts the questions take, by the option ``hops``."""
_TYPICAL = f"{SPEAKER}: 1000. The rector of Pibofen Academy is Vadodor Watrajazan.\n"
_LONGEST = 40
"""Tokens that the longest of facts stays below, whatever the counter."""
MOST_VERSIONS = 20
"""Values that one relation of a thing may have after each other: years and the like have some forty to draw from."""
_SURPLUS = 1.1
_FACTS_PER_THING = 2
"""A thing has no fewer relations."""
_SPARE = 24


@dataclass(frozen=True)
class ConflictConfig(SizedConfig):
    """The options of ``conflict``. None means: what the difficulty says.

    Args:
        facts: number of facts; instead of ``length``.
        hops: ``single``: each question takes one fact; ``multi``: two or three; ``mixed``: half of the questions each.
            Easy single, medium mixed, hard multi.
        conflicts: share of the relations of things that are told more than once, with other values. With any, at least
            one fact that a question takes has changed. Easy 0.3, medium 0.5, hard 0.7.
        versions: most values that follow one upon the other, at least 2. Easy 2, medium 3, hard 4.
        similarity: how many names share a word with other names of their kind, 0 to 1. Easy 0.2, medium 0.5, hard 0.9.
        questions: questions per episode, all different. Easy 5, medium 10, hard 20.
        facts_per_session: turns in a session; each fact is a turn.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS = preset_table(
        ("length", "hops", "conflicts", "versions", "similarity", "questions"),
        easy=(2_000, "single", 0.3, 2, 0.2, 5),
        medium=(8_000, "mixed", 0.5, 3, 0.5, 10),
        hard=(32_000, "multi", 0.7, 4, 0.9, 20),
    )
    SIZE = "facts"

    facts: int | None = None
    hops: str = BY_DIFFICULTY
    conflicts: float = BY_DIFFICULTY
    versions: int = BY_DIFFICULTY
    similarity: float = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    facts_per_session: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("hops", self.hops, tuple(HOPS))
        check_number("conflicts", self.conflicts, 0, 1)
        check_int("versions", self.versions, 2, MOST_VERSIONS)
        check_number("similarity", self.similarity, 0, 1)
        check_int("questions", self.questions, 1)
        check_int("facts_per_session", self.facts_per_session, 1)
        needed = max(6, self.questions * max(HOPS[self.hops]) * self.versions)
        if self.length is None:
            check_int("facts", self.facts, needed)
        else:
            check_int("length", self.length, max(500, needed * _LONGEST))

    def group_size(self) -> float:
        """Return how many facts there are on average about the same thing and relation."""
        return 1 + self.conflicts * self.versions / 2


Key = tuple[str, str]
"""The name of a thing and of one of its relations."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A value that something has at some time, and the sentence that tells it."""

    key: Key
    value: str
    sentence: str
    cues: tuple[str, ...]


class Conflict(ProceduralTask):
    """Questions on what holds now, over numbered facts of which later ones overtake earlier ones.

    Each fact is a turn, such as ``17. The rector of Pibofen Academy is Vadodor Watrajazan.``; the wording varies. The
    text says at its start that the larger number holds. Overtaken values are as plausible as the others, and most name
    things that more is told of: a chain that follows an old fact ends at a wrong answer. Things, relations and wording
    are those of ``multihop``; facts about one thing are scattered over the whole text. Gold facts hold from the turn
    that states them until the turn that overtakes them.

    Splits are disjoint by construction: no invented word occurs in two of them
    (:mod:`memgym.tasks.world.names`), and every question names something invented.

    The official score ``answer`` is the exact match of the normalised answer, with token ``f1`` and MemoryAgentBench's
    ``substring_match`` (one-sided: the gold answer is in the prediction) beside it.
    """

    name = "conflict"
    source = "procedural, after FactConsolidation of MemoryAgentBench (Hu et al. 2025, arXiv 2507.05257)"
    Config = ConflictConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode whose turns are numbered facts, with gold facts and evidence."""
        draw = fast_random(rng)
        wanted = self._facts()
        size = ceil(wanted / (_FACTS_PER_THING * self.config.group_size())) + _SPARE
        world = World(draw, Inventor(draw, split, self.config.similarity), size)
        queries = [self._query(world, draw) for _ in range(self.config.questions)]
        told = self._cut(self._tell(draw, world, queries, wanted))
        turns = [Turn("rule", SPEAKER, RULE)]
        facts: dict[Key, list[Fact]] = {}
        for number, fact in enumerate(_scattered(draw, told), 1):
            turns.append(Turn(f"fact{number}", SPEAKER, f"{number}. {fact.sentence}"))
            facts.setdefault(fact.key, []).append(Fact(*fact.key, fact.value, turns[-1].id, cues=fact.cues))
        return Episode(
            id=f"conflict-{split}-{index}",
            questions=tuple(_question(f"q{i}", query, facts) for i, query in enumerate(queries, 1)),
            sessions=in_sessions(turns, self.config.facts_per_session),
            facts=tuple(fact for versions in facts.values() for fact in _until_overtaken(versions)),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return the exact match as ``answer``, with ``f1`` and ``substring_match`` beside it."""
        metrics = {"answer": exact_match, "f1": f1, "substring_match": sub_em}
        return {name: best_over(metric, answer, question.answers) for name, metric in metrics.items()}

    def _facts(self) -> int:
        """Return how many facts to prepare: a few too many if a length decides."""
        if self.config.length is None:
            return self.config.facts
        return _SPARE + ceil(_SURPLUS * self.config.length / get_counter(self.config.counter).count(_TYPICAL))

    def _query(self, world: World, draw: Random) -> Query:
        """Return a new question of a random number of hops; of another where the world has no more of it."""
        hops = list(HOPS[self.config.hops])
        draw.shuffle(hops)
        return next(query for n in (*hops, 1) if (query := world.chain(n)) is not None)

    def _tell(self, draw: Random, world: World, queries: list[Query], wanted: int) -> list[_Told]:
        """Return about ``wanted`` facts, those that the questions need first; of one key the newest comes last."""
        needed = [pair for query in queries for pair in query.used]
        others = [(thing, relation) for thing in world.things for relation in thing.relations()]
        draw.shuffle(others)
        changed = {_key(*draw.choice(query.used)) for query in queries if self.config.conflicts}
        told: list[_Told] = []
        for key, (thing, relation) in {_key(*pair): pair for pair in (*needed, *others)}.items():
            changes = key in changed or draw.random() < self.config.conflicts
            versions = draw.randint(2, self.config.versions) if changes else 1
            values = _values(world, thing, relation, versions, queries)
            told += [
                _Told(key, v, draw.choice(relation.statements).format(s=thing.name, v=v), cues(relation))
                for v in values
            ]
            if len(told) >= wanted:
                break
        return told

    def _cut(self, told: list[_Told]) -> list[_Told]:
        """Return the first facts, as many as the size asks for."""
        if self.config.length is None:
            return told[: self.config.facts]
        turns = [RULE, *(f"{number}. {fact.sentence}" for number, fact in enumerate(told, 1))]
        lines = [f"{SPEAKER}: {turn}" for turn in turns]
        counter = get_counter(self.config.counter)
        _, *taken = fitting_turns(lines, self.config.facts_per_session, counter, self.config.length)
        return [told[i - 1] for i in taken]


def _key(thing: Thing, relation: Relation) -> Key:
    return thing.name, relation.name


def _values(world: World, thing: Thing, relation: Relation, n: int, queries: list[Query]) -> list[str]:
    """Return ``n`` values of a relation that follow one upon the other, all different, the last one true.

    No earlier value leads to the answer of a question on whose chain the relation lies.
    """
    values = [thing.facts[relation.name]]
    rests = [(query, query.used.index((thing, relation)) + 1) for query in queries if (thing, relation) in query.used]
    while len(values) < n:
        earlier = world.value(thing, relation)
        same = any(world.follow(earlier, [r for _, r in query.used[i:]]) == query.answer for query, i in rests)
        if earlier not in values and not same:
            values.insert(0, earlier)
    return values


def _scattered(draw: Random, told: list[_Told]) -> Iterator[_Told]:
    """Yield the facts in random order, but those about the same in their own order."""
    waiting: dict[Key, list[_Told]] = {}
    for fact in reversed(told):
        waiting.setdefault(fact.key, []).append(fact)
    for fact in draw.sample(told, len(told)):
        yield waiting[fact.key].pop()


def _until_overtaken(versions: list[Fact]) -> Iterator[Fact]:
    """Yield the facts about one relation of a thing, in order, each ending where the next begins."""
    for fact, following in pairwise(versions):
        yield replace(fact, until=following.source)
    yield versions[-1]


def _question(question_id: str, query: Query, facts: dict[Key, list[Fact]]) -> Question:
    return Question(
        id=question_id,
        text=query.text,
        answers=(query.answer,),
        evidence=tuple(facts[thing.name, relation.name][-1].source for thing, relation in query.used),
        category="single" if len(query.used) == 1 else "multi",
    )
