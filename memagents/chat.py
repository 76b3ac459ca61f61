"""Talking with a person, and remembering it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from memagents.agents.base import Agent, Part
from memagents.dialogues import session_digest
from memagents.memory import AgentMemory, Ingested, Reply, Watch
from memagents.modules.answerer import Answerer
from memagents.modules.text import TextModule
from memgym.bank import MemoryBank
from memgym.episodes import Session, Turn

PERSON, ASSISTANT = "User", "Assistant"


@dataclass
class Conversation:
    """One session with a person. What is said is remembered when it ends.

    Args:
        agent: its ``answer`` module's model replies; its other modules remember.
        bank: what is remembered of earlier sessions.
        time: when the conversation takes place; it names the session.
        person: how the person is called in the memories.
        seed: of all sampling.
        watch: see :class:`~memagents.memory.AgentMemory`.
    """

    agent: Agent
    bank: MemoryBank
    time: str
    person: str = PERSON
    seed: int = 0
    watch: Watch | None = None
    turns: list[Turn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._memory = AgentMemory(_talkative(self.agent), self.bank, self.seed, self.watch)

    def say(self, text: str) -> Reply:
        """Reply to what the person says."""
        before = list(self.turns)
        self._hear(self.person, text)  # even if there is no reply
        reply = self._memory.ask(text, self.time, before)
        self._hear(ASSISTANT, reply.text)
        return reply

    def end(self) -> Ingested:
        """Ingest the session; nothing changes if nobody said anything, or the bank has had it before."""
        session = self.session()
        digest = session_digest(session)
        if not session.turns or digest in self.bank.marks:
            return Ingested([], [])
        ingested = self._memory.ingest(session)
        self.bank.mark(digest)
        return ingested

    def session(self) -> Session:
        """Return what was said so far."""
        return Session(self.time, self.time, tuple(turn for turn in self.turns if turn.text))

    def _hear(self, speaker: str, text: str) -> None:
        self.turns.append(Turn(f"{self.time}:{len(self.turns) + 1}", speaker, text))


def _talkative(agent: Agent) -> Agent:
    """Return the agent with a talker in place of the answerer, who is terse; how it samples is as the recipe says."""
    answerer = agent.parts["answer"]
    if not isinstance(answerer.module, TextModule):
        return agent
    like = answerer.module.sampling
    talker = Answerer("plain", "chat", like.max_tokens, like.temperature, like.top_p, like.top_k)
    twin = copy.copy(agent)
    twin.parts = {**agent.parts, "answer": Part(talker, answerer.backend, "frozen")}
    return twin
