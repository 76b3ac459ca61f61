"""Asks one model at one endpoint: for chat completions, whole or streamed, and for embeddings."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Self, TypeVar

from memgym.api.endpoint import OPENAI_URL, Answer, ApiError, BadReplyError, Endpoint
from memgym.api.fields import OPTIONAL, RequestFields, mended, named_fields, renamed, split_model
from memgym.api.replies import FAULTS, Reply, StreamReader, read_choice, read_vectors, told_error
from memgym.checks import check_int, check_number
from memgym.errors import ConfigError

Message = Mapping[str, str]
"""A chat message: ``{"role": "system" | "user" | "assistant", "content": text}``."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_WORDS = 200  # of a refusal that are told, in characters


class ChatClient:
    """Asks one model at one endpoint for chat completions, or for embeddings.

    A server that refuses a field which a request can do without (``temperature``, ``seed``), or calls the limit of a
    reply's length otherwise, is asked once more without it, or by the other name. That is warned of once, and kept to
    from then on. What else a server refuses is an error: leaving it out would be another question.

    The API key is in no ``repr``, message, log or pickle. A copy is the same client; a pickle connects anew where it is
    loaded, with the key that is in ``OPENAI_API_KEY`` there.

    Args:
        model: the model's name at the endpoint; behind a ``?`` there may be fields, see :mod:`memgym.api.fields`.
        base_url: the endpoint, e.g. ``http://localhost:8000/v1``; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        api_key: by default ``OPENAI_API_KEY``.
        timeout: seconds to wait for a connection, and then for each piece of the reply, at each try.
        max_retries: tries after the first one, for rate limits, server errors, time-outs and cut connections.
        concurrency: the most requests under way at once, from whatever threads.
        temperature: sampling temperature of :meth:`complete`.
        deadline: seconds for a whole reply, retries included.
        request: fields that are left out, renamed or added: a table with ``omit``, ``rename`` or ``add``.

    Raises:
        ConfigError: an argument does not fit, there is no API key, or this machine's settings for proxies or
            certificates are of no use.
        MissingExtraError: the ``api`` extra is not installed.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 5,
        concurrency: int = 8,
        temperature: float = 0.0,
        deadline: float = 600.0,
        request: Mapping[str, Any] | None = None,
    ):
        if not isinstance(model, str) or not model.partition("?")[0].strip():
            raise ConfigError(f"argument 'model' must be the name of a model, not {model!r}")
        check_number("timeout", timeout, 0, above=True)
        check_number("deadline", deadline, 0, above=True)
        check_int("max_retries", max_retries, 0)
        self.model = model
        self.concurrency = check_int("concurrency", concurrency, 1)
        self.temperature = temperature
        self._name, behind = split_model(model)
        self._table = RequestFields.read(request)
        self._fields = RequestFields.read(behind).then(self._table)
        self._endpoint = Endpoint(self._name, base_url, api_key, timeout, deadline, max_retries)
        self._slots = threading.BoundedSemaphore(concurrency)
        self._refused: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        ends = self._endpoint
        settings = (ends.timeout, ends.max_retries, self.concurrency, self.temperature, ends.deadline)
        return type(self), (self.model, ends.base_url, None, *settings, self._table.table())

    @property
    def official(self) -> bool:
        """Whether the endpoint is OpenAI's own."""
        return self._endpoint.base_url == OPENAI_URL

    @property
    def id(self) -> str:
        """The model's name, followed by ``@`` and a hash of the endpoint's address, unless that is OpenAI's own, and of
        the table of fields, unless that is empty."""
        table = self._table.table()
        if self.official and not table:
            return self.model
        asked = self._endpoint.base_url + (json.dumps(table, sort_keys=True) if table else "")
        return f"{self.model}@{hashlib.sha256(asked.encode()).hexdigest()[:8]}"

    @property
    def refused(self) -> Mapping[str, str | None]:
        """Fields that the server was found to refuse, and as what each is sent instead; None: not at all."""
        return dict(self._refused)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def complete(self, messages: Sequence[Message]) -> str:
        """Return the text of the model's reply to ``messages``; of a refusal, its words.

        Raises:
            BadReplyError: the reply is not a chat completion, or it is blank.
            ApiError: there was no reply.
        """
        reply = self.request(messages, temperature=self.temperature)
        if not reply.text.strip():
            why = f" (it ended by {reply.finish_reason!r})" if reply.finish_reason else ""
            raise self._error(BadReplyError, f"a reply without text{why}")
        return reply.text

    def request(self, messages: Sequence[Message], **fields: Any) -> Reply:
        """Return the reply to ``messages``, which may be without text.

        Args:
            messages: the conversation so far.
            **fields: further fields of the request.

        Raises:
            BadReplyError: the reply is not a chat completion.
            ApiError: there was no reply.
        """
        return self._choice(self._ask("/chat/completions", {**_chat(messages), **fields}))

    def stream(self, messages: Sequence[Message], hear: Callable[[str], None], **fields: Any) -> Reply:
        """Do as :meth:`request` does, and call ``hear`` with the text so far at each piece of it that comes.

        A reply that breaks off is not asked for again. A server that writes no streams is heard once, at the end.

        Raises:
            BadReplyError: the reply is not a chat completion, or it breaks off.
            ApiError: there was no reply, or the server took it back.
        """
        reader = StreamReader()

        def take(piece: bytes) -> None:
            for text in self._fed(reader, piece):
                hear(self._endpoint.blot(text))

        answer = self._ask("/chat/completions", {**_chat(messages), **fields, "stream": True}, take)
        if answer.body:
            reply = self._choice(answer)
            hear(reply.text)
            return reply
        if reader.error:
            raise self._error(ApiError, "the server took its reply back", reader.error)
        if reader.finish_reason is None:
            raise self._error(BadReplyError, "the reply broke off" if reader.text else "a stream without a reply")
        return Reply(self._endpoint.blot(reader.text), reader.finish_reason, reader.usage)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vector of each text: finite numbers, not all of them zero.

        Raises:
            BadReplyError: the reply is not a list of such vectors, one for each text and all of one length.
            ApiError: there was no reply.
        """
        answer = self._ask("/embeddings", {"input": [_encodable(text) for text in texts], "encoding_format": "float"})
        try:
            vectors = read_vectors(answer.text, len(texts))
        except FAULTS:
            raise self._error(
                BadReplyError, f"not a list of embeddings, one for each of {len(texts)} texts", answer.text
            ) from None
        if len(set(map(len, vectors))) > 1:
            raise self._error(BadReplyError, "vectors that are not of one length", answer.text)
        if not all(any(vector) and all(map(math.isfinite, vector)) for vector in vectors):
            raise self._error(BadReplyError, "a vector that is zero or not finite")
        return vectors

    def _ask(self, path: str, fields: Mapping[str, Any], take: Callable[[bytes], None] | None = None) -> Answer:
        """Return a good answer to a request with these fields, or with what the server takes of them."""
        sent = renamed(self._fields.apply({"model": self._name, **fields}), self._refused)
        mine = [name for name in sent if name not in self._fields.add]
        found: dict[str, str | None] = {}
        why: dict[str, str] = {}
        with self._slots:
            while True:
                answer = self._endpoint.post(path, renamed(sent, found), take)
                fault = (answer.status, answer.text) if not answer.good else told_error(answer.text)
                if fault is None:
                    break
                more = mended([name for name in mine if name not in found], *fault)
                if not more:
                    raise self._refusal(answer, sent, *fault)
                found |= more
                why |= dict.fromkeys(more, fault[1])
        self._keep(found, why)
        return answer

    def _keep(self, found: Mapping[str, str | None], why: Mapping[str, str]) -> None:
        """Remember what the server was found to refuse, and warn of what is new."""
        with self._lock:
            new = {name: instead for name, instead in found.items() if name not in self._refused}
            self._refused = {**self._refused, **new}
        for name, instead in new.items():
            words = self._endpoint.blot(why[name])[:_WORDS]
            table = f"rename = {{ {name} = '{instead}' }}" if instead else f"omit = ['{name}']"
            done = f"it is called {instead!r}" if instead else f"it is left out: {OPTIONAL[name]}"
            warnings.warn(
                f"model {self._name!r} at {self._endpoint.base_url} refuses the field {name!r} ({words!r}). "
                f"From now on {done}. To write it down: request = {{ {table} }}",
                stacklevel=2,
            )

    def _refusal(self, answer: Answer, sent: Mapping[str, Any], status: int, words: str) -> ApiError:
        if answer.good:
            return self._error(ApiError, "an error in place of a reply", words)
        hint = ""
        if 300 <= status < 400:
            hint = " (a redirect, which is not followed: give the address itself as base_url)"
        elif named := named_fields(sent, status, words):
            hint = f" (request = {{ omit = {named} }} leaves out what it names)"
        return self._error(ApiError, f"HTTP {status}{hint}", words)

    def _fed(self, reader: StreamReader, piece: bytes) -> Iterator[str]:
        try:
            yield from reader.feed(piece)
        except FAULTS:
            shown = piece.decode(errors="replace")
            raise self._error(BadReplyError, "not a piece of a chat completion", shown) from None

    def _choice(self, answer: Answer) -> Reply:
        try:
            reply = read_choice(answer.text)
        except FAULTS:
            raise self._error(BadReplyError, "not a chat completion that has text", answer.text) from None
        return replace(reply, text=self._endpoint.blot(reply.text))

    def _error(self, kind: type[ApiError], reason: str, body: str = "") -> ApiError:
        return self._endpoint.error(kind, reason, body)


def concurrently(function: Callable[[_Item], _Result], items: Iterable[_Item], concurrency: int) -> list[_Result]:
    """Apply ``function`` to each item in up to ``concurrency`` threads and return the results in order.

    The first exception (in the order of the items) is raised once the calls under way have ended; ``map`` cancels the
    others.
    """
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(function, items))


def _chat(messages: Sequence[Message]) -> dict[str, Any]:
    return {"messages": [{"role": message["role"], "content": _encodable(message["content"])} for message in messages]}


def _encodable(text: str) -> str:
    """Replace lone surrogates, which a model can write in JSON but UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
