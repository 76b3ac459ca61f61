"""A module: plays one phase of an agent. This one needs no language model; one that does derives from TextModule."""

from __future__ import annotations

from memagents.modules import Call, Module
from memgym import Observation
from memgym.errors import ConfigError


class Digits(Module):
    """Keeps the lines with a digit in them, the newest first.

    Args:
        lines: how many.
    """

    phases = ("read",)
    needs_backend = False
    trainable = False

    def __init__(self, lines: int = 8):
        self.lines = lines

    def inference(self, observation: Observation) -> Call:
        """Return the new memory."""
        heard = f"{observation.section}\n{observation.memory}".splitlines()
        memory = "\n".join([line for line in heard if any(map(str.isdigit, line))][: self.lines])
        return Call(action=memory, trace=memory)

    def generate(self, observation: Observation) -> Call:
        """Raise ConfigError: a rule cannot be trained."""
        raise ConfigError("Digits has nothing to train")

    rollout = generate
