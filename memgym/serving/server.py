"""The reference server of policies: any policy of memgym, over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from memgym.errors import ConfigError
from memgym.policy import Ask, Policy

LONGEST_REQUEST = 1 << 28
"""Bytes of a request, at most."""
IDLE_SECONDS = 60
"""How long a connection may be silent."""


class PolicyServer(ThreadingHTTPServer):
    """Serves a policy by the protocol of :mod:`memgym.serving`; requests are answered one after the other.

    Args:
        policy: is served.
        name: under which it stands in tables.
        host: the address to listen at; others than loopback are open to whoever reaches this machine.
        port: 0 for any that is free.

    Raises:
        ConfigError: it cannot listen there, or the policy reads the gold answers, which no server is sent.
    """

    daemon_threads = True

    def __init__(self, policy: Policy, name: str, host: str = "127.0.0.1", port: int = 0):
        if policy.privileged:
            raise ConfigError(f"{name} reads the gold answers, which no server is sent")
        self.policy, self.name, self.turn = policy, name, threading.Lock()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"cannot listen at {host}:{port}: {error}") from None

    @property
    def url(self) -> str:
        """Where it is reached."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: PolicyServer

    def do_GET(self) -> None:
        self._reply(200, {"name": self.server.name})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_REQUEST:
            self.close_connection = True
            self._reply(413, {"error": f"Content-Length must be a number up to {LONGEST_REQUEST}"})
            return
        try:
            asks = _read(self.rfile.read(int(length)))
        except ValueError as error:
            self._reply(400, {"error": str(error)})
            return
        try:
            with self.server.turn:
                moves = self.server.policy.move_many(asks)
            failed = next((move for move in moves if isinstance(move, Exception)), None)
            if failed:
                raise failed
        except Exception as error:
            self._reply(422, {"error": f"{type(error).__name__}: {error}"})
            return
        self._reply(200, {"actions": [move.action for move in moves if not isinstance(move, Exception)]})

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no line for each request."""

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _read(body: bytes) -> list[Ask]:
    """Read a request.

    Raises:
        ValueError: it is none.
    """
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("the request is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("the request must be a JSON object with 'observations' and 'seeds'")
    observations, seeds = content.get("observations"), content.get("seeds")
    if not isinstance(observations, list) or not all(isinstance(text, str) for text in observations):
        raise ValueError("'observations' must be a list of texts")
    if not isinstance(seeds, list) or not all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds):
        raise ValueError("'seeds' must be a list of whole numbers from 0 to 2**32 - 1")
    if len(seeds) != len(observations):
        raise ValueError(f"there are {len(observations)} observations, but {len(seeds)} seeds")
    return [Ask(text, seed) for text, seed in zip(observations, seeds, strict=True)]
