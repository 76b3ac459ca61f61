"""The contract of a backend: batch-first, token-in token-out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from memagents.reasoning import TAIL, opened_thought
from memgym.checks import check_int, check_number
from memgym.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

Messages = list[dict[str, str]]
"""A chat: ``[{"role": "user", "content": "…"}]``."""

FINISH_REASONS: tuple[Literal["stop", "length"], ...] = ("stop", "length")
"""Why a completion ended; the places are the numbers of :mod:`grpo.buffer`."""


@dataclass(frozen=True)
class Sampling:
    """How to sample. The defaults are pure sampling from the model's own distribution, as training needs it.

    Args:
        max_tokens: the longest completion, in tokens.
        temperature: 0 decodes greedily.
        top_p: nucleus; 1 is off.
        top_k: 0 is off.
        min_tokens: no completion ends before so many tokens.
        seeds: one for each prompt; None for fresh randomness. What a prompt gets depends on its seed alone, not on what
            stands beside it or on how the backend batches.
        json_schema: what the text must conform to, where the backend can constrain decoding. What is sampled from is
            then no longer the model's own distribution: leave it out in training.

    Raises:
        ConfigError: a value is out of its range.
    """

    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_tokens: int = 0
    seeds: tuple[int, ...] | None = None
    json_schema: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_int("max_tokens", self.max_tokens, 1)
        check_int("top_k", self.top_k, 0)
        check_int("min_tokens", self.min_tokens, 0, self.max_tokens)
        if not isinstance(self.seeds, tuple | None):
            raise ConfigError(f"argument 'seeds' must be a tuple with one seed for each prompt, not {self.seeds!r}")
        for seed in self.seeds or ():
            check_int("seeds", seed, 0)
        check_number("temperature", self.temperature, 0)
        check_number("top_p", self.top_p, 0, 1, above=True)

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is taken each time."""
        return self.temperature == 0

    @property
    def grammar_schema(self) -> dict[str, Any] | None:
        """``json_schema`` without ``uniqueItems``, which no grammar can say and servers refuse; parsers check it."""
        return _without(self.json_schema, "uniqueItems")

    def seeds_of(self, prompts: int) -> list[int]:
        """Return a seed for each of so many prompts: those given, else fresh ones of 32 bits.

        Raises:
            ConfigError: another number of seeds was given.
        """
        if self.seeds is None:
            fresh: list[int] = np.random.SeedSequence().generate_state(prompts).tolist()
            return fresh
        if len(self.seeds) != prompts:
            raise ConfigError(f"argument 'seeds' has {len(self.seeds)} seeds for {prompts} prompts")
        return list(self.seeds)


@dataclass(frozen=True)
class Completion:
    """What a model answered to one prompt.

    Args:
        text: the completion, decoded, without special tokens.
        prompt_ids: the tokens of the prompt as the model saw it; empty where the backend knows none (HTTP).
        token_ids: the sampled tokens, the end-of-sequence token included if it was sampled; empty likewise.
        log_probs: their log-probabilities under the distribution that they were sampled from (greedy decoding: under
            the model's own distribution, at temperature 1); empty likewise, and for demonstrations.
        finish_reason: ``stop`` if the model ended by itself, ``length`` if it was cut off.
        truncated: whether the prompt was cut to fit the model.
        usage: what the call cost, as a server tells it, see :class:`memgym.policy.Move`; None where nobody counts.
    """

    text: str
    prompt_ids: list[int]
    token_ids: list[int]
    log_probs: list[float]
    finish_reason: Literal["stop", "length"]
    truncated: bool = False
    usage: Mapping[str, int] | None = None


class Backend(ABC):
    """Turns chats into completions, a batch at a time.

    Attributes:
        constrains: whether it obeys :attr:`Sampling.json_schema`.
        waits: whether it waits on a network rather than computes.
        listener: told of the text so far, piece by piece, while the reply to a single chat is written; None for nobody.
            A backend that cannot tell leaves it alone.
    """

    constrains: ClassVar[bool] = False
    waits: ClassVar[bool] = False
    listener: Callable[[str], None] | None = None

    @abstractmethod
    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        """Return one completion per chat, in order."""

    def with_opening(self, completion: Completion) -> Completion:
        """Return a completion of which the text is the whole reply, also where the chat template has begun it."""
        return completion

    def sleep(self) -> None:
        """Give back what memory it needs only to reply, as a trainer will use the same card; the next call wakes it."""


class TokenBackend(Backend):
    """A backend that sees tokens."""

    @abstractmethod
    def encode(self, messages: Messages) -> list[int]:
        """Return the prompt's tokens by the model's chat template, ready for the reply."""

    @abstractmethod
    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of a completion, without special tokens."""

    def opened_thought(self, prompt: Sequence[int]) -> str:
        """Return the ``<think>`` with which some chat templates end the prompt instead of the reply; else nothing."""
        return opened_thought(self.decode(prompt[-TAIL:]))

    def with_opening(self, completion: Completion) -> Completion:
        """Put an opened thought in front of the text, where it belongs."""
        return replace(completion, text=self.opened_thought(completion.prompt_ids) + completion.text)

    @abstractmethod
    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Completion]:
        """Return one completion per prompt, in order."""

    @abstractmethod
    def demonstrate(self, messages: Messages, text: str) -> Completion:
        """Return the completion by which the model would have replied ``text``; it has no log-probabilities."""

    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        """Encode the chats and generate."""
        return self.generate([self.encode(messages) for messages in batch], sampling)


class TrainableBackend(TokenBackend):
    """A backend whose model can be trained: what it sampled is learned from, and it samples from what was learned.

    Where a run's folder serves as a recipe, what makes the backend is called with ``model`` = the trained model's
    folder and the recipe's other arguments.

    Attributes:
        tokenizer: of the model; it is saved beside what was trained.
        model: what is sampled from, in this process, and trained there. None where the sampler has weights of its own:
            the trainer then loads ``model_name`` and hands its weights over.
        model_name: a built-in model's name, a directory or a hub name; needed where ``model`` is None.
        rollout_dtype: the precision of the copy of ``model`` that is sampled from; None where it is sampled itself.
        remember: whether replies are kept, whatever becomes of the weights; training refuses that.
    """

    tokenizer: PreTrainedTokenizerBase
    model: nn.Module | None = None
    model_name: str | None = None
    rollout_dtype: str | None = None
    remember: bool = False

    @abstractmethod
    def update_weights(self, named_tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Sample from these weights from now on; called before the rollouts that follow a change.

        Args:
            named_tensors: names and values of the parameters that are trained, each whole. Where ``model`` is sampled
                from, it has them already.
        """

    def sample_from_copy(self) -> None:
        """Sample from a copy of ``model`` from now on, as a trainer is about to split the model among processes.

        Raises:
            ConfigError: it does not know how.
        """
        raise ConfigError(
            f"strategy = 'fsdp' splits the trained model among processes, but {type(self).__name__} has no "
            "sample_from_copy: choose strategy = 'ddp', or kind = 'transformers' or 'vllm'"
        )


def _without(schema: Any, key: str) -> Any:
    if isinstance(schema, dict):
        return {name: _without(value, key) for name, value in schema.items() if name != key}
    return [_without(value, key) for value in schema] if isinstance(schema, list) else schema
