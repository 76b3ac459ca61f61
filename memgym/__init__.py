"""A Gymnasium suite for memory-augmented agents: text observations, text actions, named reward vectors.

Importing it registers the environments, so that ``gym.make("memgym/MemoryBank-v1")`` works.
"""

from typing import TYPE_CHECKING, Any

from memgym.operators.phase_policy import PhasePolicy
from memgym.policy import AsyncPolicy, Policy, StochasticPolicy, load_policy
from memgym.protocol.observation import PHASES, Block, Observation
from memgym.registration import make, register

if TYPE_CHECKING:
    from memgym.vector import make_vec

__all__ = [
    "PHASES",
    "AsyncPolicy",
    "Block",
    "Observation",
    "PhasePolicy",
    "Policy",
    "StochasticPolicy",
    "load_policy",
    "make",
    "make_vec",
]
__version__ = "0.1.0"

register()


def __getattr__(name: str) -> Any:
    """Import what takes longer once it is asked for."""
    if name == "make_vec":
        from memgym.vector import make_vec

        return make_vec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
