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
        """Extract, for each question, the turns that are evidence for it, under the question as their key."""
        lines = {turn.id: f"{turn.attributes['speaker']}: {turn.text}" for turn in observation.turns}
        items = [
            {"key": question, "value": "\n".join(lines[turn] for turn in turns), "source": turns}
            for question, turns in read_gold(observation)["asked"].items()
        ]
        return to_json({"memory_list": items})

    def update(self, observation: Observation) -> str:
        """Put what is evidence behind what is known for the same question; add what else states a gold fact."""
        relevant = read_gold(observation)["relevant"]
        known = {memory.attributes.get("key", ""): memory for memory in observation.memories}
        operations = []
        for candidate in observation.candidates:
            key = candidate.attributes.get("key", "")
            if candidate.id in relevant and key and key in known:
                value = f"{known[key].text}\n{candidate.text}"
                operations.append({"id": known.pop(key).id, "op": "UPDATE", "value": value})
            elif candidate.id in relevant:
                operations.append({"id": candidate.id, "op": "ADD"})
        return to_json({"operations": operations})

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
