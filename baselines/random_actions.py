"""Valid actions without sense: the floor."""

from __future__ import annotations

import zlib

import numpy as np

from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.protocol.actions import to_json

_LETTERS = list("abcdefghijklmnopqrstuvwxyz")


class Random(PhasePolicy):
    """Writes random words wherever the action is text, and draws ids and operations at random.

    What is drawn depends on the seed and the observation only, so that the policy keeps no state between calls.
    """

    def __init__(self) -> None:
        self._seed = 0

    def reset(self, seed: int | None = None) -> None:
        """Set the seed; None draws a fresh one."""
        self._seed = int(np.random.SeedSequence(seed).generate_state(1)[0])

    def read(self, observation: Observation) -> str:
        """Remember twenty random words."""
        return _words(self._rng(observation), 20)

    def extract(self, observation: Observation) -> str:
        """Extract up to three memories of random words."""
        rng = self._rng(observation)
        return to_json({"memory_list": [{"value": _words(rng, 8)} for _ in range(rng.integers(4))]})

    def update(self, observation: Observation) -> str:
        """Add each candidate or not, delete each memory shown or not."""
        rng = self._rng(observation)
        candidates = [
            {"id": candidate.id, "op": str(rng.choice(["ADD", "NOOP"]))} for candidate in observation.candidates
        ]
        memories = [{"id": memory.id, "op": str(rng.choice(["DELETE", "NOOP"]))} for memory in observation.memories]
        return to_json({"operations": candidates + memories})

    def retrieve(self, observation: Observation) -> str:
        """Shuffle the memories."""
        ids = [memory.id for memory in observation.memories]
        return to_json([ids[i] for i in self._rng(observation).permutation(len(ids))])

    def answer(self, observation: Observation) -> str:
        """Answer with a random word."""
        return write_answer(observation, _words(self._rng(observation), 1))

    def _rng(self, observation: Observation) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(str(observation).encode())])


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join("".join(rng.choice(_LETTERS, size=rng.integers(2, 9))) for _ in range(count))
