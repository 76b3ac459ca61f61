"""Whether a memory guesses: it claims several values in the place of one, and nobody told them of the same subject.

Who does not know which of fifty places is right can write down all of them, in one line or in many. So whatever could
stand in a value's place is looked for: what the episode tells of others, what everybody knows to be possible, and other
numbers and weekdays. A value is no guess where the text itself puts it beside the subject, or where the one of whom it
is true is named nearer to it, as in long honest records.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import islice

from memgym.episodes import Episode, Fact
from memgym.scoring.statements import Statements, spell

Pools = Mapping[str, Collection[str]]
"""Relation to the values that everybody knows to be possible."""
NO_POOLS: Pools = {}
_MOST = 1
"""Other values that may be claimed of a subject."""
_QUOTED = 3
"""Words on one side of a value by which a sentence is known."""
_COUNTS = 100
"""Up to where things are counted."""
_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_KINDS = (r"\d{4}", r"\d{1,3}", r"\d{1,2}(?:st|nd|rd|th)", _WEEKDAYS)
"""What of a value is one of a few: a year, a count, the day of a month or of a week."""
_CHOSEN = re.compile("|".join(rf"\b({kind})\b" for kind in _KINDS))

_spell = lru_cache(1 << 14)(spell)


class Guesses:
    """Tells what of a memory of an episode is guessed.

    Args:
        episode: the episode.
        rule: by which phrases are found, a name in :data:`memgym.scoring.phrases.RULES`.
        running: whether a statement may go on over the ends of lines.
        pools: values that everybody knows to be possible, by their relation.
    """

    def __init__(self, episode: Episode, rule: str, running: bool, pools: Pools):
        self._episode, self._rule, self._running, self._pools = episode, rule, running, pools
        self._possible: dict[str, frozenset[str]] = {}

    def made(self, fact: Fact, memory: Statements) -> bool:
        """Return whether a memory claims several other values in a fact's place."""
        names = fact.names or (fact.subject,)
        told = {_spell(fact.value, self._rule)}.union(*(self._told[name] for name in names))
        others = (other for other in self._others(fact, memory) if not any(_within(other, value) for value in told))
        claims = (replace(fact, value=other, apart=()) for other in others)
        return len(list(islice((claim for claim in claims if self._guessed(claim, told, memory)), _MOST + 1))) > _MOST

    def holders(self, fact: Fact) -> frozenset[str]:
        """Return the names of the others of whom the same is true."""
        return self._held[_spell(fact.value, self._rule)].difference(fact.names or (fact.subject,))

    def _guessed(self, claim: Fact, told: Collection[str], memory: Statements) -> bool:
        """Return whether a memory claims what the text does not put so."""
        holders = self.holders(claim)
        places = (place for place in memory.claiming(claim, holders, told) if not self._quoted(claim, memory, *place))
        return _any(places) and not _any(self._heard.claiming(claim, holders, told))

    def _quoted(self, claim: Fact, memory: Statements, number: int, place: int) -> bool:
        """Return whether a value stands as in the text, where that calls its subjects by pronouns."""
        return self._running and any(map(self._heard.having, memory.beside(claim.value, number, place, _QUOTED)))

    def _others(self, fact: Fact, memory: Statements) -> Iterator[str]:
        """Yield what stands beside a fact's subject and could stand in its value's place, as the rule spells it."""
        names = fact.names or (fact.subject,)
        named = frozenset().union(*map(memory.having, names))
        possible = self._possible_of(fact.relation)
        yield from (value for value in possible if not named.isdisjoint(memory.having(value)))
        pattern = _variants(_spell(fact.value, self._rule))
        if pattern is not None:
            yield from memory.variants(names, pattern) - possible

    def _possible_of(self, relation: str) -> frozenset[str]:
        if relation not in self._possible:
            told = {fact.value for fact in self._episode.facts if fact.relation == relation}
            spelled = (_spell(value, self._rule) for value in told.union(self._pools.get(relation, ())))
            self._possible[relation] = frozenset(filter(None, spelled))
        return self._possible[relation]

    @cached_property
    def _told(self) -> Mapping[str, set[str]]:
        """Name to the values that were told, as the rule spells them."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self._episode.facts:
            for name in fact.names or (fact.subject,):
                found[name].add(_spell(fact.value, self._rule))
        return found

    @cached_property
    def _held(self) -> Mapping[str, frozenset[str]]:
        """Value, as the rule spells it, to the names of those of whom it was told."""
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self._episode.facts:
            found[_spell(fact.value, self._rule)].update(fact.names or (fact.subject,))
        return defaultdict(frozenset, {key: frozenset(names) for key, names in found.items()})

    @cached_property
    def _heard(self) -> Statements:
        return Statements([self._episode.text()], self._rule, self._running)


def guesses_total(fact: Fact, memory: Statements, added: Collection[str]) -> bool:
    """Return whether a memory states several other totals than a fact's, beside those numbers that were added up."""
    others = (str(number) for number in range(_COUNTS) if str(number) not in {fact.value, *added})
    return sum(memory.alone(replace(fact, value=other, apart=())) for other in others if memory.having(other)) > _MOST


def _variants(value: str) -> re.Pattern[str] | None:
    """Return what finds a value with any number, or weekday, in the place of its first one; None if it has neither."""
    chosen = _CHOSEN.search(value)
    if not chosen or chosen.lastindex is None:
        return None
    before, after = re.escape(value[: chosen.start()]), re.escape(value[chosen.end() :])
    return re.compile(rf"(?<= ){before}(?:{_KINDS[chosen.lastindex - 1]}){after}(?= )")


def _within(part: str, phrase: str) -> bool:
    return f" {part} " in f" {phrase} "


def _any(found: Iterator[tuple[int, int]]) -> bool:
    return next(found, None) is not None
