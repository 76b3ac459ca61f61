"""Store everything: the first policy that any memory must beat."""

from __future__ import annotations

from memgym import Observation, PhasePolicy, operators


class KeepAll(PhasePolicy):
    """Keeps the text verbatim until the budget is full, stores every turn, and trusts the bank's own search."""

    def read(self, observation: Observation) -> str:
        """Append the section while there is room."""
        return operators.first(observation)
