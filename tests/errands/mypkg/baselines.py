"""A baseline: a policy with a method for each phase that it plays in its own way."""

from __future__ import annotations

import memgym


class Matching(memgym.PhasePolicy):
    """Keeps the lines that share a long word with the question.

    Args:
        letters: how many a word must have to count.
    """

    def __init__(self, letters: int = 3):
        self.letters = letters

    def read(self, observation: memgym.Observation) -> str:
        """Keep what matches the question."""
        asked = {word for word in observation.question.split() if len(word) >= self.letters}
        lines = f"{observation.memory}\n{observation.section}".splitlines()
        best = max(lines, key=lambda line: len(asked & {*line.split()}))
        return best[: 4 * observation.budget]
