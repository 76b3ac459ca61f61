"""Non-LLM policies, one file each. They act on the observation text only (``Oracle`` apart) and need no torch."""

from baselines.keep_all import KeepAll
from baselines.lexical import Lexical
from baselines.no_memory import NoMemory
from baselines.oracle import Oracle
from baselines.random_actions import Random
from baselines.recency import Recency
from baselines.rules import Rules
from baselines.semantic import Semantic

__all__ = ["KeepAll", "Lexical", "NoMemory", "Oracle", "Random", "Recency", "Rules", "Semantic"]
