"""Keep the sentence that tells where the thing asked for is: solves ``whereabouts``."""

from __future__ import annotations

import re
import zlib

import numpy as np

from memgym import Observation, PhasePolicy
from memgym.operators.reading import ABSTENTION, write_answer
from memgym.operators.text import sentences

_THING = re.compile(r"\bthe (\w+)")
_PLACE = re.compile(r"(\w+)\W*\Z")


class Finder(PhasePolicy):
    """Keeps one sentence that mentions the thing asked for, and answers with its last word.

    Args:
        newest: whether it keeps the newest such sentence, as it should; else any of them, drawn at random: it then
            knows what is asked for, but not that later news overtake earlier ones. What is drawn depends on the seed
            and the observation only.
    """

    def __init__(self, newest: bool = True):
        self.newest = newest
        self._seed = 0

    def reset(self, seed: int | None = None) -> None:
        """Set the seed; None draws a fresh one."""
        self._seed = int(np.random.SeedSequence(seed).generate_state(1)[0])

    def read(self, observation: Observation) -> str:
        """Keep a sentence of the memory or the section; without a mention, what there was."""
        found = _mentions(observation, observation.memory) + _mentions(observation, observation.section)
        if not found:
            return observation.memory
        return found[-1 if self.newest else self._rng(observation).integers(len(found))]

    def answer(self, observation: Observation) -> str:
        """Answer with the last word of the last sentence of the memory that mentions the thing."""
        found = _mentions(observation, observation.memory)
        place = _PLACE.search(found[-1] if found else observation.memory)
        return write_answer(observation, place[1] if place else ABSTENTION)

    def _rng(self, observation: Observation) -> np.random.Generator:
        seen = "\n".join([observation.question, observation.memory, observation.section])
        return np.random.default_rng([self._seed, zlib.crc32(seen.encode())])


def _mentions(observation: Observation, text: str) -> list[str]:
    """Return the sentences of a text that mention the thing asked for."""
    thing = _THING.search(observation.question)
    if not thing:
        return []
    return [line for line in sentences(text) if re.search(rf"\b{thing[1]}\b", line)]
