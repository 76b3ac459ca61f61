"""An invented world: things of several kinds, their single-valued relations, and questions that cross them.

Most values are other things of the world, so any text about it is full of chains to follow and of lures beside them.
Names come from :class:`~memgym.tasks.world.names.Inventor`; wording and relations from the modules beside this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from memgym.tasks.world.names import Inventor
from memgym.tasks.world.phrases import SCHEMA
from memgym.tasks.world.relation import NUMBERS, Relation

_KNOWN_SHARE = 0.7
"""How often a value is a thing that the world knows more about."""
_MAX_RELATIONS = 4
_RIVALS = 5
"""What is asked of one thing is told of this many, if there are so many of its kind."""
_ATTEMPTS = 200
"""Many more than even the smallest world needs, as long as a question of the wanted sort is left."""
_LINKS = {kind: [relation for relation in relations if relation.nouns] for kind, relations in SCHEMA.items()}
_BY_NAME = {kind: {relation.name: relation for relation in relations} for kind, relations in SCHEMA.items()}


@dataclass(slots=True, eq=False)
class Thing:
    """A person, town, film, ... and its facts: relation name to value."""

    kind: str
    name: str
    facts: dict[str, str]

    def relations(self) -> list[Relation]:
        """Return the relations in which it has a value."""
        return [_BY_NAME[self.kind][name] for name in self.facts]


@dataclass(frozen=True, slots=True)
class Query:
    """A question about the world, its answer, and the facts it rests on, in the order of the chain."""

    text: str
    answer: str
    used: tuple[tuple[Thing, Relation], ...]
    category: str


class World:
    """Things with facts, and questions about them.

    A question that cannot be had (a small world has only so many) is None. A fact that a question rests on never
    changes again; asking may change or add others, so write the world down after the last question.

    Args:
        rng: the source of chance.
        inventor: the source of names.
        size: number of things, at least 5; people and towns are among them.

    Attributes:
        things: all things, in no telling order.
    """

    def __init__(self, rng: Random, inventor: Inventor, size: int):
        self._rng = rng
        self._inventor = inventor
        self._fixed: set[tuple[str, str]] = set()
        self._asked: set[frozenset[tuple[str, str]]] = set()
        self._values: dict[str, list[str]] = {}
        kinds = _kinds(rng, size)
        self.things = [Thing(kind, inventor.name(kind), {}) for kind in kinds]
        self._by_name = {thing.name: thing for thing in self.things}
        self._by_kind = {kind: [thing for thing in self.things if thing.kind == kind] for kind in SCHEMA}
        for thing in self.things:
            relations = SCHEMA[thing.kind]
            for relation in rng.sample(relations, rng.randint(2, min(_MAX_RELATIONS, len(relations)))):
                thing.facts[relation.name] = self.value(thing, relation)

    def value(self, thing: Thing, relation: Relation) -> str:
        """Return a random value that ``relation`` of ``thing`` could have."""
        if relation.target in NUMBERS:
            return str(self._rng.randrange(*NUMBERS[relation.target]))
        return self.mention(relation.target, thing)

    def mention(self, kind: str, besides: Thing) -> str:
        """Return the name of something of a ``kind`` other than ``besides``, most often of a known one."""
        if kind not in SCHEMA:
            return self._shared_value(kind)
        known = self._by_kind[kind]
        if known and self._rng.random() < _KNOWN_SHARE:
            name = self._rng.choice(known).name
            if name != besides.name:
                return name
        return self._inventor.name(kind)

    def _shared_value(self, kind: str) -> str:
        """Return a region, lake or mountain: nothing more is known of them, but several things share one."""
        values = self._values.setdefault(kind, [])
        if values and self._rng.random() < _KNOWN_SHARE:
            return self._rng.choice(values)
        values.append(self._inventor.name(kind))
        return values[-1]

    def follow(self, name: str, relations: Iterable[Relation]) -> str | None:
        """Return the value at the end of a chain of relations that starts at ``name``; None if it breaks off."""
        for relation in relations:
            thing = self._by_name.get(name)
            if thing is None or relation.name not in thing.facts:
                return None
            name = thing.facts[relation.name]
        return name

    def chain(self, hops: int) -> Query | None:
        """Return a new question that takes ``hops`` facts, each about the value of the one before."""
        return self._new(lambda: self._try_chain(hops))

    def comparison(self, yes_no: bool) -> Query | None:
        """Return a new question on two things: whether they agree (``yes_no``), or which has less or more."""
        return self._new(self._try_yes_no if yes_no else self._try_which)

    def _new(self, attempt: Callable[[], Query | None]) -> Query | None:
        for _ in range(_ATTEMPTS):
            query = attempt()
            if query is None:
                continue
            facts = frozenset((thing.name, relation.name) for thing, relation in query.used)
            if facts not in self._asked:  # else the same question in other words
                self._asked.add(facts)
                self._fixed |= facts
                return query
        return None

    def _try_chain(self, hops: int) -> Query | None:
        rng = self._rng
        thing = rng.choice(self.things)
        phrase, seen, used = thing.name, {thing.name}, []
        for _ in range(hops - 1):
            link = self._link(thing, seen)
            if link is None:
                return None
            phrase = rng.choice(link.nouns).format(x=phrase)
            used.append((thing, link))
            thing = self._by_name[thing.facts[link.name]]
            seen.add(thing.name)
        last = rng.choice(thing.relations())
        text, answer = rng.choice(last.asks).format(x=phrase), thing.facts[last.name]
        if answer in seen or answer.lower() in text.lower():
            return None
        self._add_rivals(thing.kind, last)
        return Query(text, answer, (*used, (thing, last)), "single" if hops == 1 else "bridge")

    def _link(self, thing: Thing, seen: set[str]) -> Relation | None:
        """Return a relation whose value is a known thing not yet ``seen``; make it so where none is."""
        stated = [relation for relation in thing.relations() if relation.nouns]
        others = [relation for relation in _LINKS[thing.kind] if relation not in stated]
        for relation in (*self._rng.sample(stated, len(stated)), *self._rng.sample(others, len(others))):
            value = thing.facts.get(relation.name)
            if value not in self._by_name and (thing.name, relation.name) not in self._fixed:
                known = self._by_kind[relation.target]
                value = self._rng.choice(known).name if known else None
            if value in self._by_name and value not in seen:
                thing.facts[relation.name] = value
                return relation
        return None

    def _add_rivals(self, kind: str, relation: Relation) -> None:
        """Make sure that ``relation`` is told of several things: else the chain before it could be skipped."""
        silent = [thing for thing in self._by_kind[kind] if relation.name not in thing.facts]
        missing = _RIVALS - (len(self._by_kind[kind]) - len(silent))
        for thing in self._rng.sample(silent, min(max(0, missing), len(silent))):
            thing.facts[relation.name] = self.value(thing, relation)

    def _pair(self) -> tuple[Thing, Thing] | None:
        first = self._rng.choice(self.things)
        second = self._rng.choice(self._by_kind[first.kind])
        return None if first is second else (first, second)

    def _values_of(self, pair: tuple[Thing, Thing], relation: Relation) -> list[str]:
        for thing in pair:
            if relation.name not in thing.facts:
                thing.facts[relation.name] = self.value(thing, relation)
        return [thing.facts[relation.name] for thing in pair]

    def _try_which(self) -> Query | None:
        pair = self._pair()
        if pair is None:
            return None
        relation = next(relation for relation in SCHEMA[pair[0].kind] if relation.less)
        first, second = map(int, self._values_of(pair, relation))
        if first == second:
            return None
        less = self._rng.random() < 0.5
        text = self._rng.choice(relation.less if less else relation.more).format(a=pair[0].name, b=pair[1].name)
        answer = pair[0 if (first < second) == less else 1].name
        return Query(text, answer, tuple((thing, relation) for thing in pair), "comparison")

    def _try_yes_no(self) -> Query | None:
        pair = self._pair()
        if pair is None:
            return None
        relation = self._rng.choice([relation for relation in SCHEMA[pair[0].kind] if relation.same])
        first, second = self._values_of(pair, relation)
        agree = self._rng.random() < 0.5
        if agree and first != second:
            if (pair[1].name, relation.name) in self._fixed or first == pair[1].name:
                return None
            pair[1].facts[relation.name] = first
        elif agree != (first == second):
            return None
        text = self._rng.choice(relation.same).format(a=pair[0].name, b=pair[1].name)
        return Query(text, "yes" if agree else "no", tuple((thing, relation) for thing in pair), "comparison")


def _kinds(rng: Random, size: int) -> list[str]:
    """Return ``size`` kinds: people and towns first of all, and the more other kinds the larger the world."""
    others = [kind for kind in SCHEMA if kind not in ("person", "town")]
    chosen = rng.sample(others, min(len(others), max(1, size // 12)))
    cycle = []
    for number, kind in enumerate(chosen):
        cycle += [kind, "person"] if number % 2 else [kind, "person", "town"]
    return [cycle[i % len(cycle)] for i in range(size)]
