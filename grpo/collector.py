"""What the trainer asks of a collector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tensordict import TensorDict


@dataclass(frozen=True)
class RolloutRequest:
    """What a collector is asked for.

    A collector's rollout must follow from the request and the policy's weights alone: that makes a resumed run exact.
    """

    iteration: int
    """Number of the iteration, from 0."""
    attempt: int
    """0, or the number of the extra collection that replaces dropped groups."""
    seed: int
    """Seed of the sampling, different for every iteration, attempt and rank."""
    policy_version: int
    """Updates that the policy has seen."""
    rank: int
    """This process's rank: each returns its own share of the groups, whole groups only."""
    world_size: int
    """Number of processes."""


Collector = Callable[[RolloutRequest], TensorDict]
"""Returns this rank's rollout buffer (:mod:`grpo.buffer`)."""


class AheadCollector(Protocol):
    """A collector that can play while the policy changes."""

    def __call__(self, request: RolloutRequest) -> TensorDict:
        """Return this rank's rollout buffer."""

    def begin(self, request: RolloutRequest) -> Callable[[], TensorDict]:
        """Return what plays with the weights that the policy has now, in another thread, whatever becomes of them."""
