"""What a served program bears: long requests are refused before it sees them, silent connections are closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from memgym.serving.limits import LONGEST_MESSAGE, Limits


def told(headers: dict[bytes, bytes], kind: str = "http", idle: float = 60.0) -> tuple[list[dict], list[dict]]:
    """Return what the application received, and what was sent to the client, who says nothing."""
    received: list[dict] = []
    sent: list[dict] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())

    async def receive() -> dict:
        if kind == "websocket":
            await asyncio.Event().wait()
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Limits(app, idle)({"type": kind, "headers": list(headers.items())}, receive, send))
    return received, sent


@pytest.mark.parametrize(
    "headers",
    [
        {b"content-length": str(LONGEST_MESSAGE + 1).encode()},
        {b"content-length": b"-1"},
        {b"content-length": b"1e3"},
        {b"transfer-encoding": b"chunked"},
        {b"transfer-encoding": b"chunked", b"content-length": b"3"},
    ],
)
def test_what_is_too_long_or_of_no_length_is_refused(headers: dict[bytes, bytes]) -> None:
    received, sent = told(headers)
    assert received == []
    assert sent[0]["status"] == 413


@pytest.mark.parametrize("headers", [{}, {b"content-length": str(LONGEST_MESSAGE).encode()}])
def test_what_fits_is_passed_on(headers: dict[bytes, bytes]) -> None:
    assert told(headers) == ([{"type": "http.request"}], [])


def test_a_silent_connection_is_closed() -> None:
    (received,), (sent,) = told({}, "websocket", 0.01)
    assert (received["type"], received["code"]) == ("websocket.disconnect", 1001)
    assert (sent["type"], sent["code"]) == ("websocket.close", 1001)
