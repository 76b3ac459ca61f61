"""What a reply says: chat completions, whole or in a stream, and vectors, in the forms that servers give them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from memgym.checks import is_int

FAULTS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises where a reply is not what it should be."""


@dataclass(frozen=True)
class Reply:
    """A model's reply.

    Args:
        text: what it said, or, if it refused, in which words; "" where all of it was reasoning.
        finish_reason: why it ended, in the server's word: ``stop``, ``length``, ``content_filter``, …
        usage: what the call cost, as far as the server counts it, e.g. ``{"completion_tokens": 40}``.
    """

    text: str
    finish_reason: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)


def told_error(body: str) -> tuple[int, str] | None:
    """Return the status and the words of an error that stands where a reply should; None if there is none.

    Gateways that ask others have sent status 200 when the other one fails: then the body says ``{"error": …}``.
    """
    if '"error"' not in body:
        return None
    try:
        reply = json.loads(body)
        error = _error_in(reply[0] if isinstance(reply, list) else reply)
    except FAULTS:
        return None
    if not error:
        return None
    code: Any = error.get("code") if isinstance(error, dict) else None
    return (code if is_int(code) and 400 <= code < 600 else 500), json.dumps(error)


def read_choice(body: str) -> Reply:
    """Return the first choice of a chat completion.

    Raises:
        one of :data:`FAULTS`: it is none.
    """
    reply = json.loads(body)
    choice = reply["choices"][0]
    return Reply(_text(choice["message"]), _word(choice.get("finish_reason")), _counts(reply))


def read_vectors(body: str, count: int) -> list[list[float]]:
    """Return so many vectors of numbers, in the order of the texts.

    Raises:
        one of :data:`FAULTS`: they are not there, or it is not told which vector is whose.
    """
    items = json.loads(body)["data"]
    places = [item.get("index", place) for place, item in enumerate(items)]
    if sorted(places) != list(range(count)):
        raise ValueError("not one vector for each text")
    told = {place: item["embedding"] for place, item in zip(places, items, strict=True)}
    return [[_number(number) for number in told[place]] for place in range(count)]


class StreamReader:
    """Puts a streamed chat completion together. Feed it pieces of the body, cut anywhere.

    Attributes:
        text: what was said so far.
        finish_reason: why the reply ended; None before that.
        usage: what it cost, once the server tells it.
        error: an error that the server told in place of the rest, as JSON.
    """

    def __init__(self) -> None:
        self.text, self.error = "", ""
        self.finish_reason: str | None = None
        self.usage: dict[str, int] = {}
        self._line = bytearray()
        self._done = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """Take the next piece; yield the text so far whenever it has grown.

        Raises:
            one of :data:`FAULTS`: it is no piece of a chat completion; of ValueError, no JSON.
        """
        self._line += piece
        if b"\n" not in piece and b"\r" not in piece:
            return
        *lines, rest = bytes(self._line).replace(b"\r", b"\n").split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            if line.startswith(b"data:") and self._take(line[5:].strip()):
                yield self.text

    def _take(self, data: bytes) -> bool:
        """Take an event; return whether it says more."""
        self._done = self._done or data.startswith(b"[DONE]")
        if self._done or not data or self.error:
            return False
        chunk = json.loads(data)
        if error := _error_in(chunk):
            self.error = json.dumps(error)
            return False
        self.usage = _counts(chunk) or self.usage
        if not chunk["choices"]:  # of the cost alone
            return False
        choice = chunk["choices"][0]
        self.finish_reason = _word(choice.get("finish_reason")) or self.finish_reason
        more = _text(choice["delta"])
        self.text += more
        return bool(more)


def _error_in(reply: Any) -> Any:
    """Return the error that a reply, or its first choice, tells."""
    if reply.get("error"):
        return reply["error"]
    choices = reply.get("choices")
    return choices[0].get("error") if choices else None


def _text(message: Mapping[str, Any]) -> str:
    """Return the text of a message: some servers write it in parts, and a refusal in a field of its own."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part["type"] == "text")
    text = message.get("refusal") if content is None else content
    if not isinstance(text, str | None):
        raise TypeError("a content that is no text")
    return text or ""


def _counts(reply: Mapping[str, Any]) -> dict[str, int]:
    """Return what is counted in a reply, as far as a record can hold it."""
    told = (reply.get("usage") or {}).items()
    counts = ((name, count) for name, count in told if is_int(count) and 0 <= count < 2**53)
    return dict(islice(((name, count) for name, count in counts if name.isprintable() and len(name) < 100), 50))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("no number")
    return float(value)
