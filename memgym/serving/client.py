"""A policy that is played over HTTP (the ``api`` extra)."""

from __future__ import annotations

import json
import os
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from memgym.checks import check_int, check_number
from memgym.errors import ConfigError, MemgymError, MissingExtraError
from memgym.policy import Ask, Move, StochasticPolicy

if TYPE_CHECKING:
    import httpx2

TOKEN = "MEMGYM_POLICY_TOKEN"
"""The environment variable whose text is sent as ``Authorization: Bearer …``, if it is set."""
LONGEST_REPLY = 1 << 26
"""Bytes of a reply that are read, at most."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_NAME = 100
_SHOWN = 200


class PolicyServerError(MemgymError, RuntimeError):
    """The server of a policy gave no usable reply, also after the retries."""


class _RefusedError(PolicyServerError):
    """The server replied, but not with actions: perhaps one observation is at fault."""


class HttpPolicy(StochasticPolicy):
    """Plays what a server answers, by the protocol of :mod:`memgym.serving`; ``memgym evaluate http://…`` plays it.

    All observations that wait go out in one request. The address is recorded nowhere; the name that the server tells
    is. Redirects are not followed.

    Args:
        url: of the server, e.g. ``http://127.0.0.1:8000``, without a user name or password; a secret goes into
            ``MEMGYM_POLICY_TOKEN``.
        timeout: seconds from a request to the end of its reply, at each try.
        max_retries: tries after the first one, where the connection failed or the server was busy.

    Raises:
        ConfigError: an argument does not fit.
        MissingExtraError: the ``api`` extra is not installed.
    """

    path_options = ("url",)

    def __init__(self, url: str, timeout: float = 60.0, max_retries: int = 3):
        self._url = _checked(url)
        self._timeout = check_number("timeout", timeout, 0, above=True)
        self._max_retries = check_int("max_retries", max_retries, 0)
        self._client = _connect(timeout)
        _check_request(self._client, self._url)
        weakref.finalize(self, self._client.close)  # kept-alive connections end with their user

    @classmethod
    def claims(cls, **options: Any) -> dict[str, Any]:
        """Return the name that the server gives itself, in place of how it is reached.

        Raises:
            PolicyServerError: there is no such server.
        """
        return {"name": cls(**options)._name()}

    def act(self, observation: str, seed: int = 0) -> str:
        """Return the server's action; ``""`` where it has none."""
        return self.act_many([observation], [seed])[0] or ""

    def act_many(self, observations: Sequence[str], seeds: Sequence[int] | None = None) -> Sequence[str | None]:
        """Return the server's actions.

        Raises:
            PolicyServerError: there was no usable reply.
        """
        seeds = [0] * len(observations) if seeds is None else seeds
        reply = self._request("POST", {"observations": list(observations), "seeds": list(seeds)})
        actions = reply.get("actions")
        if not isinstance(actions, list) or not all(isinstance(action, str | None) for action in actions):
            raise self._error(_RefusedError, "'actions' must be a list of texts", json.dumps(reply))
        if len(actions) != len(observations):
            raise self._error(_RefusedError, f"{len(actions)} actions for {len(observations)} observations")
        return actions

    def move_many(self, asks: Sequence[Ask]) -> Sequence[Move | Exception]:
        """Return the server's moves; where it cannot be reached, why, once for all of them."""
        try:
            return super().move_many(asks)
        except _RefusedError:
            raise  # asked again in halves: one observation's failure is not the others'
        except PolicyServerError as error:
            return [error] * len(asks)

    def _name(self) -> str:
        name = self._request("GET").get("name")
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
            raise self._error(PolicyServerError, f"'name' must be a text of 1 to {_LONGEST_NAME} printable characters")
        return name

    def _request(self, method: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request, again while the server is busy, and return the object that it replies with."""
        for tried in range(self._max_retries + 1):
            try:
                status, body = self._try(method, content)
            except PolicyServerError:
                if tried == self._max_retries:
                    raise
            else:
                if status not in _AGAIN or tried == self._max_retries:
                    return self._read(status, body)
            time.sleep(min(8.0, 0.25 * 2**tried))
        raise AssertionError("unreachable")

    def _try(self, method: str, content: Mapping[str, Any] | None) -> tuple[int, bytes]:
        import httpx2

        ends = time.monotonic() + self._timeout
        body = bytearray()
        try:
            with self._client.stream(method, self._url, json=content) as response:
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > LONGEST_REPLY:
                        raise self._error(_RefusedError, f"a reply of more than {LONGEST_REPLY:,} bytes")
                    if time.monotonic() > ends:
                        raise httpx2.ReadTimeout("")
                return response.status_code, bytes(body)
        except httpx2.TimeoutException:
            raise self._error(PolicyServerError, f"no reply within {self._timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise self._error(PolicyServerError, f"the connection failed ({type(error).__name__})") from None

    def _read(self, status: int, body: bytes) -> dict[str, Any]:
        shown = body[:_SHOWN].decode(errors="replace")
        if status != 200:
            raise self._error(_RefusedError, f"HTTP {status}", shown)
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise self._error(_RefusedError, "a reply that is no JSON object", shown)
        return reply

    def _error(self, kind: type[PolicyServerError], reason: str, body: str = "") -> PolicyServerError:
        token = os.environ.get(TOKEN)
        shown = f": {body.replace(token, '***')[:_SHOWN] if token else body[:_SHOWN]!r}" if body else ""
        return kind(f"policy at {self._url}: {reason}{shown}")


def _checked(url: object) -> str:
    """Return the address of a server, if its parts fit."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        fits = parts is not None and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:  # a port or IPv6 address that is none
        fits = False
    if not (fits and parts and parts.scheme in ("http", "https")):
        raise _unfit_url()
    return str(url)


def _check_request(client: httpx2.Client, url: str) -> None:
    """Check that requests can be made to an address: what its host and path may hold, the client knows."""
    import httpx2

    try:
        client.build_request("GET", url).url.raw_host.decode().encode("idna")  # as the look-up of the host does
    except (httpx2.InvalidURL, UnicodeError):
        raise _unfit_url() from None


def _unfit_url() -> ConfigError:
    """Build the error for an address; it is not repeated, as it may hold a password."""
    return ConfigError(
        f"argument 'url' must look like http://127.0.0.1:8000; a user name or password goes into {TOKEN} instead"
    )


def _connect(timeout: float) -> httpx2.Client:
    try:
        import httpx2
    except ImportError:
        raise MissingExtraError("a policy over HTTP", "api") from None
    token = os.environ.get(TOKEN, "")
    if not (token.isascii() and token.isprintable()):
        raise ConfigError(f"{TOKEN} has characters that no token can have; set it anew")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return httpx2.Client(timeout=timeout, headers=headers, follow_redirects=False)
    except Exception as error:  # of proxies and certificates that this machine names; they share no base class
        raise ConfigError(f"cannot make connections with this machine's settings for proxies: {error}") from None
