"""Agents for memgym: modules, model backends, rollout collection and training recipes.

The agents are policies of memgym: ``memgym evaluate memagents:MemoryAgent --policy-set recipe=my.toml``.
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

__all__ = [
    "Agent",
    "MemActAgent",
    "MemoryAgent",
    "MemoryR1Agent",
    "MemoryRMMAgent",
    "PromptedAgent",
    "load_agent",
]
