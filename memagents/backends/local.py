"""What the backends that run a model on this machine share: its directory, tokenizer, prompts that fit, completions."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memagents.backends.base import Completion, Messages, Sampling, TrainableBackend
from memagents.backends.chat_template import check_template_options, encode_chat
from memagents.backends.smollm2 import smollm2_dir
from memagents.backends.tiny_reader import tiny_blank_dir, tiny_reader_dir
from memgym.checks import check_flag
from memgym.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MODELS = {"smollm2": smollm2_dir, "tiny_blank": tiny_blank_dir, "tiny_reader": tiny_reader_dir}
"""Models by name, and what returns their directories."""


@dataclass(frozen=True)
class Sample:
    """The tokens sampled for one prompt, their log-probabilities, and whether the last one ended the reply."""

    token_ids: list[int]
    log_probs: list[float]
    stopped: bool


class LocalBackend(TrainableBackend):
    """A backend with a Transformers tokenizer and a known context length.

    Args:
        tokenizer: the model's tokenizer.
        context: tokens that prompt and completion may have together.
        truncate: whether a prompt that leaves no room for ``max_tokens`` loses its middle; else it is an error.
        remember: whether replies decoded greedily are kept, so that a prompt that comes again costs nothing. Only for
            weights that stay as they are. (Equal prompts of one call cost no more than one either way.)
        template_options: further arguments of the model's chat template, as a table. Models that think before they
            speak, such as Qwen3, spend their tokens on it unless told ``{"enable_thinking": False}``.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        context: int,
        truncate: bool,
        remember: bool = False,
        template_options: Mapping[str, Any] | None = None,
    ):
        for name, value in (("truncate", truncate), ("remember", remember)):
            check_flag(name, value)
        self.tokenizer = tokenizer
        self.context = context
        self.truncate = truncate
        self.remember = remember
        self.template_options = check_template_options(template_options, tokenizer)
        self._replies: dict[Hashable, Sample] = {}

    def encode(self, messages: Messages) -> list[int]:
        """Return the prompt's tokens by the model's chat template, else by the plain one.

        Raises:
            ConfigError: the template refuses the messages.
        """
        return encode_chat(self.tokenizer, messages, self.template_options)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of a completion, without special tokens."""
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        text: Any = self.tokenizer.decode(list(token_ids), **options)  # of several lists, it would be a list
        return text

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Completion]:
        """Return one completion per prompt, in order.

        Raises:
            ConfigError: a prompt is empty, or too long and not to be truncated.
        """
        if sampling.seeds is not None:
            sampling.seeds_of(len(prompts))  # raises what does not fit, also where nothing is drawn
        fitted = [self._fit(i, list(prompt), sampling.max_tokens) for i, prompt in enumerate(prompts)]
        sample = self._greedy if sampling.greedy else self._sample
        samples = sample(fitted, sampling) if fitted else []
        return [
            Completion(
                text=self.decode(sample.token_ids),
                prompt_ids=prompt,
                token_ids=sample.token_ids,
                log_probs=sample.log_probs,
                finish_reason="stop" if sample.stopped else "length",
                truncated=len(prompt) < len(given),
            )
            for given, prompt, sample in zip(prompts, fitted, samples, strict=True)
        ]

    def demonstrate(self, messages: Messages, text: str) -> Completion:
        """Return the completion by which the model would have replied ``text``, up to the end of the reply.

        Raises:
            ConfigError: the chat does not fit the model, or the tokenizer knows no end of a reply.
        """
        if self.tokenizer.eos_token_id is None:
            raise ConfigError("the tokenizer has no end-of-sequence token, so a reply of the model could never end")
        reply = [*self.tokenizer.encode(text, add_special_tokens=False), self.tokenizer.eos_token_id]
        given = self.encode(messages)
        prompt = self._fit(0, given, len(reply))
        return Completion(text, prompt, reply, [], "stop", truncated=len(prompt) < len(given))

    def _teller(self, prompts: Sequence[Sequence[int]]) -> Callable[[Sequence[int]], None] | None:
        """Return what tells the listener of the tokens that a single prompt's reply has so far; None for nobody."""
        listener = self.listener
        if listener is None or len(prompts) != 1:
            return None
        opening = self.opened_thought(prompts[0])
        return lambda token_ids: listener(opening + self.decode(token_ids))

    @abstractmethod
    def _sample(self, prompts: list[list[int]], sampling: Sampling) -> list[Sample]:
        """Return one sample per prompt, in order; every prompt leaves room for ``max_tokens``."""

    def _greedy(self, prompts: list[list[int]], sampling: Sampling) -> list[Sample]:
        """Return the likeliest reply to each prompt, worked out once for equal prompts."""
        sampling = replace(sampling, seeds=None)  # nothing is drawn
        how = (sampling.max_tokens, sampling.min_tokens, json.dumps(sampling.json_schema))
        keys = [(*how, array("l", prompt).tobytes()) for prompt in prompts]
        known = self._replies if self.remember else {}
        missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        if missing:
            known.update(zip(missing, self._sample(list(missing.values()), sampling), strict=True))
        return [known[key] for key in keys]

    def _fit(self, row: int, prompt: list[int], max_tokens: int) -> list[int]:
        room = self.context - max_tokens
        if room < 1:
            raise ConfigError(f"max_tokens = {max_tokens} leaves no room: the model reads {self.context} tokens in all")
        if not prompt:
            raise ConfigError(f"prompt {row} has no tokens")
        if len(prompt) <= room:
            return prompt
        if not self.truncate:
            raise ConfigError(
                f"prompt {row} has {len(prompt):,} tokens, but the model reads {self.context:,} and {max_tokens:,} of "
                "them are kept for the completion: shorten it, lower max_tokens, or set truncate = true"
            )
        # Instructions stand at the beginning, the question and the cue to reply at the end.
        head = room // 2
        return prompt[:head] + prompt[len(prompt) - (room - head) :]


def find_model(name: str | os.PathLike) -> str:
    """Return the directory of a built-in model, else ``name`` itself: a model directory or hub name.

    Raises:
        ConfigError: ``name`` is no text, or a path that does not exist.
    """
    if not isinstance(name, str | os.PathLike) or not os.fspath(name):
        raise ConfigError(f"argument 'model' must be a built-in name, a directory or a hub name, not {name!r}")
    name = os.fspath(name)
    if name in MODELS:
        return os.fspath(MODELS[name]())
    _check_folder(name)
    return name


def _check_folder(name: str) -> None:
    """Check that a path, which a hub's ``owner/name`` could be as well, is a folder with all that a model needs."""
    from memagents.training_recipes import maker_of  # which knows all that recipes name, such as backends

    path = Path(name)
    try:
        found = {file.name for file in path.iterdir()} if path.is_dir() else None
    except (OSError, ValueError) as error:
        raise ConfigError(f"the model folder {name[:200]!r} cannot be read: {error}") from None
    if found is None:
        if path.is_file():
            raise ConfigError(f"model = {name!r} is a file: name the folder that holds the model")
        if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
            raise ConfigError(f"there is no model folder {name!r}{maker_of(name)}")
        return
    for what, patterns in _PARTS.items():
        if not any(fnmatch(file, pattern) for file in found for pattern in patterns):
            raise ConfigError(f"the model folder {name!r} lacks {what}{maker_of(name)}")


_PARTS = {
    "its configuration, config.json": ("config.json", "adapter_config.json"),
    "weights, *.safetensors": ("*.safetensors", "*.bin", "*.index.json"),
    "a tokenizer, such as tokenizer.json": ("tokenizer*.json", "*.model", "vocab.*"),
}
"""What a model folder must hold, and the names of files that are such."""


def cannot_load(name: str | os.PathLike, error: Exception) -> ConfigError:
    """Build the error for a model that Transformers or vLLM cannot load."""
    reason = " ".join(str(error).split())[:500]
    return ConfigError(
        f"cannot load the model {os.fspath(name)!r}. It must be a built-in name ({', '.join(MODELS)}), a model "
        f"directory, or a model on a hub that can be reached. Reason: {reason}"
    )


def stop_ids(tokenizer: PreTrainedTokenizerBase, own: int | list[int] | None) -> list[int]:
    """Return the tokens that end a reply, sorted: the tokenizer's end-of-sequence token and the model's ``own``."""
    ids = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])}
    return sorted(ids - {None})
