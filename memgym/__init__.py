"""A Gymnasium suite for memory-augmented agents: text observations, text actions, named reward vectors.

Importing it registers the environments, so that ``gym.make("memgym/MemoryBank-v0")`` works.
"""

from memgym.operators.phase_policy import PhasePolicy
from memgym.policy import Policy, load_policy
from memgym.protocol.observation import PHASES, Block, Observation
from memgym.registration import register

__all__ = ["PHASES", "Block", "Observation", "PhasePolicy", "Policy", "load_policy"]
__version__ = "0.1.0"

register()
