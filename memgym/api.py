"""A small client for any endpoint that speaks OpenAI's API: chat completions and embeddings (the ``api`` extra)."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from memgym.checks import check_int, check_number, is_int
from memgym.errors import ConfigError, MemgymError, MissingExtraError

Message = Mapping[str, str]
"""A chat message: ``{"role": "system" | "user" | "assistant", "content": text}``."""

_OPENAI_URL = "https://api.openai.com/v1"
_HEADERS = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ApiError(MemgymError, RuntimeError):
    """The endpoint gave no usable reply, also after the retries."""


class BadReplyError(ApiError):
    """The endpoint replied, but not with a chat completion that has text, or with vectors."""


class ChatClient:
    """Asks one model at one endpoint for chat completions, or for embeddings.

    Rate limits (429, with ``Retry-After`` obeyed), server errors, time-outs and cut connections are retried by the
    ``openai`` package with exponential back-off and jitter; redirects are not followed. The API key is handed to that
    package and kept nowhere else: it is in no ``repr``, message, log or pickle. A copy is the same client; a pickle
    connects anew where it is loaded, with the key that is in ``OPENAI_API_KEY`` there.

    Args:
        model: the model's name at the endpoint.
        base_url: the endpoint, e.g. ``http://localhost:8000/v1``; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        api_key: by default ``OPENAI_API_KEY``.
        timeout: seconds to wait for a connection, and then for each piece of the reply, at each try.
        max_retries: tries after the first one.
        concurrency: the most requests under way at once, from whatever threads.
        temperature: sampling temperature.

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
    ):
        if not isinstance(model, str) or not model.strip():
            raise ConfigError(f"argument 'model' must be the name of a model, not {model!r}")
        check_number("timeout", timeout, 0, above=True)
        check_int("max_retries", max_retries, 0)
        check_int("concurrency", concurrency, 1)
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL
        _check_url(base_url)
        api_key = (api_key or os.environ.get("OPENAI_API_KEY", "")).strip()
        _check_key(api_key, model)
        try:
            import openai
        except ImportError:
            raise MissingExtraError(f"model {model!r} behind an API", "api") from None
        self.model = model
        self.concurrency = concurrency
        self.temperature = temperature
        self.timeout = timeout
        self._max_retries = max_retries
        try:
            self._client = openai.OpenAI(
                api_key=api_key,
                base_url=base_url,
                timeout=timeout,
                max_retries=max_retries,
                http_client=openai.DefaultHttpxClient(follow_redirects=False),
            )
        except Exception as error:  # of whatever the HTTP package reads from this machine; they share no base class
            raise ConfigError(_unfit_settings(model, error)) from None
        self._slots = threading.BoundedSemaphore(concurrency)
        self._base_url = base_url.rstrip("/")
        weakref.finalize(self, self._client.close)  # kept-alive connections end with their user

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        settings = (self.timeout, self._max_retries, self.concurrency, self.temperature)
        return type(self), (self.model, self._base_url, None, *settings)

    @property
    def id(self) -> str:
        """The model's name, followed by ``@`` and a hash of the endpoint's address unless that is OpenAI's own."""
        if self._base_url == _OPENAI_URL:
            return self.model
        return f"{self.model}@{hashlib.sha256(self._base_url.encode()).hexdigest()[:8]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def complete(self, messages: Sequence[Message]) -> str:
        """Return the text of the model's reply to ``messages``.

        Raises:
            BadReplyError: the reply is not a chat completion, or it is blank.
            ApiError: there was no reply.
        """
        content = self.request(messages, temperature=self.temperature)["message"]["content"]
        if not content or not content.strip():
            raise self._error(BadReplyError, "a reply without text")
        return content

    def request(self, messages: Sequence[Message], **options: Any) -> dict[str, Any]:
        """Return the first choice of the reply to ``messages``, as the server wrote it.

        Args:
            messages: the conversation so far.
            **options: further fields of the request, as the ``openai`` package names them.

        Returns:
            The choice, in which ``["message"]["content"]`` is text or None, and what the call cost under ``usage``.

        Raises:
            BadReplyError: the reply is not a chat completion.
            ApiError: there was no reply.
        """
        with self._slots:
            return self._choice(self._send(messages, options).http_response.text)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vector of each text: finite numbers, not all of them zero.

        Raises:
            BadReplyError: the reply is not a list of such vectors, one for each text and all of one length.
            ApiError: there was no reply.
        """
        create: Any = self._client.embeddings.with_raw_response.create
        asked = {"model": self.model, "input": [_encodable(text) for text in texts], "encoding_format": "float"}
        with self._slots:
            body = self._reached(lambda: create(**asked)).http_response.text
        try:
            told = sorted(json.loads(body)["data"], key=lambda item: item["index"])
            vectors = [[float(number) for number in item["embedding"]] for item in told]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise self._error(BadReplyError, "not a list of embeddings", body) from None
        if len(vectors) != len(texts) or len(set(map(len, vectors))) > 1:
            raise self._error(BadReplyError, f"not one vector of one length for each of {len(texts)} texts", body)
        if not all(any(vector) and all(map(math.isfinite, vector)) for vector in vectors):
            raise self._error(BadReplyError, "a vector that is zero or not finite")
        return vectors

    def stream(self, messages: Sequence[Message], hear: Callable[[str], None], **options: Any) -> dict[str, Any]:
        """Do as :meth:`request` does, and call ``hear`` with the text so far at each piece of it that comes.

        A reply that breaks off is not asked for again. A server that writes no streams is heard once, at the end.

        Raises:
            BadReplyError: the reply is not a chat completion, or it breaks off.
            ApiError: there was no reply, or the server took it back.
        """
        with self._slots:
            response = self._send(messages, {**options, "stream": True})
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                choice = self._choice(self._reached(response.http_response.read).decode(errors="replace"))
                hear(choice["message"]["content"] or "")
                return choice
            text, finish = "", None
            usage: dict[str, int] = {}
            with response.parse() as chunks:
                while (chunk := self._next(chunks)) is not None:
                    piece, finished, counts = self._piece(chunk)
                    finish, usage = finished or finish, counts or usage
                    if piece:
                        text += piece
                        hear(text)
        if finish is None:
            raise self._error(BadReplyError, "the reply broke off" if text else "a stream without a reply")
        return {"message": {"role": "assistant", "content": text}, "finish_reason": finish, "usage": usage}

    def _send(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Any:
        """Return the openai package's raw response."""
        written: Any = [{"role": m["role"], "content": _encodable(m["content"])} for m in messages]
        create: Any = self._client.chat.completions.with_raw_response.create
        return self._reached(lambda: create(model=self.model, messages=written, **options))

    def _reached(self, ask: Callable[[], _Result]) -> _Result:
        """Return what ``ask`` gets from the server; a fault of it, or on the way, is an ApiError."""
        import openai

        try:
            return ask()
        except openai.APITimeoutError:
            error = self._error(ApiError, f"no reply within {self.timeout:g} s")
        except openai.APIConnectionError as fault:
            error = self._error(ApiError, f"the connection failed ({type(fault.__cause__ or fault).__name__})")
        except openai.APIStatusError as fault:
            error = self._error(ApiError, f"HTTP {fault.status_code}", fault.response.text)
        except openai.APIError as fault:
            error = self._error(ApiError, "the server took its reply back", json.dumps(fault.body))
        except Exception as fault:
            if not type(fault).__module__.startswith("httpx"):  # which older versions let through in mid-stream
                raise
            error = self._error(ApiError, f"the connection failed ({type(fault).__name__})")
        # Raised outside of the handlers: the package's exceptions hold the request, and with it the key.
        raise error

    def _next(self, chunks: Iterator[Any]) -> Any:
        """Return the next chunk of a stream; None at its end."""
        try:
            return self._reached(lambda: next(chunks, None))
        except (ValueError, RecursionError):
            raise self._error(BadReplyError, "a piece of the reply is no JSON") from None

    def _piece(self, chunk: Any) -> tuple[str, str | None, dict[str, int]]:
        """Return the text that a chunk of a stream adds, why the reply ended if it did, and what it cost if it says."""
        try:
            reply = chunk.to_dict(warnings=False)
            usage = reply.get("usage") or {}
            counts = {name: count for name, count in usage.items() if is_int(count)}
            if not reply["choices"]:  # of the cost alone
                return "", None, counts
            choice = reply["choices"][0]
            piece = choice["delta"].get("content") or ""
            finish = choice.get("finish_reason")
        except (LookupError, TypeError, AttributeError):
            raise self._error(BadReplyError, "not a piece of a chat completion", str(chunk)) from None
        if not isinstance(piece, str):
            raise self._error(BadReplyError, "a reply whose content is no text", str(chunk))
        return piece, finish, counts

    def _choice(self, body: str) -> dict[str, Any]:
        try:
            reply = json.loads(body)
            choice: dict[str, Any] = reply["choices"][0]
            content = _content(choice["message"])
            usage = reply.get("usage") or {}
            counts = {name: count for name, count in usage.items() if is_int(count)}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise self._error(BadReplyError, "not a chat completion", body) from None
        if not isinstance(content, str | None):
            raise self._error(BadReplyError, "a reply whose content is no text", body)
        return {**choice, "message": {**choice["message"], "content": content}, "usage": counts}

    def _error(self, kind: type[ApiError], reason: str, body: str = "") -> ApiError:
        """Build an error that shows the start of ``body``; a server may echo the key, so it is blotted out."""
        shown = f": {body.replace(self._client.api_key, '***')[:300]!r}" if body else ""
        return kind(f"model {self.model!r} at {self._base_url}: {reason}{shown}")


def concurrently(function: Callable[[_Item], _Result], items: Iterable[_Item], concurrency: int) -> list[_Result]:
    """Apply ``function`` to each item in up to ``concurrency`` threads and return the results in order.

    The first exception (in the order of the items) is raised once the calls under way have ended; ``map`` cancels the
    others.
    """
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(function, items))


def _check_url(url: Any) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.username is None
    except (ValueError, AttributeError):  # a port or IPv6 address that is none; no text at all
        fits = False
    if not fits:  # the address is not repeated: it may hold a password
        raise ConfigError("argument 'base_url' must look like https://host/v1, without a user name or password")


def _check_key(key: str, model: str) -> None:
    if not key:
        raise ConfigError(
            f"no API key for model {model!r}: set OPENAI_API_KEY (to any text for a server that asks for none)"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError("OPENAI_API_KEY has characters that no key can have; set it anew")
    for name in _HEADERS:  # which the openai package reads
        if not os.environ.get(name, "").isascii():
            raise ConfigError(f"{name} has characters that no HTTP header can have; set it anew, or not at all")


def _unfit_settings(model: str, error: Exception) -> str:
    """Say which of this machine's settings for connections may be at fault; no address, as it may hold a password."""
    names = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
    given = [name for plain in names for name in (plain, plain.lower()) if os.environ.get(name)]
    if isinstance(error, ImportError):
        reason = "a SOCKS proxy needs 'pip install socksio'; or name one that speaks HTTP, http://host:port"
    elif isinstance(error, OSError):
        reason = f"no certificates can be read there ({error.strerror or type(error).__name__})"
    else:
        reason = "not the address of a proxy, such as http://host:port"
    return f"cannot connect to model {model!r}: {', '.join(given) or ' or '.join(names)}: {reason}"


def _content(message: dict[str, Any]) -> Any:
    """Return the text of a message: some servers write it in parts, and a refusal in a field of its own."""
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return message.get("refusal") if content is None else content


def _encodable(text: str) -> str:
    """Replace lone surrogates, which a model can write in JSON but UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
