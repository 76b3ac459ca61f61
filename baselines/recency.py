"""Remember what came last."""

from __future__ import annotations

from memgym import Observation, PhasePolicy
from memgym.protocol.actions import to_json


class Recency(PhasePolicy):
    """Keeps the end of the text; of the memories found, prefers the newest.

    Args:
        n: how many of the newest memories to read.
    """

    def __init__(self, n: int = 5):
        self.n = n

    def retrieve(self, observation: Observation) -> str:
        """Select the ``n`` newest memories, the newest first."""
        newest_first = sorted(observation.memories, key=lambda memory: int(memory.id[1:]), reverse=True)
        return to_json([memory.id for memory in newest_first[: self.n]])
