"""What plays: a policy maps an observation text to an action text and keeps no state of its own."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence

from memgym.errors import ConfigError
from memgym.resolve import resolve_class


class Policy(ABC):
    """A function of the observation text. The environment holds the memory.

    Attributes:
        privileged: whether the policy reads the ``<gold>`` block. Such a policy is played in environments made with
            ``reveal_gold=True``; it is a ceiling, not a competitor, and is marked so wherever results are shown.
    """

    privileged: bool = False

    def reset(self, seed: int | None = None) -> None:
        """Seed whatever is random in the policy. Deterministic policies ignore it."""

    @abstractmethod
    def act(self, observation: str) -> str:
        """Return the action for one observation."""

    def act_many(self, observations: Sequence[str]) -> list[str]:
        """Return the actions for a batch of observations; override it where a batch is cheaper than a loop."""
        return [self.act(observation) for observation in observations]


def policy_class(entry_point: str, **options: object) -> type[Policy]:
    """Import ``module:Class`` and check that the class takes the options.

    Raises:
        ConfigError: the entry point cannot be imported, is no :class:`Policy`, or does not take the options.
    """
    cls: type[Policy] = resolve_class("policy", entry_point, Policy)
    try:
        inspect.signature(cls).bind(**options)
    except TypeError as error:
        raise ConfigError(f"policy {entry_point!r}: {error}") from None
    return cls


def load_policy(entry_point: str, **options: object) -> Policy:
    """Import ``module:Class`` and create the policy.

    Raises:
        ConfigError: as for :func:`policy_class`.
    """
    return policy_class(entry_point, **options)(**options)
