"""What several packages' tests share: the data folder, and a chat server on loopback with faults on demand."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it: no test waits for a hub, or asks one
typer.testing._get_command = cache(typer.main.get_command)  # the runner builds all commands at every call


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of published benchmark files; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("MEMGYM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no benchmark data in {path}; set MEMGYM_DATA to the folder that holds it")
    return path


Fault = Callable[[BaseHTTPRequestHandler], None]


_LAST = {"Connection": "close"}
"""Tells the client that the connection ends here: else its next request may run into the end of it."""


class ChatServer:
    """Answers ``POST /v1/chat/completions`` with ``answer(messages)``, once the scripted faults are used up.

    Each answer says that it cost ``usage``, unless that is None. Where a stream is asked for, it comes word by word.
    """

    key = "sk-test-3f9a1c77e0b24d5c"

    def __init__(self) -> None:
        self.answer: Callable[[list[dict[str, str]]], str] = lambda messages: "pong"
        self.delay = 0.0
        self.usage: dict[str, Any] | None = None
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.headers: Mapping[str, str] = {}
        self.path = ""
        self.max_in_flight = 0
        self._in_flight = 0
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def then_status(self, status: int, body: str = "{}", **headers: str) -> None:
        """Answer the next request with an error; ``retry_after="1"`` sends ``Retry-After: 1``."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append(lambda handler: _send(handler, status, body.encode(), {**_LAST, **names}))

    def then_body(self, body: bytes, content_type: str = "application/json") -> None:
        """Answer the next request with status 200 and this body."""
        self._faults.append(lambda handler: _send(handler, 200, body, {**_LAST, "Content-Type": content_type}))

    def then_hang(self) -> None:
        """Leave the next request without an answer until the server closes."""
        self._faults.append(lambda handler: self._closing.wait(10))

    def then_cut(self) -> None:
        """Announce an answer to the next request, send a part of it, and close the connection."""

        def cut(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"choices": [{"mess')
            handler.close_connection = True

        self._faults.append(cut)

    def then_write(self, pieces: Iterable[bytes], pause: float = 0.0) -> None:
        """Answer the next request with these bytes, status line and headers included, and pause behind each piece."""

        def write(handler: BaseHTTPRequestHandler) -> None:
            with suppress(OSError):  # the client has had enough
                for piece in pieces:
                    handler.wfile.write(piece)
                    handler.wfile.flush()
                    if self._closing.wait(pause):
                        return

        self._faults.append(write)

    def then_stream(self, *data: str, ends: bool = True) -> None:
        """Answer the next request with a stream of these events, and cut the connection unless it ``ends``."""

        def stream(handler: BaseHTTPRequestHandler) -> None:
            _send_stream(handler, list(data), ends)
            handler.close_connection = True

        self._faults.append(stream)

    def _handler_class(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        assert handler.path.partition("?")[0] == "/v1/chat/completions"
        with self._lock:
            self.headers, self.path = handler.headers, handler.path
            self.requests.append(body)
            self.keys.add(handler.headers["Authorization"])
            fault = self._faults.popleft() if self._faults else None
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            time.sleep(self.delay)
            if fault:
                fault(handler)
                handler.close_connection = True
        finally:
            with self._lock:
                self._in_flight -= 1
        if not fault and body.get("stream"):
            words = self.answer(body["messages"]).split(" ")
            pieces = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
            _send_stream(handler, [*map(chunk, pieces), chunk("", "stop"), "[DONE]"], ends=True)
        elif not fault:
            message = {"role": "assistant", "content": self.answer(body["messages"])}
            completion = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
            if self.usage is not None:
                completion["usage"] = self.usage
            _send(handler, 200, json.dumps(completion).encode(), {"Content-Type": "application/json"})


def chunk(piece: str | None, finish_reason: str | None = None) -> str:
    """Return an event of a streamed reply."""
    choice = {"index": 0, "delta": {"content": piece}, "finish_reason": finish_reason}
    return json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]})


def _send_stream(handler: BaseHTTPRequestHandler, data: list[str], ends: bool) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for event in data:
        text = f"data: {event}\n\n".encode()
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(text), text))
        handler.wfile.flush()
    if ends:
        handler.wfile.write(b"0\r\n\r\n")


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def chat_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """A chat server whose key is in ``OPENAI_API_KEY``; ``OPENAI_BASE_URL`` is unset."""
    monkeypatch.setenv("OPENAI_API_KEY", ChatServer.key)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    pytest.importorskip("httpx2", reason="needs the api extra")
    server = ChatServer()
    yield server
    server.close()
