"""Frozen models behind any endpoint that speaks OpenAI's chat completions API (the ``api`` extra)."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from memagents.backends.base import Backend, Completion, Messages, Sampling
from memagents.backends.chat_template import table_of_options
from memagents.reasoning import spoken
from memgym.api import ChatClient, concurrently
from memgym.api.fields import RequestFields
from memgym.errors import ConfigError
from memgym.policy import CALLS, EMPTY_REPLIES

_TEMPLATE = "chat_template_kwargs"
_HINT = (
    "A model that thinks before it speaks needs room for that: raise max_tokens, or tell it to think less "
    "(template_options = { enable_thinking = false }, or request = { add = { reasoning_effort = 'low' } })"
)


class OpenAIBackend(Backend):
    """Asks a served model. It gives no tokens, so it is for inference only.

    The key comes from ``OPENAI_API_KEY``; it is in no recipe, message or log. Each chat is a request of its own, with
    its own seed if there are any, which a server may or may not obey. (vLLM 0.32 on a CPU obeys, but falls over where
    it reads a seeded request's prompt in parts: start that server with ``--no-enable-chunked-prefill``.)

    A refusal is a reply: its words are the text. A completion without text (a model that thinks may spend all of its
    tokens on that) is one, too; such are counted in the usage, and warned of at the first, the tenth, the hundredth, …

    What a server is known not to take is said by a table ``request``, such as::

        [backends.main.request]
        omit = ["seed"]
        rename = { max_tokens = "max_completion_tokens" }
        add = { reasoning_effort = "low" }

    ``temperature``, ``seed`` and the name of the limit are found out, too: a server that refuses one is asked once
    more without it, or by the other name, with a warning. All else that it refuses is an error.

    Args:
        model: the model's name at the endpoint.
        base_url: the endpoint, e.g. ``http://localhost:8000/v1``; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        timeout: seconds to wait for a connection, and then for each piece of the reply, at each try.
        max_retries: tries after the first one, for rate limits, server errors, time-outs and cut connections.
        concurrency: the most requests under way at once.
        template_options: further arguments of the model's chat template, for servers such as vLLM that take
            ``chat_template_kwargs``; e.g. ``{"enable_thinking": False}`` for models that think before they speak.
        deadline: seconds for a whole reply, retries included.
        request: fields that are left out, renamed or added, see :mod:`memgym.api.fields`.

    Raises:
        ConfigError: an argument does not fit, or there is no API key.
        MissingExtraError: the ``api`` extra is not installed.
    """

    constrains = True
    waits = True

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 5,
        concurrency: int = 32,
        template_options: Mapping[str, Any] | None = None,
        deadline: float = 1800.0,
        request: Mapping[str, Any] | None = None,
    ):
        self._template_options = table_of_options(template_options)
        if self._template_options and _TEMPLATE in RequestFields.read(request).add:
            raise ConfigError(
                f"'template_options' and the {_TEMPLATE} of 'request' are the same field: give one of them"
            )
        self._client = ChatClient(
            model, base_url, None, timeout, max_retries, concurrency, deadline=deadline, request=request
        )
        self._completions = self._empty = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client.id!r})"

    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        """Return one completion per chat, in order.

        Raises:
            ApiError: a request failed for good; the message says why.
            ConfigError: there are seeds, but not one for each chat.
        """
        seeds = [None] * len(batch) if sampling.seeds is None else sampling.seeds_of(len(batch))
        asked = list(zip(batch, seeds, strict=True))
        if len(asked) == 1:  # in this thread, where Ctrl-C ends it
            return [self._ask(asked[0][0], sampling, asked[0][1], self.listener)]
        return concurrently(lambda one: self._ask(one[0], sampling, one[1]), asked, self._client.concurrency)

    def _ask(
        self, messages: Messages, sampling: Sampling, seed: int | None, hear: Callable[[str], None] | None = None
    ) -> Completion:
        ask = self._client.request if hear is None else partial(self._client.stream, hear=hear)
        reply = ask(messages, **self._options(sampling, seed))
        empty = not spoken(reply.text)  # thoughts alone are nothing, where the server leaves them in the text
        self._count(empty, reply.finish_reason)
        told = {name: count for name, count in reply.usage.items() if name != EMPTY_REPLIES}
        usage = {**told, CALLS: 1, **({EMPTY_REPLIES: 1} if empty else {})}
        finish: Literal["length", "stop"] = "length" if reply.finish_reason == "length" else "stop"
        return Completion(reply.text, [], [], [], finish, usage=usage)

    def _count(self, empty: bool, finish_reason: str | None) -> None:
        """Warn of empty completions at the first, the tenth, the hundredth, …"""
        with self._lock:
            self._completions += 1
            self._empty += empty
            counts = f"{self._empty} of {self._completions} completions of {self._client.id!r} are empty"
            warns = empty and self._empty in (10**power for power in range(9))
        if warns:
            warnings.warn(f"{counts} (the last ended by {finish_reason!r}). {_HINT}", stacklevel=2)

    def _options(self, sampling: Sampling, seed: int | None) -> dict[str, Any]:
        """Return the request's fields; what is switched off is left out, since not every server knows it."""
        # OpenAI's own models know the new name only, other servers often the old one only.
        limit = "max_completion_tokens" if self._client.official else "max_tokens"
        options: dict[str, Any] = {limit: sampling.max_tokens, "temperature": sampling.temperature}
        if sampling.top_p < 1:
            options["top_p"] = sampling.top_p
        # Not of OpenAI's API, but of other servers'; one that does not know them says so.
        options |= {name: value for name in ("top_k", "min_tokens") if (value := getattr(sampling, name))}
        if self._template_options:
            options[_TEMPLATE] = self._template_options
        if seed is not None:
            options["seed"] = seed
        if sampling.json_schema is not None:
            schema = {"name": "action", "schema": sampling.grammar_schema}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        return options
