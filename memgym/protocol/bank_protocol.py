"""What happens between an agent's observations and a memory bank, phase by phase; whoever drives it.

An environment drives it with an episode and scores what happens; an agent with a memory of its own drives it with a
live conversation. Both show the same observations and change the bank in the same way.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from memgym.bank import MemoryBank, MemoryRecord
from memgym.episodes import Session, Turn
from memgym.errors import ActionError
from memgym.protocol.actions import (
    Answer,
    Candidate,
    PlannedOperation,
    parse_answer,
    parse_extract,
    parse_retrieve,
    parse_update,
)
from memgym.protocol.blocks import budget_block, candidate_block, memory_block, question_block, turn_blocks
from memgym.protocol.instructions import ANSWER, EXTRACT, FORMS, RETRIEVE, UPDATE
from memgym.protocol.observation import Block
from memgym.protocol.plans import attribute_source, bank_operations, cut_value, fit_budget, used_tokens
from memgym.scoring.statements import carries
from memgym.tokens import TokenCounter, get_counter

RETRIEVE_K, ANSWER_K, RELATED_K = 20, 20, 3
"""How many memories a search returns, how many are kept for the answer, how many are related to a candidate."""

ANSWER_TOKENS = 256
"""How many tokens of memories are kept for the answer."""


@dataclass(frozen=True)
class BankChange:
    """What became of one record: ``old`` is None if it is new, ``new`` is None if it is gone."""

    old: MemoryRecord | None
    new: MemoryRecord | None


@dataclass(frozen=True)
class UpdatePlan:
    """An update plan as it was read: the operations that fit, and one message for each that does not."""

    operations: Sequence[PlannedOperation]
    problems: Sequence[str]

    @property
    def validity(self) -> float:
        """The share of the operations that fit, 1 for an empty plan."""
        total = len(self.operations) + len(self.problems)
        return len(self.operations) / total if total else 1.0

    def check(self) -> UpdatePlan:
        """Return the plan if it can be applied; it is applied whole or not at all.

        Raises:
            ActionError: an operation does not fit.
        """
        if self.problems:
            raise ActionError("the plan was not applied. " + "; ".join(self.problems[:5]))
        return self


class BankProtocol:
    """A bank, and the session or question at hand.

    Per session: :meth:`hear`, :meth:`extract`, and if there are candidates :meth:`update`. Per question: :meth:`ask`,
    :meth:`retrieve`, then the answer. :meth:`state` shows each phase, the ``parse_…`` methods read its action without
    changing anything.

    Args:
        bank: what is remembered; changed in place.
        retrieve_k: number of memories that the search returns for a question.
        answer_k: number of memories kept for the answer.
        answer_tokens: how many tokens they may have together, with all that is shown of them; the last is cut.
        related_k: number of related memories shown per candidate.
        memory_tokens: budget of the whole bank, everything that is kept counted; None for no limit.
        counter: the name of the counter of its tokens (:mod:`memgym.tokens`).
        answer_format: ``plain``, ``boxed`` or ``json``.
    """

    def __init__(
        self,
        bank: MemoryBank,
        *,
        retrieve_k: int = RETRIEVE_K,
        answer_k: int = ANSWER_K,
        answer_tokens: int = ANSWER_TOKENS,
        related_k: int = RELATED_K,
        memory_tokens: int | None = None,
        counter: str = "chars",
        answer_format: str = "plain",
    ):
        self.bank = bank
        self.retrieve_k, self.answer_k, self.related_k = retrieve_k, answer_k, related_k
        self.memory_tokens, self.answer_tokens, self.answer_format = memory_tokens, answer_tokens, answer_format
        self._counter_name = counter
        self.session = Session("", "", ())
        self.candidates: dict[str, Candidate] = {}
        """What was extracted from the session, under the names by which an update plan refers to it."""
        self.shown: dict[str, MemoryRecord] = {}
        """The memories in the present observation, by id, in their order."""
        self._question = ("", "")
        self._said: Sequence[Turn] = ()

    def fork(self) -> BankProtocol:
        """Return another in the same state, with a fork of the bank."""
        twin = copy.copy(self)  # what it holds beside the bank is replaced, never changed in place
        twin.bank = self.bank.fork()
        return twin

    # A session

    def hear(self, session: Session) -> None:
        """Begin a session: the next phase is ``extract``."""
        self.session = session
        self.candidates, self.shown = {}, {}

    def extract(self, candidates: Sequence[Candidate]) -> bool:
        """Number the candidates and search for related memories; return whether there is anything to update."""
        self.candidates = {f"c{number}": candidate for number, candidate in enumerate(candidates, 1)}
        found = self.bank.search_many([candidate.text for candidate in candidates], self.related_k)
        self.shown = {record.id: record for hits in found for record, _ in hits}
        return bool(candidates)

    def update(self, operations: Sequence[PlannedOperation]) -> tuple[list[BankChange], bool]:
        """Apply a checked plan within the budget.

        Returns:
            What changed, and whether the budget cut or dropped anything.
        """
        told = bank_operations(operations, self.candidates, self.session.turns)
        plan, overflow = fit_budget(told, self.bank, self.memory_tokens, self.counter)
        before = [self.bank.get(step.id) if step.id else None for step in plan]
        after = self.bank.apply(plan, time=self.session.time)
        return [BankChange(old, new) for old, new in zip(before, after, strict=True)], overflow

    def rests_on(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the ids of the turns that a candidate rests on: those it names, else the most similar one.

        It must carry something of them, or it rests on nothing.
        """
        named = candidate.source or attribute_source(candidate.value, self.session.turns)
        text = f"{candidate.key}: {candidate.value}"
        return tuple(turn.id for turn in self.session.turns if turn.id in named and carries(text, turn.text))

    # A question

    def ask(self, question: str, time: str = "", said: Sequence[Turn] = ()) -> None:
        """Begin a question and search the bank: the next phase is ``retrieve``.

        Args:
            question: as it is asked.
            time: when.
            said: what was said before, if the question is part of a conversation; ``answer`` shows it.
        """
        self._question, self._said = (question, time), said
        hits = self.bank.once(("ask", question, self.retrieve_k), lambda: self.bank.search(question, self.retrieve_k))
        self.shown = {record.id: record for record, _ in hits}

    def retrieve(self, ids: Sequence[str]) -> list[MemoryRecord]:
        """Keep the first of the chosen memories for the answer; return all of them whole, best first.

        At most ``answer_k`` are kept, and as many as ``answer_tokens`` hold: the last is cut there.
        """
        ranked = [self.shown[identity] for identity in ids]
        self.shown, room = {}, self.answer_tokens
        for record in ranked[: self.answer_k]:
            kept = cut_value(record, record.shown_text, room, self.counter)
            if kept is None:
                break
            self.shown[record.id] = kept
            room -= self.counter.count(kept.shown_text)
        return ranked

    # Observations and actions

    def state(self, phase: str) -> list[Block]:
        """Return the blocks that show the state in a phase."""
        if phase == "extract":
            return [*self._time(), *self._budget(), *turn_blocks(self.session.turns)]
        memories = [memory_block(record) for record in self.shown.values()]
        if phase == "update":
            candidates = [candidate_block(name, candidate) for name, candidate in self.candidates.items()]
            return [*self._time(), *self._budget(), *candidates, *memories]
        asked = question_block(*self._question, self.answer_format if phase == "answer" else "")
        return [asked, *memories, *(turn_blocks(self._said) if phase == "answer" else [])]

    def instruction(self, phase: str) -> str:
        """Return what an observation says to do in a phase."""
        if phase == "retrieve":
            return RETRIEVE.format(answer_k=self.answer_k, answer_tokens=self.answer_tokens)
        if phase == "answer":
            return ANSWER.format(form=FORMS[self.answer_format])
        return {"extract": EXTRACT, "update": UPDATE}[phase]

    def parse_extract(self, action: str) -> list[Candidate]:
        """Read an ``extract`` action.

        Raises:
            ActionError: it does not fit.
        """
        return parse_extract(action, {turn.id for turn in self.session.turns})

    def parse_update(self, action: str) -> UpdatePlan:
        """Read an ``update`` action.

        Raises:
            ActionError: there is no list of operations at all.
        """
        return UpdatePlan(*parse_update(action, self.candidates, self.shown))

    def parse_retrieve(self, action: str) -> list[str]:
        """Read a ``retrieve`` action.

        Raises:
            ActionError: it does not fit.
        """
        return parse_retrieve(action, self.shown)

    def parse_answer(self, action: str) -> Answer:
        """Read an ``answer`` action.

        Raises:
            ActionError: it does not fit.
        """
        return parse_answer(action, self.answer_format)

    @property
    def counter(self) -> TokenCounter:
        """How tokens are counted."""
        return get_counter(self._counter_name)

    def _time(self) -> list[Block]:
        return [Block("time", self.session.time)] if self.session.time else []

    def _budget(self) -> list[Block]:
        if self.memory_tokens is None:
            return []
        used = used_tokens(self.bank, self.counter)
        return [budget_block(self.memory_tokens, used, self._counter_name)]
