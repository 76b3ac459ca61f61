"""One endpoint of an API: its address and key, and requests that end, whatever the server does.

A request ends within its deadline, retries included, even if the server sends a byte now and then; a reply is read up
to a limit, and is not unpacked; redirects are not followed, as the key would go with them. The key is in no ``repr``,
message, log or pickle, and is blotted out of what the server says.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from memgym.api.loop import Loop
from memgym.errors import ConfigError, MemgymError, MissingExtraError

if TYPE_CHECKING:
    import httpx2

OPENAI_URL = "https://api.openai.com/v1"
MAX_BODY = 64 << 20
"""The longest reply that is read, in bytes: 256 vectors of 4,096 numbers as text are a third of it."""
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
_CUSTOM_HEADERS = "OPENAI_CUSTOM_HEADERS"  # lines of "Name: value"
_AGAIN = (408, 409, 429)  # and all from 500
_SHOWN = 300
_SECRET = 8  # characters; a shorter value of a header is no secret, and would be blotted out everywhere


class ApiError(MemgymError, RuntimeError):
    """The endpoint gave no usable reply, also after the retries.

    Attributes:
        passing: whether the fault may be gone at another try.
    """

    passing = False


class BadReplyError(ApiError):
    """The endpoint replied, but not with a chat completion that has text, or with vectors."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: of HTTP.
        headers: by names in any case.
        body: of at most :data:`MAX_BODY` bytes; empty where its pieces were told.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        """Whether the status says that it is what was asked for."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body; bytes that are no UTF-8 are replaced."""
        return self.body.decode(errors="replace")


@dataclass(frozen=True)
class _Request:
    client: httpx2.AsyncClient
    path: str
    body: bytes
    tell: Callable[[bytes], None] | None = None
    """Called with the pieces of a stream of events."""


class Endpoint:
    """Sends requests to an API from any number of threads.

    Args:
        model: what it is asked for; named in messages.
        base_url: the address, e.g. ``http://localhost:8000/v1``; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        api_key: by default ``OPENAI_API_KEY``.
        timeout: seconds to wait for a connection, and then for each piece of the reply, at each try.
        deadline: seconds for the whole of it, retries included.
        max_retries: tries after the first one: for 408, 409, 429, server errors, time-outs and cut connections. Between
            them it waits for what ``Retry-After`` says, else for 0.5 s, 1 s, 2 s, … up to 8 s, a bit less by chance.

    Raises:
        ConfigError: an address or key that is none, or this machine's settings for proxies or certificates are of no
            use.
        MissingExtraError: the ``api`` extra is not installed.
    """

    def __init__(
        self, model: str, base_url: str | None, api_key: str | None, timeout: float, deadline: float, max_retries: int
    ):
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        _check_url(base_url)
        api_key = (api_key or os.environ.get("OPENAI_API_KEY", "")).strip()
        _check_key(api_key, model)
        self.base_url = base_url.rstrip("/")
        self.timeout, self.deadline, self.max_retries = timeout, deadline, max_retries
        self._model = model
        custom = _custom_headers()
        self._headers = {
            **{header: value for name, header in _HEADERS.items() if (value := os.environ.get(name))},
            "Authorization": f"Bearer {api_key}",
            "Accept-Encoding": "identity",  # a small reply could be unpacked into one that fills the memory
            **custom,
        }
        self._secret = _pattern([api_key, *(value for value in custom.values() if len(value) >= _SECRET)])
        self._loop: Loop[httpx2.AsyncClient] | None = None
        self._process, self._lock = os.getpid(), threading.Lock()
        self._client = self._connect()

    def _connect(self) -> httpx2.AsyncClient:
        try:
            import httpx2
        except ImportError:
            raise MissingExtraError(f"model {self._model!r} behind an API", "api") from None
        try:
            return httpx2.AsyncClient(
                headers=self._headers,
                timeout=httpx2.Timeout(self.timeout, pool=None),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
                follow_redirects=False,
            )
        except Exception as error:  # of whatever the package reads from this machine; they share no base class
            raise ConfigError(_unfit_settings(self._model, error)) from None

    def _running(self) -> Loop[httpx2.AsyncClient]:
        """Return the loop, begun where it is first needed; after a fork the child begins one of its own."""
        with self._lock:
            if self._process != os.getpid():
                self._client, self._process, self._loop = self._connect(), os.getpid(), None
            if self._loop is None:
                self._loop = Loop(self._client)
            return self._loop

    def post(self, path: str, fields: Mapping[str, Any], take: Callable[[bytes], None] | None = None) -> Answer:
        """Send the fields as JSON, and return what came back after the retries, whatever its status is.

        Args:
            path: behind the address, e.g. ``/embeddings``.
            fields: of the request.
            take: called, in this thread, with each piece of the body where that is a stream of events.

        Raises:
            ApiError: there was no reply, or not in time, or not one that can be read.
        """
        loop = self._running()
        request = _Request(loop.held, path, json.dumps(fields).encode())
        if take is None:
            outcome = loop.run(self._within(request))
        else:
            outcome = loop.hear(lambda tell: self._within(replace(request, tell=tell)), take)
        if isinstance(outcome, ApiError):
            raise outcome  # outside of any handler: the HTTP package's exceptions hold the request, and with it the key
        return outcome

    def error(self, kind: type[ApiError], reason: str, body: str = "") -> ApiError:
        """Build an error that shows the start of ``body``."""
        shown = f": {self.blot(body)[:_SHOWN]!r}" if body else ""
        return kind(f"model {self._model!r} at {self.base_url}: {reason}{shown}")

    def blot(self, text: str) -> str:
        """Return a text without the key, which a server may echo."""
        return self._secret.sub("***", text)

    async def _within(self, request: _Request) -> Answer | ApiError:
        try:
            async with asyncio.timeout(self.deadline):
                return await self._persist(request)
        except TimeoutError:
            return self.error(ApiError, f"no whole reply within the deadline of {self.deadline:g} s")

    async def _persist(self, request: _Request) -> Answer | ApiError:
        """Try until there is an answer that stands, or no try is left."""
        ends = time.monotonic() + self.deadline
        for tried in range(self.max_retries):
            outcome = await self._try(request)
            if not _passes(outcome):
                return outcome
            asked = _asked_wait(outcome.headers) if isinstance(outcome, Answer) else None
            wait = _pause(tried) if asked is None else asked
            if time.monotonic() + wait > ends:  # it says itself that it will not reply in time
                return outcome
            await asyncio.sleep(wait)
        return await self._try(request)

    async def _try(self, request: _Request) -> Answer | ApiError:
        import httpx2

        told = False

        def pass_on(piece: bytes) -> None:
            nonlocal told
            told = True
            if request.tell is not None:
                request.tell(piece)

        try:
            url = httpx2.URL(self.base_url)
            url = url.copy_with(path=url.path.rstrip("/") + request.path)  # what stands behind a "?" stays
            headers = {"Content-Type": "application/json"}
            async with request.client.stream("POST", url, content=request.body, headers=headers) as response:
                streams = response.headers.get("content-type", "").startswith("text/event-stream")
                hears = request.tell is not None and streams and response.status_code == 200
                return await self._read(response, pass_on if hears else None)
        except httpx2.TimeoutException:
            fault = f"no reply within {self.timeout:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as broken:
            fault = f"the connection failed ({type(broken).__name__})"
        error = self.error(ApiError, fault)
        error.passing = not told  # what was told in part is not asked for again: it would come in other words
        return error

    async def _read(self, response: httpx2.Response, hear: Callable[[bytes], None] | None) -> Answer | ApiError:
        if response.headers.get("content-encoding", "identity") != "identity":
            return self.error(BadReplyError, "a compressed reply, which was not asked for")
        body, length = bytearray(), 0
        async for piece in response.aiter_raw():
            length += len(piece)
            if length > MAX_BODY:
                return self.error(BadReplyError, f"a reply of more than {MAX_BODY:,} bytes")
            (hear or body.extend)(piece)
        return Answer(response.status_code, response.headers, bytes(body))


def _passes(outcome: Answer | ApiError) -> bool:
    """Return whether what came of a try may be otherwise at the next one."""
    if isinstance(outcome, ApiError):
        return outcome.passing
    said = outcome.headers.get("x-should-retry")  # of OpenAI's, e.g. where a quota is used up
    return (outcome.status in _AGAIN or outcome.status >= 500) if said not in ("true", "false") else said == "true"


def _pause(tried: int) -> float:
    return float(min(8.0, 0.5 * 2 ** min(tried, 4)) * random.uniform(0.75, 1))


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which a server asks to wait; None if it does not, or asks for what is no time to come."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return seconds if 0 < seconds < math.inf else None
    try:
        seconds = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _custom_headers() -> dict[str, str]:
    pairs = (line.partition(":") for line in os.environ.get(_CUSTOM_HEADERS, "").splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _pattern(secrets: list[str]) -> re.Pattern[str]:
    """Return what finds the secrets, also where JSON or an address writes their characters in another way."""
    return re.compile("|".join("".join(map(_any_form, secret)) for secret in secrets))


def _any_form(character: str) -> str:
    code = f"{ord(character):02x}"
    return rf"(?:\\?{re.escape(character)}|(?i:\\u00{code}|%{code}))"


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
    for name in (*_HEADERS, _CUSTOM_HEADERS):
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
