"""What a served program bears from its clients, as ASGI middleware: it needs no library of servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LONGEST_MESSAGE = 1 << 20
"""Bytes of a message, at most: actions are short."""
TOO_LARGE = 413


class Limits:
    """Closes silent connections, and refuses long requests.

    Args:
        app: the ASGI application behind it.
        idle: seconds after which a connection that says nothing is closed.
    """

    def __init__(self, app: Any, idle: float):
        self._app, self._idle = app, idle

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a connection on."""
        if scope["type"] == "http" and _length(scope) > LONGEST_MESSAGE:
            await send({"type": "http.response.start", "status": TOO_LARGE, "headers": []})
            await send({"type": "http.response.body", "body": b"a request has at most 1 MiB, and says its length"})
        elif scope["type"] == "websocket":
            await self._app(scope, lambda: self._receive(receive, send), send)
        else:
            await self._app(scope, receive, send)

    async def _receive(self, receive: Receive, send: Send) -> Message:
        try:
            return await asyncio.wait_for(receive(), self._idle)
        except TimeoutError:
            reason = f"nothing was said for {self._idle:g} s"
            await send({"type": "websocket.close", "code": 1001, "reason": reason})
            return {"type": "websocket.disconnect", "code": 1001, "reason": reason}


def _length(scope: Message) -> float:
    """Return how long a request's body says that it is; without end if it does not say."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return float("inf")
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else float("inf")
