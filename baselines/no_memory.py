"""Remember nothing: what can be had without a memory."""

from __future__ import annotations

from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.scoring.abstention import ABSTENTION


class NoMemory(PhasePolicy):
    """Keeps nothing, stores nothing, and answers that it does not know."""

    def read(self, observation: Observation) -> str:
        """Forget the section."""
        return ""

    def extract(self, observation: Observation) -> str:
        """Extract nothing."""
        return '{"memory_list": []}'

    def update(self, observation: Observation) -> str:
        """Leave the bank as it is."""
        return '{"operations": []}'

    def retrieve(self, observation: Observation) -> str:
        """Select nothing."""
        return "[]"

    def answer(self, observation: Observation) -> str:
        """Say that the answer is unknown."""
        return write_answer(observation, ABSTENTION)
