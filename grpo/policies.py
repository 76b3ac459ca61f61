"""What the trainer asks of a policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from tensordict import TensorDict
from torch import Tensor, nn


@runtime_checkable
class Policy(Protocol):
    """Any ``torch.nn.Module`` that knows the log-probabilities of the actions in a batch.

    The module's ``parameters()`` that require gradients are trained. Three further members are optional:

    - ``reference_log_probs(batch) -> [N, R]``: log-probabilities under the policy before training (e.g. with its
      adapter off); otherwise the trainer is given a reference policy where a KL asks for one;
    - ``shares_prefixes: bool``: what prompts in a batch begin with costs once, so micro-batches may hold
      more rows;
    - ``uniform_passes: bool``: set where layers are sharded, so that every rank calls them equally often;
    - ``shards() -> Iterable[nn.Module]``: submodules that FSDP gathers one at a time (e.g. decoder layers).
    """

    def log_probs(self, batch: TensorDict) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, in nats, of every action element: both ``[N, R]`` float32.

        ``batch`` holds rows of a rollout buffer, ``response_mask`` ``[N, R]`` among them; what is returned outside the
        mask is ignored.
        """


class Forward(nn.Module):
    """Routes a policy's methods through ``forward``, where the wrappers of torch.distributed hook in."""

    def __init__(self, policy: nn.Module):
        super().__init__()
        if not isinstance(policy, Policy):
            raise TypeError(f"{type(policy).__name__} is no policy: it has no log_probs(batch)")
        self.policy = policy

    def forward(self, batch: TensorDict, reference: bool = False) -> tuple[Tensor, Tensor] | Tensor:
        """Return ``log_probs(batch)``, or ``reference_log_probs(batch)``."""
        return self.policy.reference_log_probs(batch) if reference else self.policy.log_probs(batch)

    def shards(self) -> Iterable[nn.Module]:
        """Return the submodules that FSDP gathers one at a time."""
        return self.policy.shards() if hasattr(self.policy, "shards") else ()
