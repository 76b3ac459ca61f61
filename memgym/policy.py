"""What plays: a policy is a function of an observation text, and of a seed if it draws; it keeps no state."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from memgym.errors import ConfigError
from memgym.resolve import resolve_class

if TYPE_CHECKING:
    import gymnasium as gym


CALLS, EMPTY_REPLIES = "calls", "empty_replies"
"""In a move's usage: how often a served model was asked, and how often nothing came. Of nothing else, a run fails."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a policy is asked in one step of an episode.

    Args:
        observation: the text.
        seed: of whatever is random in the move. It follows from the run's seed, the trial, the episode and the step,
            so it does not matter beside what, or in which process, the ask is played.
        trial: how often the episode was played before.
        index: of the episode in its split.
        step: how many steps came before.
    """

    observation: str
    seed: int = 0
    trial: int = 0
    index: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What a policy answers.

    Args:
        action: the text; None where a model wrote nothing that is an action, which is played as a bad one.
        usage: what the call cost, as the server tells it, e.g. ``{"prompt_tokens": 812, "completion_tokens": 40}``;
            beside that :data:`CALLS`, and :data:`EMPTY_REPLIES` where the model said nothing, by whoever asked it.
        row: what is learned from the call, for whoever collects.
        messages: the chat that a model was asked to go on with, if one was.
        text: all that it wrote, reasoning included.
    """

    action: str | None
    usage: Mapping[str, int] | None = None
    row: Mapping[str, Any] | None = None
    messages: Sequence[Mapping[str, str]] | None = None
    text: str | None = None


class Policy(ABC):
    """A function of the observation text. The environment holds the memory.

    Attributes:
        privileged: whether the policy reads the ``<gold>`` block. Such a policy is played in environments made with
            ``reveal_gold=True``; it is a ceiling, not a competitor, and is marked so wherever results are shown.
        waits: whether :meth:`act` waits on a network rather than computes. It is then called for each episode by
            itself, from threads; else all running episodes are put together into one call of :meth:`act_many`.
        path_options: the class's arguments that name a file, a folder or a host: they are its user's to name, and are
            not taken from a result file of others.
    """

    privileged: bool = False
    waits: bool = False
    path_options: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def fingerprint(cls, **options: Any) -> str | None:
        """Return a hash of the files that the class's arguments name, None if they name none; loads nothing heavy.

        It is asked for before anything is played, and an evaluation is resumed only while it stays the same.

        Raises:
            ConfigError: an argument does not fit.
        """
        return None

    @classmethod
    def claims(cls, **options: Any) -> dict[str, Any]:
        """Return what a record tells of the class's arguments: all, but what is only this machine's (an address)."""
        return options

    def costs(self, env: gym.Env, episodes: int) -> str:
        """Return in words what it costs to play so many episodes of ``env``, told before they start; "" if little."""
        return ""

    @abstractmethod
    def act(self, observation: str) -> str:
        """Return the action for one observation."""

    def act_many(self, observations: Sequence[str]) -> Sequence[str | None]:
        """Return the actions for a batch of observations; override it where a batch is cheaper than a loop."""
        return [self.act(observation) for observation in observations]

    def move_many(self, asks: Sequence[Ask]) -> Sequence[Move | Exception]:
        """Return what :meth:`act_many` does, with what is known of each call; in place of one that failed, why."""
        return [Move(action) for action in self.act_many([ask.observation for ask in asks])]


class StochasticPolicy(Policy):
    """A policy that draws: all that is random in an action follows from the seed that comes with the observation."""

    @abstractmethod
    def act(self, observation: str, seed: int = 0) -> str:
        """Return the action for one observation."""

    def act_many(self, observations: Sequence[str], seeds: Sequence[int] | None = None) -> Sequence[str | None]:
        """Return the actions for a batch of observations, each with a seed of its own (0 without any)."""
        seeds = [0] * len(observations) if seeds is None else seeds
        return [self.act(observation, seed) for observation, seed in zip(observations, seeds, strict=True)]

    def move_many(self, asks: Sequence[Ask]) -> Sequence[Move | Exception]:
        """Return what :meth:`act_many` does, with what is known of each call; in place of one that failed, why."""
        actions = self.act_many([ask.observation for ask in asks], [ask.seed for ask in asks])
        return [Move(action) for action in actions]


class AsyncPolicy(StochasticPolicy):
    """A policy that waits on a network by ``await``: no episode waits for another."""

    @abstractmethod
    async def act_async(self, observation: str, seed: int = 0) -> str:
        """Return the action for one observation; ``seed`` is for what is sampled."""

    def act(self, observation: str, seed: int = 0) -> str:
        """Return the action for one observation, outside of any event loop."""
        return asyncio.run(self.act_async(observation, seed))

    async def move_async(self, ask: Ask) -> Move:
        """Return what :meth:`act_async` does, with what is known of the call."""
        return Move(await self.act_async(ask.observation, ask.seed))


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


def taken_options(cls: type[Policy], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some options that a policy's class takes."""
    parameters = inspect.signature(cls).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(options)
    return {name: value for name, value in options.items() if name in parameters}


def load_policy(entry_point: str, **options: object) -> Policy:
    """Import ``module:Class`` and create the policy.

    Raises:
        ConfigError: as for :func:`policy_class`.
    """
    return policy_class(entry_point, **options)(**options)
