"""What a bank did with each gold fact, from the session that tells it to the one in which it ends.

A fact *holds* at the end of each session from the one that tells it to the last before the one that overtakes it, finds
it expired, or asks to forget it. Scores look at a record's text at the ends of sessions; what states a fact is decided
by :meth:`memgym.scoring.support.Support.held_by`. The measures are after HaluMem (Chen et al. 2025, arXiv 2511.03506),
whose judge is a language model.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from memgym.bank import MemoryRecord
from memgym.episodes import Episode, Fact, Session
from memgym.protocol.bank_protocol import BankChange
from memgym.scoring.phrases import contains
from memgym.scoring.statements import count_words
from memgym.scoring.support import WORDS_OF_A_FACT, Support

_GLUED = 7
"""Letters of a value that is looked for between other letters, too: shorter ones stand there by chance."""

NAMES = ("extraction_recall", "extraction_precision", "faithfulness", "update_accuracy", "deletion")


@dataclass
class _Version:
    """A record as it was at the ends of the sessions from ``start`` to before ``stop``."""

    record: MemoryRecord
    start: int
    stop: int


class Ledger:
    """The scores of a bank's history.

    Args:
        episode: with its gold facts.
        support: what states them.
        sessions: those that have ended, in order.
        changes: what changed in the bank in each of them.
    """

    def __init__(
        self, episode: Episode, support: Support, sessions: Sequence[Session], changes: Iterable[Sequence[BankChange]]
    ):
        self._episode, self._support = episode, support
        self._now = len(sessions)
        self._when = {turn.id: number for number, session in enumerate(sessions) for turn in session.turns}
        self._versions = _versions(changes, self._now)
        self._by_text: dict[str, list[_Version]] = defaultdict(list)
        for version in self._versions:
            self._by_text[version.record.text].append(version)
        texts = list(self._by_text)
        self._held = support.held_by(texts)
        by_number = [self._by_text[text] for text in texts]
        self._stated = [[v for n in held.stated for v in by_number[n]] for held in self._held]
        self._meant = [[v for n in held.meant for v in by_number[n]] for held in self._held]
        self._standing = [[v for n in held.standing for v in by_number[n]] for held in self._held]

    def scores(self, memory_recall: float) -> dict[str, float]:
        """Return the scores by name; those of which the episode has no case are 0.

        Args:
            memory_recall: of the present bank.
        """
        recall = self._extraction_recall()
        values = (
            recall,
            recall * self._useful_writes(),
            self._faithfulness(),
            self._update_accuracy(),
            memory_recall * self._obeyed(),
        )
        return dict(zip(NAMES, values, strict=True))

    @cached_property
    def _lives(self) -> dict[int, range]:
        """The numbers of the facts that were told, with the sessions at whose ends they hold."""
        return {
            number: range(self._when[fact.source], self._when.get(fact.until or "", self._now))
            for number, fact in enumerate(self._episode.facts)
            if fact.source in self._when
        }

    @cached_property
    def _told(self) -> Mapping[int, list[int]]:
        """The numbers of the facts that a version states, by its identity."""
        told: dict[int, list[int]] = defaultdict(list)
        for number, versions in enumerate(self._stated):
            for version in versions:
                told[id(version)].append(number)
        return told

    def _extraction_recall(self) -> float:
        """Share of the facts that a record states when they are told and still when they end."""
        lives = [(number, life) for number, life in self._lives.items() if life]
        return _share(all(_at(self._stated[n], end) for end in (life[0], life[-1])) for n, life in lives)

    def _useful_writes(self) -> float:
        """Share of the words ever written that it takes to say once what held when it was written."""
        told = self._told
        known = {n for version in self._versions for n in told[id(version)] if version.start in self._lives.get(n, ())}
        written = sum(count_words(version.record.text) for version in self._versions)
        return min(1.0, WORDS_OF_A_FACT * len(known) / written) if written else 0.0

    def _faithfulness(self) -> float:
        """Share of the facts that hold which the bank means, times their share among all that it claims of these."""
        if not self._episode.lures or not self._now:
            return 0.0
        lasting = [number for number, life in self._lives.items() if life and life[-1] == self._now - 1]
        held = sum(bool(_at(self._meant[number], self._now - 1)) for number in lasting)
        if not held:
            return 0.0
        present = [version.record.text for version in self._versions if version.stop == self._now]
        return held / len(lasting) * held / (held + self._support.invented(present))

    def _update_accuracy(self) -> float:
        """Share of the overtaken facts whose record became that of what overtook them, and remained it.

        A record is one of facts if it has at most twenty words for each that it states: a heap of all that was said is
        the record of none of them, whatever falls out of it.
        """
        facts = self._episode.facts
        following = {(fact.subject, fact.relation, fact.source): number for number, fact in enumerate(facts)}
        steps = []
        for old, life in self._lives.items():
            fact = facts[old]
            new = following.get((fact.subject, fact.relation, fact.until or ""))
            if life and new is not None and self._lives.get(new):
                steps.append((old, new))
        return _share(self._replaced(old, new) for old, new in steps)

    def _replaced(self, old: int, new: int) -> bool:
        first, last = self._lives[new][0], self._lives[new][-1]
        if _at(self._standing[old], first) or _at(self._standing[old], last):
            return False
        was, now = _at(self._stated[old], first - 1), _at(filter(self._terse, self._stated[new]), first)
        return len(now) == 1 and now <= was and now <= _at(self._stated[new], last)

    def _terse(self, version: _Version) -> bool:
        return count_words(version.record.text) <= WORDS_OF_A_FACT * len(self._told[id(version)])

    def _obeyed(self) -> float:
        """Share of the forgotten facts that were known until it was asked, and left no trace from there on."""
        asked = [
            n for n in self._lives if self._episode.facts[n].forgotten and self._episode.facts[n].until in self._when
        ]
        return _share(self._erased(number) for number in asked)

    def _erased(self, number: int) -> bool:
        fact, life = self._episode.facts[number], self._lives[number]
        known = not life or bool(_at(self._stated[number], life[-1]))
        later = (version for version in self._versions if version.stop > life.stop and _has_trace(version.record, fact))
        return known and all(self._of_others(version, number) for version in later)

    def _of_others(self, version: _Version, number: int) -> bool:
        """Return whether a version tells a fact's value of another whose it is, and not of its own subject."""
        facts, told = self._episode.facts, self._told[id(version)]
        own = facts[number]
        alike = (facts[n] for n in told if facts[n].value == own.value)
        others = [fact for fact in alike if (fact.subject, fact.relation) != (own.subject, own.relation)]
        return bool(others) and number not in told


def _versions(changes: Iterable[Sequence[BankChange]], now: int) -> list[_Version]:
    """Return every text that a record ever had, in the order in which they were written."""
    found: list[_Version] = []
    present: dict[str, _Version] = {}
    for session, changed in enumerate(changes):
        for change in changed:
            if change.old and change.old.id in present:
                present.pop(change.old.id).stop = session
            if change.new:
                present[change.new.id] = _Version(change.new, session, now)
                found.append(present[change.new.id])
    return found


def _at(versions: Iterable[_Version], session: int) -> set[str]:
    """Return the ids of the records of some versions at the end of a session."""
    return {version.record.id for version in versions if version.start <= session < version.stop}


def _has_trace(record: MemoryRecord, fact: Fact) -> bool:
    """Return whether a record has a fact's value anywhere: in key, type, tags or sources, too, glued or spaced."""
    text, value = record.cost_text, _letters(fact.value)
    return contains(text, fact.value) or (len(value) >= _GLUED and value in _letters(text))


def _letters(text: str) -> str:
    """Return the letters and digits of a text alone, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(filter(str.isalnum, plain))


def _share(cases: Iterable[bool]) -> float:
    held = list(cases)
    return sum(held) / len(held) if held else 0.0
