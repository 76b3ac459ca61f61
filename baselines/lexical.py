"""Remember what shares words with the question."""

from __future__ import annotations

import numpy as np

from memgym import Observation, PhasePolicy, operators
from memgym.operators.text import bm25
from memgym.protocol.actions import to_json


class Lexical(PhasePolicy):
    """Ranks what it stored by BM25: sentences of a long text within the budget, memories of a bank."""

    def read(self, observation: Observation) -> str:
        """Keep the sentences most like the question."""
        return operators.lexical(observation)

    def retrieve(self, observation: Observation) -> str:
        """Order the memories by their BM25 score for the question."""
        memories = observation.memories
        if not memories:
            return "[]"
        scores = bm25(observation.question, [memory.text for memory in memories])
        return to_json([memories[i].id for i in np.argsort(-scores, kind="stable")])
