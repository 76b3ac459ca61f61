"""Where wrong answers were lost: was the evidence never taken, written over, not found, or found and not used?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from memgym.bank import MemoryRecord
from memgym.episodes import Episode, Question
from memgym.leaderboard.trace import Trace, TracedStep
from memgym.scoring.phrases import contains

WRONG_BELOW = 0.5
"""An answer that scored less is wrong."""
LOSSES = {
    "never extracted": "no memory ever held the evidence, and none was proposed that did",
    "not stored": "it was extracted, and the update did not keep it",
    "overwritten": "a memory held it, and was changed or deleted before the question",
    "not retrieved": "the memory held it when the question was asked, and the answerer was not shown it",
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


def diagnose(trace: Trace, phrases: str = "house") -> list[Loss]:
    """Return where each wrong answer of an episode was lost.

    A memory *holds* an evidence turn if it has a gold answer or a gold fact that the turn states; of a turn that states
    none word for word, if it rests on the turn. Evidence is held where all its turns are, or where the gold answer is.

    Args:
        trace: of the episode, see :func:`memgym.leaderboard.trace.trace`.
        phrases: by which rule phrases are found, a name in :data:`memgym.scoring.phrases.RULES`.
    """
    losses = []
    for number, step in enumerate(trace.steps):
        if step.question is None or step.scores is None or step.scores["answer"] >= WRONG_BELOW:
            continue
        evidence = Evidence(trace.episode, step.question, phrases)
        place = _place(evidence, trace.steps[: number + 1])
        losses.append(Loss(place, step.question, step.answer or "", step.scores["answer"], number))
    return losses


def tally(losses: Iterable[Loss]) -> dict[str, int]:
    """Return how many answers were lost in each place, places without any left out."""
    counted = Counter(loss.place for loss in losses)
    return {place: counted[place] for place in LOSSES if counted[place]}


class Evidence:
    """What a memory must hold so that a question can be answered.

    Args:
        episode: of the question.
        question: itself.
        phrases: the rule by which phrases are found.
    """

    def __init__(self, episode: Episode, question: Question, phrases: str = "house"):
        self.question, self._rule = question, phrases
        texts = dict(episode.passages())
        self._turns = {turn: self._stated(episode, turn, texts.get(turn, "")) for turn in question.evidence}
        self._literal = not question.evidence or any(
            contains(texts.get(turn, ""), answer, phrases) for turn in question.evidence for answer in question.answers
        )

    @property
    def known(self) -> bool:
        """Whether it can be told of a memory that it holds the evidence."""
        return bool(self._turns) or self._literal

    def held(self, memories: Sequence[MemoryRecord]) -> bool:
        """Return whether memories hold the evidence together."""
        text = "\n".join(memory.text for memory in memories)
        found = [contains(text, answer, self._rule) for answer in self.question.answers]
        if self._literal and found and (all(found) if self.question.match == "all" else any(found)):
            return True
        return bool(self._turns) and all(
            any(contains(text, phrase, self._rule) for phrase in stated)
            if stated
            else any(turn in memory.source for memory in memories)
            for turn, stated in self._turns.items()
        )

    def touches(self, memory: MemoryRecord) -> bool:
        """Return whether a record rests on the evidence, or a line of a text has a part of it."""
        if memory.id:  # a record of a bank: it says on what it rests
            return not set(memory.source).isdisjoint(self._turns)
        stated = {phrase for phrases in self._turns.values() for phrase in phrases}
        return any(contains(memory.text, phrase, self._rule) for phrase in stated)

    def _stated(self, episode: Episode, turn: str, text: str) -> list[str]:
        """Return the gold answers and facts that a turn has word for word."""
        facts = [fact.value for fact in episode.facts if fact.source == turn]
        return [phrase for phrase in (*self.question.answers, *facts) if contains(text, phrase, self._rule)]


def _place(evidence: Evidence, steps: Sequence[TracedStep]) -> str:
    if not evidence.question.answerable:
        return "no abstention"
    if not evidence.known:
        return "unknown"
    answered = steps[-1]
    if evidence.held(_shown(answered)):
        return "not used"
    if evidence.held(answered.memory):
        return "not retrieved"
    ever = list(dict.fromkeys(record for step in steps for change in step.changes if (record := change.new)))
    if evidence.held(ever):
        return "overwritten"
    return "not stored" if evidence.held([*ever, *_candidates(steps)]) else "never extracted"


def _shown(step: TracedStep) -> list[MemoryRecord]:
    """Return the memories that an answerer saw."""
    if any(record.id for record in step.memory):
        ids = {*step.shown}
        return [record for record in step.memory if record.id in ids]
    return list(step.memory)


def _candidates(steps: Iterable[TracedStep]) -> Iterator[MemoryRecord]:
    """Yield the candidates that were extracted, as memories."""
    for step in steps:
        if step.phase == "update":
            yield from (
                MemoryRecord("", block.attributes.get("key", ""), block.text) for block in step.observation.candidates
            )
