"""Servers that drip, flood, echo, redirect and stall: each request ends, in one clear way."""

from __future__ import annotations

import email.utils
import gzip
import itertools
import json
import os
import threading
import time
import traceback

import pytest

from memgym.api import ApiError, BadReplyError, ChatClient
from memgym.api import endpoint as module
from memgym.errors import ConfigError

PING = [{"role": "user", "content": "ping"}]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"choices": [{"message": {"content": "pong"}}]}'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
EVENT = b'data: {"choices": [{"delta": {"content": "on "}}]}\n\n'


def client_of(server, **options) -> ChatClient:
    return ChatClient("tiny", server.url, **{"timeout": 1.25, "max_retries": 1, **options})


DRIPS = {
    "a body": [HEAD + b"Content-Length: 100000\r\n\r\n", *[b" "] * 1000],
    "a body of no length": [HEAD + b"\r\n", *[b" "] * 1000],
    "headers": [HEAD, *[b"X-A: b\r\n"] * 1000],
    "one header": [HEAD + b"X-A: ", *[b"b"] * 1000],
    "an error": [b"HTTP/1.1 400 No\r\nContent-Length: 100000\r\n\r\n", *[b" "] * 1000],
    "early hints": [b"HTTP/1.1 103 Early\r\n\r\n"] * 1000,
}


@pytest.mark.parametrize("what", DRIPS)
def test_a_server_that_drips_is_given_up_at_the_deadline(chat_server, what):
    chat_server.then_write(DRIPS[what], pause=0.05)
    started = time.monotonic()
    with pytest.raises(ApiError, match=r"no whole reply within the deadline of 0\.4 s"):
        client_of(chat_server, deadline=0.4).complete(PING)
    assert 0.3 < time.monotonic() - started < 1.2
    assert client_of(chat_server).complete(PING) == "pong"


def test_the_deadline_spans_all_tries(chat_server):
    for _ in range(9):
        chat_server.then_status(500, retry_after="0.1")
    with pytest.raises(ApiError, match=r"HTTP 500|deadline of 0\.35 s"):
        client_of(chat_server, deadline=0.35, max_retries=9).complete(PING)
    assert 2 <= len(chat_server.requests) <= 4


def test_a_stream_that_drips_is_heard_up_to_the_deadline(chat_server):
    chat_server.then_write([STREAM, *[EVENT] * 1000], pause=0.05)
    heard = []
    with pytest.raises(ApiError, match=r"deadline of 0\.4 s"):
        client_of(chat_server, deadline=0.4).stream(PING, heard.append)
    assert heard[:2] == ["on ", "on on "]
    assert len(chat_server.requests) == 1


FLOODS = {
    "a body": lambda: itertools.chain([HEAD + b"\r\n"], itertools.repeat(b" " * 1000)),
    "an error": lambda: itertools.chain([b"HTTP/1.1 400 No\r\n\r\n"], itertools.repeat(b" " * 1000)),
    "a redirect": lambda: itertools.chain([b"HTTP/1.1 302 No\r\nLocation: /\r\n\r\n"], itertools.repeat(b" " * 1000)),
    "a stream": lambda: itertools.chain([STREAM], itertools.repeat(EVENT)),
    "a line of a stream": lambda: itertools.chain([STREAM + b"data: "], itertools.repeat(b" " * 1000)),
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_server_that_floods_is_given_up_at_the_limit(chat_server, monkeypatch, what):
    monkeypatch.setattr(module, "MAX_BODY", 20_000)
    chat_server.then_write(FLOODS[what]())
    with pytest.raises(BadReplyError, match="a reply of more than 20,000 bytes"):
        client_of(chat_server, deadline=5).stream(PING, lambda text: None)
    assert len(chat_server.requests) == 1


def test_endless_headers_are_given_up(chat_server):
    chat_server.then_write(itertools.chain([HEAD], itertools.repeat(b"X-A: " + b"b" * 1000 + b"\r\n")))
    with pytest.raises(ApiError, match="the connection failed"):
        client_of(chat_server, max_retries=0, deadline=5).complete(PING)


@pytest.mark.parametrize("status", [200, 400])
def test_nothing_is_unpacked(chat_server, status):
    bomb = gzip.compress(b" " * 50_000_000)
    head = f"HTTP/1.1 {status} OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    chat_server.then_write([head.encode(), bomb])
    with pytest.raises(BadReplyError, match="a compressed reply, which was not asked for"):
        client_of(chat_server).complete(PING)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_goes_to_no_other_host(chat_server, status):
    other = type(chat_server)()
    try:
        chat_server.then_status(status, location=f"{other.url}/chat/completions")
        with pytest.raises(ApiError, match=f"HTTP {status} \\(a redirect, which is not followed"):
            client_of(chat_server).complete(PING)
        assert other.requests == []
    finally:
        other.close()


@pytest.mark.parametrize(
    "echo",
    [
        lambda key: key,
        lambda key: "x" * 290 + key,  # it straddles the place where a long body is cut
        lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
        lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
        lambda key: "".join(f"%{ord(c):02X}" for c in key),
        lambda key: key.replace("-", r"\-"),
    ],
)
@pytest.mark.parametrize("status", [200, 307, 400, 401, 500])
def test_a_key_that_is_echoed_is_blotted_out(chat_server, echo, status):
    said = echo(chat_server.key)
    chat_server.then_status(status, f'{{"error": "no such key {said}", "seed": "unsupported"}}')
    with pytest.raises(ApiError) as caught:
        client_of(chat_server, max_retries=0).complete(PING)
    told = "".join(traceback.format_exception(caught.value))
    assert chat_server.key not in told
    assert "no such key" in told
    assert said[-20:] not in told


def test_a_key_in_a_warning_a_reply_or_a_stream_is_blotted_out(chat_server):
    chat_server.then_status(400, f"'temperature' is not supported for {chat_server.key}")
    chat_server.answer = lambda messages: f"your key is {chat_server.key}"
    client = client_of(chat_server)
    with pytest.warns(UserWarning, match=r"not supported for \*\*\*"):
        assert client.complete(PING) == "your key is ***"
    heard = []
    assert client.stream(PING, heard.append).text == heard[-1] == "your key is ***"


def test_headers_that_hold_another_key_are_sent_and_blotted_out(chat_server, monkeypatch):
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway-Key: gw-123456789\nX-Mode: on")
    chat_server.then_status(401, "who is gw-123456789, and on?")
    with pytest.raises(ApiError, match=r"who is \*\*\*, and on\?"):
        client_of(chat_server).complete(PING)
    assert chat_server.headers["X-Gateway-Key"] == "gw-123456789"
    assert chat_server.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("asked", ["-5", "0", "nan", "inf", "-inf", "soon", "", email.utils.formatdate(0)])
def test_a_wait_that_is_no_time_to_come_is_not_obeyed(chat_server, asked):
    chat_server.then_status(429, retry_after=asked)
    started = time.monotonic()
    assert client_of(chat_server).complete(PING) == "pong"
    assert 0.3 < time.monotonic() - started < 2  # the first pause of its own


@pytest.mark.parametrize("asked", ["86400", "1e300", email.utils.formatdate(4e9, usegmt=True)])
def test_a_wait_beyond_the_deadline_is_not_begun(chat_server, asked):
    chat_server.then_status(429, "come back tomorrow", retry_after=asked)
    started = time.monotonic()
    with pytest.raises(ApiError, match=r"HTTP 429.*come back tomorrow"):
        client_of(chat_server).complete(PING)
    assert time.monotonic() - started < 1
    assert len(chat_server.requests) == 1


@pytest.mark.parametrize(("header", "least"), [({"retry_after": "0.2"}, 0.2), ({"retry_after_ms": "200"}, 0.2)])
def test_a_wait_that_is_asked_for_is_obeyed(chat_server, header, least):
    chat_server.then_status(503, **header)
    started = time.monotonic()
    assert client_of(chat_server).complete(PING) == "pong"
    assert least <= time.monotonic() - started < least + 0.25


@pytest.mark.parametrize(("said", "requests"), [("false", 1), ("true", 2)])
def test_a_server_may_say_whether_to_ask_again(chat_server, said, requests):
    chat_server.then_status(429 if said == "false" else 400, x_should_retry=said, retry_after="0.01")
    client = client_of(chat_server)
    if said == "false":
        with pytest.raises(ApiError, match="HTTP 429"):
            client.complete(PING)
    else:
        assert client.complete(PING) == "pong"
    assert len(chat_server.requests) == requests


def test_an_error_under_status_200_is_an_error(chat_server):
    chat_server.then_body(b'{"error": {"message": "upstream is down", "code": 502}}')
    with pytest.raises(ApiError, match=r"an error in place of a reply: .*upstream is down") as caught:
        client_of(chat_server).complete(PING)
    assert type(caught.value) is ApiError
    chat_server.then_body(b'{"error": {"message": "unsupported field temperature", "code": 400}}')
    with pytest.warns(UserWarning, match="refuses the field 'temperature'"):
        assert client_of(chat_server).complete(PING) == "pong"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0" * 100, b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"SSH-2.0-x\r\n"],
)
def test_what_is_no_http_is_an_error(chat_server, raw):
    chat_server.then_write([raw])
    with pytest.raises(ApiError, match=r"the connection failed \(RemoteProtocolError\)"):
        client_of(chat_server, max_retries=0).complete(PING)


def test_what_stands_behind_the_address_stays(chat_server):
    assert ChatClient("tiny", f"{chat_server.url}?api-version=1").complete(PING) == "pong"
    assert chat_server.path == "/v1/chat/completions?api-version=1"


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "memgym-api"}


def test_many_threads_share_a_client_that_is_not_yet_connected(chat_server):
    chat_server.delay = 0.02
    before = own_threads()
    client = client_of(chat_server, concurrency=4)
    said = []
    threads = [threading.Thread(target=lambda: said.append(client.complete(PING))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["pong"] * 12
    assert chat_server.max_in_flight == 4
    assert len(own_threads() - before) == 1


def test_a_client_that_is_let_go_ends_its_thread(chat_server):
    before = own_threads()
    client = client_of(chat_server)
    client.complete(PING)
    (thread,) = own_threads() - before
    del client
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_connects_anew(chat_server):
    client = client_of(chat_server, deadline=3)
    client.complete(PING)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if client.complete(PING) == "pong" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert client.complete(PING) == "pong"
    assert json.dumps(chat_server.requests).count("ping") == 3


def test_a_key_that_no_header_can_have(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "schlüssel")
    with pytest.raises(ConfigError, match="characters that no key can have"):
        ChatClient("tiny")
