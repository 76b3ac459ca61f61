"""The ceiling: what a policy that knows the gold can score."""

from __future__ import annotations

import json

from memgym import Observation, PhasePolicy, operators
from memgym.protocol.actions import to_json


class Oracle(PhasePolicy):
    """Plays by the ``<gold>`` block of environments made with ``reveal_gold=True``.

    It keeps what the answers follow from, stores the turns that are evidence, selects the memories that rest on them,
    and gives the gold answer.
    """

    privileged = True

    def read(self, observation: Observation) -> str:
        """Keep what the answers follow from."""
        return "\n".join(read_gold(observation)["statements"])

    def extract(self, observation: Observation) -> str:
        """Extract the turns that are evidence for a question."""
        evidence = read_gold(observation)["evidence"]
        items = [
            {"value": f"{turn.attributes['speaker']}: {turn.text}", "source": [turn.id]}
            for turn in observation.turns
            if turn.id in evidence
        ]
        return to_json({"memory_list": items})

    def update(self, observation: Observation) -> str:
        """Add the candidates that state a gold fact or are evidence for a question."""
        return to_json({"operations": [{"id": name, "op": "ADD"} for name in read_gold(observation)["relevant"]]})

    def retrieve(self, observation: Observation) -> str:
        """Select the memories that rest on evidence."""
        return to_json(read_gold(observation)["relevant"])

    def answer(self, observation: Observation) -> str:
        """Give the gold answer, citing everything."""
        cited = [memory.id for memory in observation.memories if memory.id]
        return operators.write_answer(observation, ", ".join(_given(read_gold(observation))), cited)


def read_gold(observation: Observation) -> dict:
    """Return the content of the privileged channel."""
    block = observation.first("gold")
    if block is None:
        raise ValueError("Oracle needs an environment made with reveal_gold=True")
    return json.loads(block.text)


def _given(gold: dict) -> list[str]:
    return gold["answers"] if gold["match"] == "all" else gold["answers"][:1]
