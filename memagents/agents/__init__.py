"""Agents: policies made of modules and backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memagents.agents.base import Agent, Part
from memagents.agents.paradigms import MemActAgent, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, PromptedAgent
from memagents.backends.base import Backend
from memagents.recipes import read_recipe
from memgym.errors import unknown

__all__ = [
    "AGENTS",
    "Agent",
    "MemActAgent",
    "MemoryAgent",
    "MemoryR1Agent",
    "MemoryRMMAgent",
    "Part",
    "PromptedAgent",
    "load_agent",
]

AGENTS: dict[str, type[Agent]] = {
    cls.__name__: cls for cls in (MemActAgent, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, PromptedAgent)
}
"""Class name, as recipes write it, to the class."""


def load_agent(recipe: str | Mapping[str, Any], backends: Mapping[str, Backend] | None = None) -> Agent:
    """Create the agent of the class that a recipe names.

    Raises:
        ConfigError, MissingExtraError: as for :class:`Agent`.
    """
    read = read_recipe(recipe)
    if read.agent not in AGENTS:
        raise unknown(f"agent in {read.name}:", read.agent, AGENTS)
    return AGENTS[read.agent](recipe, backends)
