"""Agents: policies made of modules and backends."""

from __future__ import annotations

from memagents.agents.base import AGENTS, Agent, Part, agent_class, load_agent
from memagents.agents.paradigms import MemActAgent, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, PromptedAgent

__all__ = [
    "AGENTS",
    "Agent",
    "MemActAgent",
    "MemoryAgent",
    "MemoryR1Agent",
    "MemoryRMMAgent",
    "Part",
    "PromptedAgent",
    "agent_class",
    "load_agent",
]
