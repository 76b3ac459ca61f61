"""Valid actions without sense: the floor."""

from __future__ import annotations

import re
import zlib

import numpy as np

from memgym import Observation, PhasePolicy
from memgym.actions import to_json
from memgym.operators.reading import ABSTENTION, write_answer
from memgym.operators.text import keep_best, sentences


class Random(PhasePolicy):
    """Draws a valid action: random sentences, turns, operations, orders, and words for answers.

    What is drawn depends on the seed and the observation only, so that the policy keeps no state between calls.
    """

    def __init__(self) -> None:
        self._seed = 0

    def reset(self, seed: int | None = None) -> None:
        """Set the seed; None draws a fresh one."""
        self._seed = int(np.random.SeedSequence(seed).generate_state(1)[0])

    def read(self, observation: Observation) -> str:
        """Keep random sentences within the budget."""
        lines = sentences(observation.memory) + sentences(observation.section)
        return keep_best(lines, self._rng(observation).random(len(lines)), observation)

    def extract(self, observation: Observation) -> str:
        """Extract every second turn on average."""
        rng = self._rng(observation)
        kept = [turn for turn in observation.turns if turn.text.strip() and rng.random() < 0.5]
        return to_json({"memory_list": [{"value": turn.text, "source": [turn.id]} for turn in kept]})

    def update(self, observation: Observation) -> str:
        """Add or drop each candidate, delete each memory shown with a small chance."""
        rng = self._rng(observation)
        added = [{"id": c.id, "op": "ADD" if rng.random() < 0.5 else "NOOP"} for c in observation.candidates]
        deleted = [{"id": m.id, "op": "DELETE"} for m in observation.memories if rng.random() < 0.1]
        return to_json({"operations": added + deleted})

    def retrieve(self, observation: Observation) -> str:
        """Shuffle the memories."""
        ids = [memory.id for memory in observation.memories]
        return to_json([ids[i] for i in self._rng(observation).permutation(len(ids))])

    def answer(self, observation: Observation) -> str:
        """Answer with a word of the memory."""
        words = re.findall(r"\w+", observation.memory)
        return write_answer(observation, str(self._rng(observation).choice(words)) if words else ABSTENTION)

    def _rng(self, observation: Observation) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(str(observation).encode())])
