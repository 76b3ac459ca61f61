"""Agents for memgym: modules, model backends, rollout collection and training recipes.

The agents are policies of memgym: ``memgym evaluate memagents:MemoryAgent --recipe my.toml``. Whoever writes an agent,
a module or a backend finds here what to derive it from; recipes and commands name it as ``module:Class``.
"""

from memagents.agents import (
    Agent,
    MemActAgent,
    MemoryAgent,
    MemoryR1Agent,
    MemoryRMMAgent,
    PromptedAgent,
    load_agent,
)
from memagents.backends.base import Backend, TrainableBackend
from memagents.modules.base import Module
from memagents.modules.text import TextModule

__all__ = [
    "Agent",
    "Backend",
    "MemActAgent",
    "MemoryAgent",
    "MemoryR1Agent",
    "MemoryRMMAgent",
    "Module",
    "PromptedAgent",
    "TextModule",
    "TrainableBackend",
    "load_agent",
]
