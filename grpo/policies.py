"""What the trainer asks of a policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from tensordict import TensorDict
from torch import Tensor, nn

from grpo.errors import ConfigError


class TrainablePolicy(nn.Module, ABC):
    """Any module that knows the log-probabilities of the actions in a batch: :meth:`log_probs` is all it must have.

    Its ``parameters()`` that require gradients are trained. What else there is has a default.
    """

    repeat_cost: float | None = None
    """What a token that several prompts of a batch begin with costs each row, against 1 for one that is computed; that
    is done once. None where every row computes all of its own."""

    uniform_passes: bool = False
    """Whether every batch makes the same calls of the :meth:`shards`; set where they are sharded, which needs it."""

    @abstractmethod
    def log_probs(self, batch: TensorDict) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, in nats, of every action element: both ``[N, R]`` float32.

        ``batch`` holds rows of a rollout buffer, ``response_mask`` ``[N, R]`` among them; what is returned outside the
        mask is ignored.
        """

    @property
    def has_reference(self) -> bool:
        """Whether it holds the policy before training, so that a KL needs no frozen copy."""
        return False

    def reference_log_probs(self, batch: TensorDict) -> Tensor:
        """Return the log-probabilities ``[N, R]`` under the policy before training (e.g. with its adapter off).

        Raises:
            ConfigError: it holds no such policy.
        """
        raise ConfigError(f"{type(self).__name__} holds no reference: give the trainer a frozen copy as `reference`")

    def shards(self) -> Iterable[nn.Module]:
        """Return the submodules that FSDP gathers one at a time (e.g. decoder layers)."""
        return ()


class PolicyForward(nn.Module):
    """Routes a policy's methods through ``forward``, where the wrappers of torch.distributed hook in."""

    policy: TrainablePolicy

    def __init__(self, policy: TrainablePolicy):
        super().__init__()
        if not isinstance(policy, TrainablePolicy):
            name = type(policy).__name__
            raise TypeError(f"{name} is no policy: derive it from grpo.policies.TrainablePolicy, with log_probs(batch)")
        self.policy = policy

    def forward(self, batch: TensorDict, reference: bool = False) -> tuple[Tensor, Tensor] | Tensor:
        """Return ``log_probs(batch)``, or ``reference_log_probs(batch)``."""
        return self.policy.reference_log_probs(batch) if reference else self.policy.log_probs(batch)
