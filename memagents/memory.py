"""An agent with a memory bank of its own, outside any environment: it hears sessions and answers from what it keeps.

The agent sees the same observations as in :class:`memgym.envs.MemoryBankEnv`, so what was trained there serves here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from memagents.agents.base import Agent
from memagents.modules import Call
from memagents.reasoning import spoken
from memgym import operators
from memgym.bank import MemoryBank, MemoryRecord
from memgym.episodes import Session, Turn
from memgym.errors import ActionError
from memgym.playing import ask_seed
from memgym.protocol.actions import Answer, check_action
from memgym.protocol.bank_protocol import ANSWER_TOKENS, BankChange, BankProtocol, UpdatePlan
from memgym.protocol.observation import Observation

Parsed = TypeVar("Parsed")
Watch = Callable[[str], AbstractContextManager[Callable[[str], None] | None]]
"""Who sees a model write: see :class:`~memagents.memory.AgentMemory`."""


@dataclass(frozen=True)
class Ingested:
    """What a session changed, and what the agent did wrong meanwhile."""

    changes: list[BankChange]
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
        seed: of all sampling.
        memory_tokens: budget of the whole bank, everything that is kept counted; None for no limit.
        answer_tokens: how many tokens of memories an answer is given.
        counter: the name of the counter of both (:mod:`memgym.tokens`).
        watch: called with the phase before a module plays it; in the context that it returns the module plays, and what
            the context yields is told of the text that a model has written so far.
    """

    def __init__(
        self,
        agent: Agent,
        bank: MemoryBank,
        seed: int = 0,
        watch: Watch | None = None,
        *,
        memory_tokens: int | None = None,
        answer_tokens: int = ANSWER_TOKENS,
        counter: str = "chars",
    ):
        self.agent, self.bank = agent, bank
        self._seed, self._calls, self._watch = seed, 0, watch
        self._protocol = BankProtocol(
            bank,
            memory_tokens=memory_tokens,
            answer_tokens=answer_tokens,
            counter=counter,
            answer_format="json",
        )

    def ingest(self, session: Session) -> Ingested:
        """Extract what is worth keeping of a session, and change the bank accordingly."""
        problems: list[str] = []
        protocol = self._protocol
        protocol.hear(session)
        kept = "so the session is kept as it was said"
        if not protocol.extract(self._play("extract", protocol.parse_extract, operators.verbatim, problems, kept)):
            return Ingested([], problems)
        added = "so whatever was new is added"
        plan: UpdatePlan = self._play("update", self._parse_plan, operators.add_all, problems, added)
        changes, overflow = protocol.update(plan.operations)
        if overflow:
            problems.append(f"update: the memory is full at {protocol.memory_tokens} tokens, so the rest is not kept")
        return Ingested(changes, problems)

    def ask(self, question: str, time: str = "", turns: Sequence[Turn] = ()) -> Reply:
        """Answer a question from the bank.

        Args:
            question: as it is asked.
            time: when.
            turns: what was said before, if the question is part of a conversation.
        """
        problems: list[str] = []
        protocol = self._protocol
        protocol.ask(question, time, turns)
        if protocol.shown:  # else there is nothing to choose from, and the model need not be asked
            order = "so the memories keep the order of the search"
            protocol.retrieve(self._play("retrieve", protocol.parse_retrieve, operators.top_k, problems, order))
        call = self._call(self._observation("answer"))
        try:
            answer = protocol.parse_answer(_usable(call))
        except ActionError as error:
            problems.append(f"answer: {error}")
            answer = Answer(spoken(call.trace) or "")
        cited = [protocol.shown[name] for name in answer.cited_ids if name in protocol.shown]
        return Reply(answer.text, cited or list(protocol.shown.values()), problems)

    def _observation(self, phase: str) -> Observation:
        return Observation(phase, self._protocol.instruction(phase), tuple(self._protocol.state(phase)))

    def _play(
        self,
        phase: str,
        parse: Callable[[str], Parsed],
        fallback: Callable[[Observation], str],
        problems: list[str],
        instead: str,
    ) -> Parsed:
        """Return the agent's action, parsed; the fallback's if it cannot be used, and say what it does ``instead``."""
        observation = self._observation(phase)
        try:
            return parse(_usable(self._call(observation)))
        except ActionError as error:
            problems.append(f"{phase}: {error}; {instead}")
            return parse(fallback(observation))

    @contextmanager
    def _watched(self, phase: str) -> Iterator[None]:
        backend = None if self._watch is None else self.agent.parts[phase].backend
        if self._watch is None or backend is None:
            yield
            return
        with self._watch(phase) as listener:
            backend.listener = listener
            try:
                yield
            finally:
                backend.listener = None

    def _parse_plan(self, action: str) -> UpdatePlan:
        return self._protocol.parse_update(action).check()

    def _call(self, observation: Observation) -> Call:
        seed = ask_seed(self._seed, 0, 0, self._calls)
        self._calls += 1
        with self._watched(observation.phase):
            call = self.agent.play([str(observation)], [seed])[0]
            if isinstance(call, Exception):
                raise call
        return call


def _usable(call: Call) -> str:
    if call.action is None and spoken(call.trace) is None:
        raise ActionError(
            "the model's reasoning did not end, so it wrote no action: raise max_tokens, or switch reasoning off in "
            "the recipe, with Qwen3's template by template_options = { enable_thinking = false }"
        )
    if call.action is None:
        raise ActionError("the model wrote no action")
    return check_action(call.action)
