"""What a module is: it knows one phase, asks for completions, and reads actions out of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from memagents.backends.base import FINISH_REASONS, Backend, Completion, Messages, Sampling
from memgym.errors import ConfigError
from memgym.policy import Move
from memgym.protocol.observation import PHASES, Observation

if TYPE_CHECKING:
    from tensordict import TensorDict

_RENAMED = {"sampler_log_prob": "log_probs"}


@dataclass(frozen=True)
class Call:
    """What a module did in one step.

    Args:
        action: what the environment gets; None if what the model wrote is no action at all, such as reasoning that
            never ends. Environments score None as a failure of format.
        trace: all that the model wrote, reasoning included.
        row: the module's part of a rollout row; None for calls that nothing is learned from.
        usage: what the call cost, as a server tells it.
        messages: the chat that a model was asked to go on with, if one was.
    """

    action: str | None
    trace: str
    row: Mapping[str, Any] | None = None
    usage: Mapping[str, int] | None = None
    messages: Messages | None = None

    def move(self) -> Move:
        """Return it as whoever plays is told; a row's numbers have the names of the step trace."""
        row = self.row
        if row is not None:
            row = {_RENAMED.get(key, key) if "response_ids" in row else key: value for key, value in row.items()}
            row["finish_reason"] = FINISH_REASONS[row.get("finish_reason", 0)]
        return Move(self.action, self.usage, row, self.messages, self.trace)


@dataclass(frozen=True)
class Request:
    """What a module wants of a backend; the agent batches the requests of all episodes.

    Args:
        messages: the chat to continue.
        sampling: how; the seeds are set by the agent.
        finish: makes the call from the completion.
    """

    messages: Messages
    sampling: Sampling
    finish: Callable[[Completion], Call]


class Module(ABC):
    """Plays one phase, in one of three ways (MemFactory, arXiv 2603.29493, table 1).

    Each way returns a request for a backend, or the call itself where no language model is needed. ``generate`` and
    ``rollout`` sample alike; they differ in the row's flag ``final``. GRPO pays a whole trajectory at once and does not
    look at it; it is there for trainers that give each step its own credit.

    Attributes:
        phases: the phases that it can play; of a class, or, where its arguments decide, of the module.
        needs_backend: whether it asks a language model.
        trainable: whether there is anything to learn.
    """

    phases: tuple[str, ...] = PHASES
    needs_backend: ClassVar[bool] = True
    trainable: ClassVar[bool] = True

    @abstractmethod
    def generate(self, observation: Observation, seed: int) -> Request | Call:
        """Play as the trained model in a step whose reward comes later, at the end of the trajectory.

        Args:
            observation: what the module sees.
            seed: of what the module itself draws; what a backend samples is seeded by the agent.
        """

    @abstractmethod
    def rollout(self, observation: Observation, seed: int) -> Request | Call:
        """Play as the trained model in a step that is paid the final reward."""

    @abstractmethod
    def inference(self, observation: Observation) -> Request | Call:
        """Play as a frozen model: used as is, and nothing is learned from it."""

    def demonstration(self, observation: Observation, action: str, backend: Backend | None) -> Mapping[str, Any] | None:
        """Return the row of a rollout by which the module's policy would have taken a teacher's action.

        None if the action gives it nothing to learn.

        Raises:
            ConfigError: the module has nothing to train, or no way to say the action.
        """
        raise ConfigError(f"{type(self).__name__} cannot learn from demonstrations")

    def describe(self, row: TensorDict) -> str:
        """Return in words what was done in a row of a rollout buffer; for modules without a language model."""
        return ""
