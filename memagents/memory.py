"""An agent with a memory bank of its own, outside any environment: it hears sessions and answers from what it keeps.

The agent sees the same observations as in :class:`memgym.envs.MemoryBankEnv`, so what was trained there serves here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from memagents.agents.base import Agent
from memagents.modules import Call
from memagents.modules.reasoning import spoken
from memgym import operators
from memgym.bank import MemoryBank, MemoryRecord
from memgym.episodes import Session, Turn
from memgym.errors import ActionError
from memgym.protocol.actions import (
    Answer,
    Candidate,
    PlannedOperation,
    check_text,
    parse_answer,
    parse_extract,
    parse_retrieve,
    parse_update,
)
from memgym.protocol.blocks import candidate_block, memory_block, question_block, turn_blocks
from memgym.protocol.instructions import ANSWER, EXTRACT, FORMS, RETRIEVE, UPDATE
from memgym.protocol.observation import Block, Observation
from memgym.protocol.plans import bank_operations

Parsed = TypeVar("Parsed")

RETRIEVE_K, ANSWER_K, RELATED_K = 20, 5, 3  # as in MemoryBankEnv


@dataclass(frozen=True)
class Change:
    """What became of one record: ``old`` is None if it is new, ``new`` is None if it is gone."""

    old: MemoryRecord | None
    new: MemoryRecord | None


@dataclass(frozen=True)
class Ingested:
    """What a session changed, and what the agent did wrong meanwhile."""

    changes: list[Change]
    problems: list[str]


@dataclass(frozen=True)
class Reply:
    """An answer, the memories that it rests on (those cited, else those shown), and what the agent did wrong."""

    text: str
    used: list[MemoryRecord]
    problems: list[str]


class AgentMemory:
    """Keeps a bank up to date by an agent, and answers from it.

    Where the agent's action cannot be used, nothing is lost: a session is then kept as it was said, facts are added as
    they are, memories keep the order of the search; and the result says so.

    Args:
        agent: plays ``extract``, ``update``, ``retrieve`` and ``answer``.
        bank: what is remembered; changed in place.
    """

    def __init__(self, agent: Agent, bank: MemoryBank):
        self.agent, self.bank = agent, bank

    def ingest(self, session: Session) -> Ingested:
        """Extract what is worth keeping of a session, and change the bank accordingly."""
        problems: list[str] = []
        time = [Block("time", session.time)] if session.time else []
        heard = Observation("extract", EXTRACT, (*time, *turn_blocks(session.turns)))
        known = {turn.id for turn in session.turns}
        extracted = self._play(heard, lambda action: parse_extract(action, known), operators.verbatim, problems)
        candidates = {f"c{number}": candidate for number, candidate in enumerate(extracted, 1)}
        if not candidates:
            return Ingested([], problems)
        found = self.bank.search_many([candidate.value for candidate in extracted], RELATED_K)
        related = {record.id: record for hits in found for record, _ in hits}
        new = [candidate_block(name, candidate) for name, candidate in candidates.items()]
        state = (*time, *new, *map(memory_block, related.values()))
        plan = self._play(
            Observation("update", UPDATE, state),
            lambda action: _parse_plan(action, candidates, related),
            operators.add_all,
            problems,
        )
        return Ingested(self._apply(plan, candidates, session), problems)

    def ask(self, question: str, time: str = "", turns: Sequence[Turn] = ()) -> Reply:
        """Answer a question from the bank.

        Args:
            question: as it is asked.
            time: when.
            turns: what was said before, if the question is part of a conversation.
        """
        problems: list[str] = []
        records = self._retrieve(question, time, problems)
        state = (question_block(question, time, "json"), *map(memory_block, records.values()), *turn_blocks(turns))
        observation = Observation("answer", ANSWER.format(form=FORMS["json"]), state)
        call = self._call(observation)
        try:
            answer = parse_answer(_usable(call), "json")
        except ActionError as error:
            problems.append(f"answer: {error}")
            answer = Answer(spoken(call.trace) or "")
        cited = [records[name] for name in answer.cited_ids if name in records]
        return Reply(answer.text, cited or list(records.values()), problems)

    def _retrieve(self, question: str, time: str, problems: list[str]) -> dict[str, MemoryRecord]:
        records = {record.id: record for record, _ in self.bank.search(question, RETRIEVE_K)}
        if not records:
            return {}
        shown = (question_block(question, time), *map(memory_block, records.values()))
        observation = Observation("retrieve", RETRIEVE.format(answer_k=ANSWER_K), shown)
        ids = self._play(observation, lambda action: parse_retrieve(action, records), operators.top_k, problems)
        return {name: records[name] for name in ids[:ANSWER_K]}

    def _play(
        self,
        observation: Observation,
        parse: Callable[[str], Parsed],
        fallback: Callable[[Observation], str],
        problems: list[str],
    ) -> Parsed:
        """Return the agent's action, parsed; the fallback's if it cannot be used."""
        try:
            return parse(_usable(self._call(observation)))
        except ActionError as error:
            problems.append(f"{observation.phase}: {error}")
            return parse(fallback(observation))

    def _call(self, observation: Observation) -> Call:
        call = self.agent.play([str(observation)])[0]
        if isinstance(call, Exception):
            raise call
        return call

    def _apply(
        self, plan: Sequence[PlannedOperation], candidates: Mapping[str, Candidate], session: Session
    ) -> list[Change]:
        steps = bank_operations(plan, candidates, session.turns)
        before = [self.bank.get(step.id) if step.id else None for step in steps]
        after = self.bank.apply(steps, time=session.time)
        return [Change(old, new) for old, new in zip(before, after, strict=True)]


def _usable(call: Call) -> str:
    if call.action is None:
        raise ActionError("the model wrote no action")
    return check_text(call.action)


def _parse_plan(
    action: str, candidates: Mapping[str, Candidate], related: Mapping[str, MemoryRecord]
) -> list[PlannedOperation]:
    operations, problems = parse_update(action, candidates, related)
    if problems:
        raise ActionError("; ".join(problems))
    return operations
