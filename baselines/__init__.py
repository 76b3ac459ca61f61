"""Non-LLM policies, one file each. They need no torch, and act on the observation text; two of them see the gold.

:class:`MaskedPPO` and :class:`SlateBandit` were trained by reinforcement; each file trains, too, when it is run.
"""

from baselines.diarist import Diarist
from baselines.finder import Finder
from baselines.keep_all import KeepAll
from baselines.keeper import Keeper
from baselines.lexical import Lexical
from baselines.log_reader import LogReader
from baselines.masked_ppo import MaskedPPO
from baselines.needle_matcher import NeedleMatcher
from baselines.no_memory import NoMemory
from baselines.oracle import Oracle
from baselines.random_actions import Random
from baselines.recency import Recency
from baselines.researcher import Researcher
from baselines.rules import Rules
from baselines.scribe import Scribe
from baselines.semantic import Semantic
from baselines.slate_bandit import SlateBandit
from baselines.specialist import Specialist
from baselines.valet import Valet
from baselines.variable_tracer import VariableTracer
from baselines.word_counter import WordCounter

__all__ = [
    "Diarist",
    "Finder",
    "KeepAll",
    "Keeper",
    "Lexical",
    "LogReader",
    "MaskedPPO",
    "NeedleMatcher",
    "NoMemory",
    "Oracle",
    "Random",
    "Recency",
    "Researcher",
    "Rules",
    "Scribe",
    "Semantic",
    "SlateBandit",
    "Specialist",
    "Valet",
    "VariableTracer",
    "WordCounter",
]
