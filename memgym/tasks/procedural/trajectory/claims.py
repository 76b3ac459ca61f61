"""What follows from a memory of a ``trajectory`` that may claim more than was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memgym.episodes import Fact, Question
from memgym.scoring.statements import Statements
from memgym.scoring.support import Support
from memgym.tasks.procedural.trajectory import phrases as say

_BESIDE = 3
"""Other values that an honest list, such as ``412 vacuum, 415 reindex``, may have beside what tells of one, at most."""


class Claims(Support):
    """Lists all fixes that a memory states; takes a cause or job in many versions for guesses, and too many failures.

    There are few causes, jobs and fixes, so that a memory could claim all of them without having read the log.
    """

    def answer_from(self, question: Question, memory: Statements) -> list[str]:
        """Return what a faithful reader would answer from a memory; nothing, if it guesses."""
        found = super().answer_from(question, memory)
        if not found or self._guesses(question, memory):
            return []
        if question.category == "tried":
            found += [fix for fix in say.FIXES if fix not in found and _states(memory, question.needs[0], fix)]
        return found

    def freshness(self, question: Question, texts: Sequence[str]) -> float:
        """Return the share of what an answer needs that some records hold; 0 where they guess."""
        return 0.0 if self._guesses(question, self.read(texts)) else super().freshness(question, texts)

    def _guesses(self, question: Question, memory: Statements) -> bool:
        """Return whether what is asked for is stated in many versions, or of many deploys that did not fail."""
        if question.category in ("order", "cause"):
            stated = [sum(_states(memory, fact, other) for other in _versions(fact.value)) for fact in question.needs]
            in_one = {
                other for fact in question.in_one for other in _versions(fact.value) if _states(memory, fact, other)
            }
            return max(stated) > _BESIDE or len(in_one) > 1
        if question.category == "count":
            one = question.needs[0]
            deploys = {
                fact.value for fact in self._episode.facts if fact.subject == one.subject and fact.relation == "deploy"
            }
            others = deploys.difference(fact.value for fact in question.needs)
            return sum(memory.alone(replace(one, value=other)) for other in others) > 1
        return False


def _states(memory: Statements, fact: Fact, value: str) -> bool:
    return memory.state(replace(fact, value=value))


def _versions(value: str) -> Iterator[str]:
    """Yield a value with another cause, or job, in the place of its own."""
    for pool in (say.CAUSES, say.JOBS):
        for own in pool:
            if own in value:
                yield from (value.replace(own, other) for other in pool if other not in value)
