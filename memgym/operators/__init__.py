"""Operators: how the environment plays the phases that the agent does not play.

An operator maps a parsed observation to an action, exactly as an agent would, so a phase has one code path whoever
plays it. Operators are named by strings in make-kwargs (``extractor=``, ``updater=``, …); ``module:Class`` names any
:class:`memgym.Policy` instead, so that a frozen policy can play the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memgym.errors import ConfigError
from memgym.operators.extracting import extractive
from memgym.operators.managing import add_all, deduplicate, nothing, oldest_first, top_k, verbatim
from memgym.operators.memorizing import first, forget, lexical, recent
from memgym.operators.reading import supported, write_answer
from memgym.policy import Policy, load_policy
from memgym.protocol.observation import Observation
from memgym.resolve import check_name

__all__ = [
    "OPERATORS",
    "PhaseOperator",
    "add_all",
    "check_operator",
    "deduplicate",
    "extractive",
    "first",
    "forget",
    "get_operator",
    "lexical",
    "nothing",
    "oldest_first",
    "recent",
    "supported",
    "top_k",
    "verbatim",
    "write_answer",
]


@dataclass(frozen=True)
class PhaseOperator:
    """Plays a phase for the environment.

    Args:
        play: parsed observation to action.
        privileged: whether it reads the ``<gold>`` block; the environment shows it to such an operator only.
        waits: whether it waits on a network.
    """

    play: Callable[[Observation], str]
    privileged: bool = False
    waits: bool = False


OPERATORS: dict[str, dict[str, PhaseOperator]] = {
    "read": {
        "first": PhaseOperator(first),
        "forget": PhaseOperator(forget),
        "lexical": PhaseOperator(lexical),
        "recent": PhaseOperator(recent),
    },
    "extract": {"nothing": PhaseOperator(nothing), "verbatim": PhaseOperator(verbatim)},
    "update": {"add_all": PhaseOperator(add_all), "deduplicate": PhaseOperator(deduplicate)},
    "retrieve": {"oldest_first": PhaseOperator(oldest_first), "top_k": PhaseOperator(top_k)},
    "answer": {"supported": PhaseOperator(supported, privileged=True), "extractive": PhaseOperator(extractive)},
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
    check_name(f"{ROLES[phase]}", name, OPERATORS[phase])


def get_operator(phase: str, name: str) -> PhaseOperator:
    """Return the operator of ``phase`` called ``name``: one of ours, ``api:MODEL``, or ``module:Class`` of a policy.

    Raises:
        ConfigError: there is no such operator, or ``module:Class`` cannot be imported or is no policy.
    """
    check_operator(phase, name)
    if name in OPERATORS[phase]:
        return OPERATORS[phase][name]
    if phase == "answer" and name.startswith("api:"):
        from memgym.operators.api_reader import ApiReader

        return PhaseOperator(ApiReader(name.removeprefix("api:")), waits=True)
    policy = load_policy(name)
    if policy.privileged:
        raise ConfigError(f"{name!r} reads the gold answers: it cannot play a part of the environment")
    return PhaseOperator(_PlayedBy(policy), waits=policy.waits)


@dataclass(frozen=True)
class _PlayedBy:
    """A policy as an operator."""

    policy: Policy

    def __call__(self, observation: Observation) -> str:
        return self.policy.act(str(observation))
