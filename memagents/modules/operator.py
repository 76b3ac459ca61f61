"""Phases that need no model: the environments' own operators as a module."""

from __future__ import annotations

from memagents.modules.base import Call, Module
from memgym.errors import ConfigError, unknown
from memgym.operators import OPERATORS
from memgym.protocol.observation import Observation


class Operator(Module):
    """Plays its phase by one of memgym's operators; there is nothing to train.

    Args:
        name: ``lexical``, ``recent``, ``first`` or ``forget`` (read), ``verbatim`` or ``nothing`` (extract),
            ``add_all`` or ``deduplicate`` (update), ``top_k`` or ``oldest_first`` (retrieve), ``extractive`` (answer).

    Raises:
        ConfigError: there is no such operator.
    """

    needs_backend = False
    trainable = False

    def __init__(self, name: str):
        if name not in _OPERATORS:
            raise unknown("operator", name, _OPERATORS)
        phase, self._operator = _OPERATORS[name]
        self.phases = (phase,)

    def inference(self, observation: Observation) -> Call:
        """Apply the operator."""
        action = self._operator(observation)
        return Call(action, action)

    def generate(self, observation: Observation, seed: int) -> Call:
        """Raise ConfigError: a rule cannot be trained."""
        raise ConfigError(f"{type(self).__name__} has nothing to train")

    rollout = generate


_OPERATORS = {
    name: (phase, operator.play)
    for phase, operators in OPERATORS.items()
    for name, operator in operators.items()
    if not operator.privileged
}
