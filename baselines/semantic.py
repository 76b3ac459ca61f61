"""Remember what means the same as the question."""

from __future__ import annotations

import numpy as np

from memgym import Observation, PhasePolicy
from memgym.bank import CachedEmbedder, get_embedder
from memgym.operators.text import keep_best
from memgym.protocol.actions import to_json
from memgym.words import sentences


class Semantic(PhasePolicy):
    """Ranks by cosine similarity of embeddings: sentences of a long text within the budget, memories of a bank.

    Args:
        embedder: ``minilm`` (a sentence encoder, the extra ``minilm``), ``hash`` (hashed words, NumPy only: in a bank
            that is searched with them, too, the ranking is that of ``KeepAll``), or ``api:MODEL``.

    Raises:
        MissingExtraError: the embedder's extra is not installed.
    """

    def __init__(self, embedder: str = "minilm"):
        self._embedder = CachedEmbedder(get_embedder(embedder))

    def read(self, observation: Observation) -> str:
        """Keep the sentences nearest to the question."""
        lines = list(dict.fromkeys(sentences(observation.memory) + sentences(observation.section)))
        return keep_best(lines, self._similarity(observation.question, lines), observation)

    def retrieve(self, observation: Observation) -> str:
        """Order the memories by their similarity to the question."""
        memories = observation.memories
        scores = self._similarity(observation.question, [memory.text for memory in memories])
        return to_json([memories[i].id for i in np.argsort(-scores, kind="stable")])

    def _similarity(self, query: str, texts: list[str]) -> np.ndarray:
        if not texts:
            return np.zeros(0, dtype=np.float32)
        vectors = self._embedder.embed([query, *texts])
        return vectors[1:] @ vectors[0]
