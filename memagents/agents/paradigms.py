"""The paradigms: which module plays which phase, unless a recipe says otherwise.

Every agent plays every phase, so that all of them stand on the same leaderboard. What a paradigm has no module for is
played by the environments' own operators.
"""

from __future__ import annotations

from memagents.agents.base import Agent

_READ = {"module": "RecurrentMemory"}
_VERBATIM = {"module": "Operator", "name": "verbatim"}


class MemoryR1Agent(Agent):
    """A memory manager and an answerer, trained apart or together (Memory-R1, arXiv 2508.19828).

    The manager (``update``) decides on operations for the extracted facts; the answerer copies the useful memories
    before it answers.
    """

    modules = {  # noqa: RUF012
        "read": _READ,
        "extract": {"module": "NaiveExtractor"},
        "update": {"module": "NaiveUpdater"},
        "retrieve": {"module": "NaiveRetriever"},
        "answer": {"module": "Answerer", "style": "distill"},
    }
    default_recipe = "memory_r1"


class MemoryAgent(Agent):
    """One policy that rewrites its memory section by section and then answers (MemAgent, arXiv 2507.02259)."""

    modules = {  # noqa: RUF012
        "read": _READ,
        "extract": _VERBATIM,
        "update": {"module": "Operator", "name": "deduplicate"},
        "retrieve": {"module": "NaiveRetriever"},
        "answer": {"module": "Answerer", "style": "boxed"},
    }
    default_recipe = "memory_agent"


class MemoryRMMAgent(Agent):
    """Reflective memory management (RMM, arXiv 2503.08026).

    Prospective: topics are summarised at the end of a session and merged with their neighbours. Retrospective: a
    reranker, :class:`~memagents.modules.linear_reranker.LinearReranker` or ``RerankRetriever``, learns from the
    answers, which cite what they rest on.
    """

    modules = {  # noqa: RUF012
        "read": _READ,
        "extract": {"module": "NaiveExtractor", "prompt": "extract_topics"},
        "update": {"module": "NaiveUpdater", "prompt": "update_merge"},
        "retrieve": {"module": "LinearReranker"},
        "answer": {"module": "Answerer", "style": "cite"},
    }
    default_recipe = "memory_rmm"


class PromptedAgent(Agent):
    """Zero-shot: one model plays every phase, and what the environment says to do is the whole prompt."""

    modules = {  # noqa: RUF012
        "read": {"module": "Prompted"},
        "extract": {"module": "Prompted"},
        "update": {"module": "Prompted"},
        "retrieve": {"module": "Prompted"},
        "answer": {"module": "Prompted"},
    }
    default_recipe = "prompted"


class MemActAgent(Agent):
    """Context pruning as an action (MemAct, arXiv 2510.12635).

    The turns enter the context as records as they were said; in ``update`` the agent prunes and rewrites records, and
    the bank holds them.
    """

    modules = {  # noqa: RUF012
        "read": _READ,
        "extract": _VERBATIM,
        "update": {"module": "ContextEditor"},
        "retrieve": {"module": "NaiveRetriever"},
        "answer": {"module": "Answerer"},
    }
    default_recipe = "memact"
