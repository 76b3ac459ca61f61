"""Operators: how the environment plays the phases that the agent does not play.

An operator maps a parsed observation to an action, exactly as an agent would, so a phase has one code path whoever
plays it. Operators are named by strings in make-kwargs (``extractor=``, ``updater=``, …); ``module:Class`` names any
:class:`memgym.Policy` instead, so that a frozen policy can play the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from memgym.errors import ConfigError, unknown
from memgym.operators.extracting import extractive
from memgym.operators.managing import add_all, deduplicate, top_k, verbatim
from memgym.operators.memorizing import first, lexical, recent
from memgym.operators.reading import contains, write_answer
from memgym.policy import load_policy
from memgym.protocol.observation import Observation

__all__ = [
    "OPERATORS",
    "Operator",
    "add_all",
    "check_operator",
    "contains",
    "deduplicate",
    "extractive",
    "first",
    "get_operator",
    "lexical",
    "recent",
    "top_k",
    "verbatim",
    "write_answer",
]

Operator = Callable[[Observation], str]

OPERATORS: dict[str, dict[str, Operator]] = {
    "read": {"first": first, "lexical": lexical, "recent": recent},
    "extract": {"verbatim": verbatim},
    "update": {"add_all": add_all, "deduplicate": deduplicate},
    "retrieve": {"top_k": top_k},
    "answer": {"contains": contains, "extractive": extractive},
}
"""Phase to name to operator. ``answer`` also takes ``api:MODEL``."""

ROLES = {
    "read": "memorizer",
    "extract": "extractor",
    "update": "updater",
    "retrieve": "retriever",
    "answer": "reader",
}
"""Phase to the make-argument that names its operator."""


def check_operator(phase: str, name: object) -> None:
    """Check a name by its form alone: nothing is imported, no endpoint asked.

    Raises:
        ConfigError: it can name no operator of ``phase``.
    """
    if not isinstance(name, str):
        raise ConfigError(f"{ROLES[phase]!r} must be the name of an operator, not {name!r}")
    if name not in OPERATORS[phase] and ":" not in name:
        raise unknown(ROLES[phase], name, [*OPERATORS[phase], "module:Class"])


def get_operator(phase: str, name: str) -> Operator:
    """Return the operator of ``phase`` called ``name``.

    Raises:
        ConfigError: there is no such operator, or ``module:Class`` cannot be imported or is no policy.
    """
    check_operator(phase, name)
    if name in OPERATORS[phase]:
        return OPERATORS[phase][name]
    if phase == "answer" and name.startswith("api:"):
        from memgym.operators.api_reader import ApiReader

        return ApiReader(name.removeprefix("api:"))
    return _policy_operator(name)


def _policy_operator(entry_point: str) -> Operator:
    policy = load_policy(entry_point)
    if policy.privileged:
        raise ConfigError(f"{entry_point!r} reads the gold answers: it cannot play a part of the environment")
    return lambda observation: policy.act(str(observation))
