"""An environment and an agent with a memory of its own show the same observations and keep the same bank."""

from __future__ import annotations

import json

import pytest

import memgym
from memagents.agents import Agent
from memagents.memory import AgentMemory
from memagents.modules import Call
from memgym.bank import MemoryBank
from memgym.registration import make


class Listening(memgym.PhasePolicy):
    """Plays all operations of the bank, cites what it answers from, and notes what it was shown."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def act(self, observation: str) -> str:
        self.seen.append(observation)
        return super().act(observation)

    def play(self, observations: list[str], seeds: list[int]) -> list[Call]:
        """Play as an agent does."""
        actions = [self.act(observation) for observation in observations]
        return [Call(action, action) for action in actions]

    def update(self, observation: memgym.Observation) -> str:
        plan = [{"id": candidate.id, "op": "ADD"} for candidate in observation.candidates]
        for number, memory in enumerate(observation.memories):
            if number % 3 == 0:
                plan.append({"id": memory.id, "op": "UPDATE", "value": f"{memory.text} (again)", "key": "seen"})
            elif number % 3 == 1:
                plan.append({"id": memory.id, "op": "DELETE"})
        return json.dumps({"operations": plan})

    def retrieve(self, observation: memgym.Observation) -> str:
        return json.dumps([memory.id for memory in reversed(observation.memories)])

    def answer(self, observation: memgym.Observation) -> str:
        return json.dumps({"answer": "x", "cited_ids": [memory.id for memory in observation.memories[:2]]})


@pytest.mark.parametrize(("task", "index"), [("persona", 0), ("persona", 7), ("conflict", 1), ("icl", 2)])
def test_the_same_dialogue_through_both(task: str, index: int) -> None:
    env = make("memgym/MemoryBank-v1", task=task, difficulty="easy", answer_format="json")
    player = Listening()
    observation, _ = env.reset(options={"index": index})
    done = False
    while not done:
        observation, _, done, _, info = env.step(player.act(observation))
        assert info["action_error"] == ""

    listener, bank = Listening(), MemoryBank()
    agent: Agent = listener  # an agent is used by its `play` alone
    memory = AgentMemory(agent, bank)
    for session in env.episode.dialogue():
        assert memory.ingest(session).problems == []
    for question in env.episode.questions:
        reply = memory.ask(question.text, question.time)
        assert len(reply.used) == 2
    assert listener.seen == player.seen
    assert bank.get_all() == env.bank.get_all()
    histories = [[kept.history(record.id) for record in kept.get_all()] for kept in (bank, env.bank)]
    assert histories[0] == histories[1]
    assert any(event.op == "UPDATE" for history in histories[0] for event in history)
