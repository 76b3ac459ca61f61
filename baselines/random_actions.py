"""Valid actions without sense: the floor."""

from __future__ import annotations

import numpy as np

from memgym import Observation, StochasticPolicy
from memgym.operators.reading import write_answer
from memgym.protocol.actions import to_json

_LETTERS = list("abcdefghijklmnopqrstuvwxyz")


class Random(StochasticPolicy):
    """Writes random words wherever the action is text, and draws ids and operations at random."""

    def act(self, observation: str, seed: int = 0) -> str:
        """Draw an action of the observation's phase."""
        parsed = Observation.parse(observation)
        return str(getattr(self, parsed.phase)(parsed, np.random.default_rng(seed)))

    def read(self, observation: Observation, rng: np.random.Generator) -> str:
        """Remember twenty random words."""
        return _words(rng, 20)

    def extract(self, observation: Observation, rng: np.random.Generator) -> str:
        """Extract up to three memories of random words."""
        return to_json({"memory_list": [{"value": _words(rng, 8)} for _ in range(rng.integers(4))]})

    def update(self, observation: Observation, rng: np.random.Generator) -> str:
        """Add each candidate or not, delete each memory shown or not."""
        plan = [{"id": new.id, "op": str(rng.choice(["ADD", "NOOP"]))} for new in observation.candidates]
        plan += [{"id": old.id, "op": str(rng.choice(["DELETE", "NOOP"]))} for old in observation.memories]
        return to_json({"operations": plan})

    def retrieve(self, observation: Observation, rng: np.random.Generator) -> str:
        """Shuffle the memories."""
        ids = [memory.id for memory in observation.memories]
        return to_json([ids[i] for i in rng.permutation(len(ids))])

    def answer(self, observation: Observation, rng: np.random.Generator) -> str:
        """Answer with a random word."""
        return write_answer(observation, _words(rng, 1))


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join("".join(rng.choice(_LETTERS, size=rng.integers(2, 9))) for _ in range(count))
