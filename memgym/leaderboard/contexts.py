"""What is memory worth? The same model answers with the whole text before it, or with nothing.

Both are rows beside those that remember, without a rank. The policy plays the phase ``answer`` alone: rules keep
everything, or nothing, and no budget binds.
"""

from __future__ import annotations

from typing import Any, Literal

from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError

Context = Literal["full", "none"]
CONTEXTS: dict[Context, str] = {"full": "full context", "none": "closed book"}
"""What stands before whoever answers in place of a memory, and how such a row is called."""
_ALL = 1 << 40
"""More than any text has."""


def context_kwargs(env: MemoryEnv, context: Context) -> dict[str, Any]:
    """Return the arguments by which an environment shows everything, or nothing, to whoever answers.

    Args:
        env: as it is played with a memory.
        context: a key of :data:`CONTEXTS`.

    Raises:
        ConfigError: the policy does not answer in this environment.
    """
    if "answer" not in env.phases:
        raise ConfigError(
            f"no answer is asked for, so there is no {CONTEXTS[context]}: take a suite in which the policy answers, "
            "such as answers-v2"
        )
    if "read" in env.all_phases:
        keeps = {"memorizer": "first" if context == "full" else "forget", "section_tokens": _ALL}
        return {**keeps, "phases": ["answer"], "memory_tokens": _ALL}
    keeps = {"extractor": "verbatim" if context == "full" else "nothing", "updater": "add_all"}
    shows = {"retriever": "oldest_first", "retrieve_k": _ALL, "answer_k": _ALL, "answer_tokens": _ALL}
    return {**keeps, **shows, "phases": ["answer"], "memory_tokens": None}
