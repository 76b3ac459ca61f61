"""Modules that are a prompt and a parser around a language model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from memagents.backends.base import FINISH_REASONS, Backend, Completion, Messages, Sampling, TokenBackend
from memagents.modules.base import Call, Module, Request
from memagents.prompts import load_prompt, render
from memagents.reasoning import spoken
from memgym.errors import ConfigError
from memgym.protocol.observation import Observation


class TextModule(Module):
    """Base of the modules that ask a language model.

    Subclasses set ``phases``, ``default_prompt`` and, where the reply is JSON, ``schema``. JSON goes to the environment
    as the model wrote it: the environment reads it and explains its faults.

    Training samples from the model's own distribution (temperature 1, nothing cut off or constrained), else the
    recorded log-probabilities would not be those of the policy. The sampling arguments are for inference.

    Args:
        prompt: name of a prompt in :mod:`memagents.prompts`, or the path of a text file.
        max_tokens: the longest reply, in tokens.
        temperature: 0 decodes greedily.
        top_p: nucleus; 1 is off.
        top_k: 0 is off.
        guided: whether the reply must conform to the JSON Schema of the action, on a backend that constrains decoding.
        min_tokens: no reply ends before so many tokens.

    Raises:
        ConfigError: an argument does not fit.
    """

    default_prompt: ClassVar[str]
    schema: ClassVar[dict[str, Any] | None] = None

    def __init__(
        self,
        prompt: str | None = None,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        guided: bool = False,
        min_tokens: int = 0,
    ):
        self.template = load_prompt(self.default_prompt if prompt is None else prompt)
        self.training = Sampling(max_tokens=max_tokens)
        self.sampling = Sampling(max_tokens, temperature, top_p, top_k, min_tokens)
        if guided:
            self.guide(self.schema)

    def guide(self, schema: dict[str, Any] | None) -> None:
        """Let replies of :meth:`inference` conform to a JSON Schema.

        Raises:
            ConfigError: there is none.
        """
        if schema is None:
            raise ConfigError(f"'guided': {type(self).__name__} writes free text, for which there is no schema")
        self.sampling = replace(self.sampling, json_schema=schema)

    def prompt(self, observation: Observation) -> Messages:
        """Return what the model is asked."""
        return [{"role": "user", "content": render(self.template, observation)}]

    def parse(self, text: str, observation: Observation) -> str | None:
        """Return the action in a reply, whose reasoning is already stripped; None if there is none."""
        return text

    def write(self, action: str, observation: Observation) -> str:
        """Return a reply from which :meth:`parse` reads ``action``."""
        return action

    def demonstration(self, observation: Observation, action: str, backend: Backend | None) -> dict[str, Any]:
        """Return the row of a model that replies with a teacher's action."""
        if not isinstance(backend, TokenBackend):
            raise ConfigError(f"{type(self).__name__} needs a backend that sees tokens to learn from demonstrations")
        return _row(backend.demonstrate(self.prompt(observation), self.write(action, observation)), final=False)

    def generate(self, observation: Observation, seed: int) -> Request:
        """Sample for training: a row that is not final."""
        return self._request(observation, self.training, final=False)

    def rollout(self, observation: Observation, seed: int) -> Request:
        """Sample for training: a row that is final."""
        return self._request(observation, self.training, final=True)

    def inference(self, observation: Observation) -> Request:
        """Ask the model as it is."""
        return self._request(observation, self.sampling, final=None)

    def _request(self, observation: Observation, sampling: Sampling, final: bool | None) -> Request:
        def finish(completion: Completion) -> Call:
            said = spoken(completion.text)
            action = None if said is None else self.parse(said, observation)
            row = None if final is None else _row(completion, final)
            return Call(action, completion.text, row, completion.usage)

        return Request(self.prompt(observation), sampling, finish)


def _row(completion: Completion, final: bool) -> dict[str, Any]:
    sampled = {"sampler_log_prob": completion.log_probs} if completion.log_probs else {}
    return {
        "prompt_ids": completion.prompt_ids,
        "response_ids": completion.token_ids,
        **sampled,
        "finish_reason": FINISH_REASONS.index(completion.finish_reason),
        "truncated": completion.truncated,
        "final": final,
    }
