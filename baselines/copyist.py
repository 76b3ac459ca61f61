"""Copy what is read: exercise for a model that has to learn what belongs together."""

from __future__ import annotations

from baselines.finder import Finder
from memgym import Observation
from memgym.operators.text import sentences


class Copyist(Finder):
    """Keeps all sentences of the section, in any order; answers from the last one that mentions the thing asked for.

    A model that imitates it must find, for each sentence that it has begun, how it goes on: an exercise in recall with
    as many parts as there are sentences. What is drawn depends on the seed and the observation only.
    """

    def read(self, observation: Observation) -> str:
        """Write the sentences of the section in random order."""
        lines = sentences(observation.section)
        return "\n".join([lines[i] for i in self._rng(observation).permutation(len(lines))])
