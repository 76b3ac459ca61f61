"""What plays: a policy maps an observation text to an action text and keeps no state of its own."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module

from memgym import operators
from memgym.errors import ConfigError
from memgym.observation import Observation


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


class PhasePolicy(Policy):
    """A policy with one method per phase; override those that matter.

    The defaults are the environment's own operators: keep what was read last, extract every turn verbatim, add all
    candidates, leave the order of the retrieved memories, answer with the span that fits best.
    """

    def act(self, observation: str) -> str:
        """Parse the observation and call the method named like its phase."""
        parsed = Observation.parse(observation)
        return getattr(self, parsed.phase)(parsed)

    def read(self, observation: Observation) -> str:
        """Return the new memory, which replaces the old one."""
        return operators.recent(observation)

    def extract(self, observation: Observation) -> str:
        """Return the memories worth keeping of a session, as JSON (see ``memgym.actions.ACTION_SCHEMAS``)."""
        return operators.verbatim(observation)

    def update(self, observation: Observation) -> str:
        """Return the operations on the bank, as JSON."""
        return operators.add_all(observation)

    def retrieve(self, observation: Observation) -> str:
        """Return the ids of the useful memories, best first, as a JSON list."""
        return operators.top_k(observation)

    def answer(self, observation: Observation) -> str:
        """Return the answer to the question."""
        return operators.extractive(observation)


def policy_class(entry_point: str, **options: object) -> type[Policy]:
    """Import ``module:Class`` and check that the class takes the options.

    Raises:
        ConfigError: the entry point cannot be imported, is no :class:`Policy`, or does not take the options.
    """
    module, _, name = entry_point.partition(":")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:  # TypeError: a relative name
        raise ConfigError(f"cannot load policy {entry_point!r} (module:Class): {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Policy)):
        raise ConfigError(f"{entry_point!r} is not a subclass of memgym.Policy")
    if inspect.isabstract(cls):
        lacking = ", ".join(sorted(cls.__abstractmethods__))
        raise ConfigError(f"policy {entry_point!r} is abstract: it lacks {lacking}()")
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
