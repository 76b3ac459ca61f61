"""Where wrong answers were lost: was the evidence never taken, written over, not found, or found and not used?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from memgym.bank import MemoryRecord
from memgym.episodes import Question
from memgym.leaderboard.trace import Trace, TracedStep
from memgym.scoring.support import FREQUENT, Support

WRONG_BELOW = 0.5
"""An answer that scored less is wrong."""
LOSSES = {
    "never extracted": "no memory ever held the evidence, and none was proposed that did",
    "not stored": "it was extracted, and the update did not keep it",
    "overwritten": "a memory held it, and was changed or deleted before the question",
    "not retrieved": "the memory held it when the question was asked, and the answerer was not shown it",
    "not replaced": "the answerer was shown it beside a value that it overtook, and could not tell which holds",
    "not used": "the answerer was shown it, and answered wrongly",
    "no abstention": "the text does not tell, and the answer pretends that it does",
    "unknown": "the task does not say what the evidence is",
}
"""Where an answer can be lost, in the order of the phases, with what it means."""


@dataclass(frozen=True)
class Loss:
    """A wrong answer, and where it was lost.

    Args:
        place: a name in :data:`LOSSES`.
        question: that was asked.
        answer: that was given.
        score: of the answer, below :data:`WRONG_BELOW`.
        step: the step of the trace at which it was answered.
    """

    place: str
    question: Question
    answer: str
    score: float
    step: int


def diagnose(trace: Trace) -> list[Loss]:
    """Return where each wrong answer of an episode was lost.

    A memory *holds* the evidence if the answer follows from what it states, as for the reader ``supported`` and the
    memory's scores (:class:`memgym.scoring.support.Support`).

    Args:
        trace: of the episode, see :func:`memgym.leaderboard.trace.trace`.
    """
    losses = []
    for number, step in enumerate(trace.steps):
        if step.question is None or step.scores is None or step.scores["answer"] >= WRONG_BELOW:
            continue
        evidence = Evidence(trace.support, step.question)
        place = _place(evidence, trace.steps[: number + 1])
        losses.append(Loss(place, step.question, step.answer or "", step.scores["answer"], number))
    return losses


def tally(losses: Iterable[Loss]) -> dict[str, int]:
    """Return how many answers were lost in each place, places without any left out."""
    counted = Counter(loss.place for loss in losses)
    return {place: counted[place] for place in LOSSES if counted[place]}


class Evidence:
    """What a memory must hold so that a question can be answered, by the rule of the scores.

    Args:
        support: what the episode asks of a memory.
        question: itself.
    """

    def __init__(self, support: Support, question: Question):
        self.question, self._support = question, support
        self._wanted = set(question.answers if question.match == "all" else question.answers[:1])

    @property
    def known(self) -> bool:
        """Whether it can be told of a memory that it holds the evidence."""
        return bool(self._support.needs(self.question)) or FREQUENT in self.question.metadata

    def held(self, memories: Sequence[MemoryRecord]) -> bool:
        """Return whether memories hold the evidence together: the answer follows from them."""
        return self._wanted <= set(self._follows(memories))

    def blurred(self, memories: Sequence[MemoryRecord]) -> bool:
        """Return whether memories hold the evidence beside a value that it overtook."""
        return self._wanted < set(self._follows(memories))

    def touches(self, memory: MemoryRecord) -> bool:
        """Return whether a record rests on the evidence, or a line of a text states a part of it."""
        if memory.id:  # a record of a bank: it says on what it rests
            return not set(memory.source).isdisjoint(self.question.evidence)
        stated = self._support.read([memory.text])
        return any(need.met(stated) for need in self._support.needs(self.question))

    def _follows(self, memories: Sequence[MemoryRecord]) -> list[str]:
        texts = [memory.text for memory in memories]
        if not any(memory.id for memory in memories):
            texts = ["\n".join(texts)]  # lines of one text
        return self._support.answer(self.question, texts)


def _place(evidence: Evidence, steps: Sequence[TracedStep]) -> str:
    if not evidence.question.answerable:
        return "no abstention"
    if not evidence.known:
        return "unknown"
    answered = steps[-1]
    shown = _shown(answered)
    if evidence.held(shown):
        return "not replaced" if evidence.blurred(shown) else "not used"
    if evidence.held(answered.memory):
        return "not retrieved"
    ever = list(dict.fromkeys(record for step in steps for change in step.changes if (record := change.new)))
    if evidence.held(ever):
        return "overwritten"
    return "not stored" if evidence.held([*ever, *_candidates(steps)]) else "never extracted"


def _shown(step: TracedStep) -> list[MemoryRecord]:
    """Return the memories that an answerer saw, as they were shown; of a text its lines."""
    if any(record.id for record in step.memory):
        return [
            MemoryRecord(block.id, block.attributes.get("key", ""), block.text) for block in step.observation.memories
        ]
    return list(step.memory)


def _candidates(steps: Iterable[TracedStep]) -> Iterator[MemoryRecord]:
    """Yield the candidates that were extracted, as memories."""
    for step in steps:
        if step.phase == "update":
            yield from (
                MemoryRecord("", block.attributes.get("key", ""), block.text) for block in step.observation.candidates
            )
