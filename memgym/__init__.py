"""A Gymnasium suite for memory-augmented agents: text observations, text actions, named reward vectors.

Importing it registers the environments, so that ``gym.make("memgym/MemoryBank-v1")`` works.
"""

from memgym.operators.phase_policy import PhasePolicy
from memgym.policy import AsyncPolicy, Policy, StochasticPolicy, load_policy
from memgym.protocol.observation import PHASES, Block, Observation
from memgym.registration import make, register

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
]
__version__ = "0.1.0"

register()
