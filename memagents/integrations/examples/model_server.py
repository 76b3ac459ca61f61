"""A backend of ours behind the OpenAI protocol, for what has no server of its own: examples and tests, on a CPU.

``python -m memagents.integrations.examples.model_server tiny_reader 8000`` serves a built-in model or one in a folder.
A request without a seed gets one that follows from how many came before it, so that repeated rollouts differ.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from memagents.backends.base import Sampling, TokenBackend


class ModelServer(ThreadingHTTPServer):
    """Serves ``POST …/chat/completions`` on loopback; one request at a time is computed."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, backend: TokenBackend, port: int = 0):
        self.backend, self.turn, self.fresh = backend, threading.Lock(), itertools.count()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what the model answers."""
        with self.turn:
            seed = request.get("seed")
            sampling = Sampling(
                max_tokens=request.get("max_completion_tokens") or request.get("max_tokens") or 64,
                temperature=1.0 if request.get("temperature") is None else request["temperature"],
                seeds=(next(self.fresh) if seed is None else seed,),
            )
            (said,) = self.backend.chat([request["messages"]], sampling)
        message = {"role": "assistant", "content": said.text}
        sizes = {"prompt_tokens": len(said.prompt_ids), "completion_tokens": len(said.token_ids)}
        return {
            "id": "chat",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": said.finish_reason}],
            "usage": {**sizes, "total_tokens": sum(sizes.values())},
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.server.complete(request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no line for each request."""


@contextmanager
def served(model: str, port: int = 0) -> Iterator[ModelServer]:
    """Serve a model while the context lasts."""
    from memagents.backends.transformers_backend import TransformersBackend

    backend = TransformersBackend.from_pretrained(model, dtype="float32", device="cpu", truncate=True)
    with ModelServer(backend, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def main(model: str = "tiny_reader", port: str = "8000") -> None:
    """Serve a model until Ctrl-C."""
    with served(model, int(port)) as server, suppress(KeyboardInterrupt):
        print(f"{model} is served at {server.url}; Ctrl-C ends it", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
