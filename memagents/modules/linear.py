"""What the modules without a language model share: a frozen embedder, small trained maps on it, rows of their own."""

from __future__ import annotations

import pickle
from abc import abstractmethod

import torch
from tensordict import TensorDict

from grpo.policies import TrainablePolicy
from memagents.modules.base import Call, Module
from memgym.bank import CachedEmbedder, get_embedder
from memgym.errors import ConfigError
from memgym.protocol.observation import Block, Observation

NEVER = torch.finfo(torch.float32).min
"""Log-odds of what cannot be chosen; finite, so that a row without anything left has finite gradients."""


class LinearModule(Module, TrainablePolicy):
    """Base of modules that are a policy for :mod:`grpo` themselves; their rows have inputs of their own, not tokens.

    Subclasses make their maps, then call :meth:`load`.

    Args:
        embedder: name of the frozen embedder, see :func:`memgym.bank.get_embedder`.

    Raises:
        ConfigError: there is no such embedder.
        MissingExtraError: it needs an extra that is not installed.
    """

    needs_backend = False

    def __init__(self, embedder: str):
        TrainablePolicy.__init__(self)
        self.embedder = CachedEmbedder(get_embedder(embedder))

    def load(self, weights: str | None) -> None:
        """Load the maps from a file: what ``torch.save(module.state_dict(), path)`` or a trainer's checkpoint wrote.

        Raises:
            ConfigError: the file cannot be read, or holds something else.
        """
        if weights is None:
            return
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            self.load_state_dict(state.get("policy", state))
        except OSError as error:
            from memagents.training_recipes import maker_of  # which knows all that recipes name, such as modules

            made = maker_of(weights) if isinstance(error, FileNotFoundError) else ""
            raise ConfigError(f"'weights': {weights!r} cannot be read: {error.strerror}{made}") from None
        except (RuntimeError, AttributeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            shapes = ", ".join(f"{name} {'×'.join(map(str, map_.shape))}" for name, map_ in self.named_parameters())
            raise ConfigError(f"'weights': {weights!r} does not hold the maps of this module ({shapes})") from error

    def generate(self, observation: Observation, seed: int) -> Call:
        """Sample for training: a row that is not final."""
        return self.sample(observation, torch.Generator().manual_seed(seed), final=False)

    def rollout(self, observation: Observation, seed: int) -> Call:
        """Sample for training: a row that is final."""
        return self.sample(observation, torch.Generator().manual_seed(seed), final=True)

    @abstractmethod
    def sample(self, observation: Observation, noise: torch.Generator, final: bool) -> Call:
        """Sample an action, and return it with its row."""

    @abstractmethod
    def describe(self, row: TensorDict) -> str:
        """Return what was done in a row of a rollout buffer, as text."""


def stored_text(block: Block) -> str:
    """Return what the bank embeds of a memory or candidate."""
    key = block.attributes.get("key")
    return f"{key}: {block.text}" if key else block.text
