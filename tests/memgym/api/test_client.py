from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
import time
import traceback

import pytest

from memgym.api import ApiError, BadReplyError, ChatClient, Reply, concurrently
from memgym.errors import ConfigError, MissingExtraError

PING = [{"role": "user", "content": "ping"}]


def client_of(server, **options) -> ChatClient:
    return ChatClient("tiny", server.url, **{"timeout": 1.25, "max_retries": 1, **options})


def test_complete_sends_the_messages_at_temperature_0(chat_server):
    chat_server.answer = lambda messages: messages[-1]["content"].upper()
    assert client_of(chat_server).complete(PING) == "PING"
    assert chat_server.requests == [{"model": "tiny", "messages": PING, "temperature": 0.0}]
    assert chat_server.keys == {f"Bearer {chat_server.key}"}


def test_any_text_can_be_sent(chat_server):
    chat_server.answer = lambda messages: messages[-1]["content"]
    assert client_of(chat_server).complete([{"role": "user", "content": "é\ud800\U0001f600\0"}]) == "é?\U0001f600\0"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_passing_faults_are_retried(chat_server, status):
    for _ in range(3):
        chat_server.then_status(status, retry_after="0.01")
    assert client_of(chat_server, max_retries=3).complete(PING) == "pong"
    assert len(chat_server.requests) == 4


@pytest.mark.parametrize("fault", ["then_hang", "then_cut"])
def test_a_hang_and_a_cut_connection_are_retried(chat_server, fault):
    getattr(chat_server, fault)()
    assert client_of(chat_server).complete(PING) == "pong"
    assert len(chat_server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "arguments", "told"),
    [
        ("then_status", (429, '{"error": "slow down"}'), "HTTP 429.*slow down"),
        ("then_status", (500, "<html>oops"), "HTTP 500.*oops"),
        ("then_status", (401, "no such key"), "HTTP 401.*no such key"),
        ("then_hang", (), "no reply within 1.25 s"),
        ("then_cut", (), "connection failed"),
    ],
)
def test_a_lasting_fault_is_an_error_that_tells_which(chat_server, fault, arguments, told):
    getattr(chat_server, fault)(*arguments)
    with pytest.raises(ApiError, match=told):
        client_of(chat_server, max_retries=0).complete(PING)


def test_a_refusal_is_not_retried(chat_server):
    chat_server.then_status(400, "no")
    with pytest.raises(ApiError, match="HTTP 400"):
        client_of(chat_server, max_retries=5).complete(PING)
    assert len(chat_server.requests) == 1


def test_nobody_listening(chat_server):
    client = client_of(chat_server, max_retries=0)
    chat_server.close()
    with pytest.raises(ApiError, match=r"at http://127.*connection failed"):
        client.complete(PING)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"null",
        b"5",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": " "}}]}',
        b'{"choices": [{"message": {"content": ["a"]}}]}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_garbage_is_an_error(chat_server, body, content_type):
    chat_server.then_body(body, content_type)
    with pytest.raises(BadReplyError):
        client_of(chat_server).complete(PING)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"content": [{"type": "text", "text": "a "}, {"type": "image"}, {"type": "text", "text": "b"}]}', "a b"),
        ('{"content": null, "refusal": "I cannot say."}', "I cannot say."),
        ('{"refusal": "I cannot say."}', "I cannot say."),
    ],
)
def test_text_is_found_where_servers_put_it(chat_server, message, text):
    chat_server.then_body(f'{{"choices": [{{"message": {message}}}]}}'.encode())
    assert client_of(chat_server).complete(PING) == text


def test_a_redirect_is_not_followed(chat_server):
    chat_server.then_status(307, location=f"{chat_server.url}/chat/completions")
    with pytest.raises(ApiError, match="HTTP 307"):
        client_of(chat_server).complete(PING)
    assert len(chat_server.requests) == 1


def test_many_are_answered_in_order_within_the_concurrency(chat_server):
    chat_server.delay = 0.03
    chat_server.answer = lambda messages: messages[0]["content"]
    texts = [str(i) for i in range(12)]
    client = client_of(chat_server, concurrency=3, timeout=5.0)
    chats = [[{"role": "user", "content": text}] for text in texts]
    assert concurrently(client.complete, chats, len(chats)) == texts
    assert chat_server.max_in_flight == 3


def test_after_a_failure_nothing_new_is_begun():
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ApiError("down")
        time.sleep(0.01)

    with pytest.raises(ApiError, match="down"):
        concurrently(work, range(1000), 1)
    assert len(begun) < 1000


@pytest.mark.parametrize("fault", ["echo", "garbage echo", "hang", "cut"])
def test_the_key_shows_nowhere(chat_server, caplog, fault):
    caplog.set_level(logging.DEBUG)
    client = client_of(chat_server, max_retries=0)
    client.complete(PING)
    if fault == "echo":
        # The key straddles the place where a long body is cut.
        chat_server.then_status(401, "x" * 290 + chat_server.key)
    elif fault == "garbage echo":
        chat_server.then_body(chat_server.key.encode() * 3)
    elif fault == "hang":
        chat_server.then_hang()
    else:
        chat_server.then_cut()
    with pytest.raises(ApiError) as caught:
        client.complete(PING)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client) + caplog.text
    assert "tiny" in told
    assert "sk-test" not in told
    assert caught.value.__cause__ is None


def test_the_id_names_the_model_and_hides_the_address(chat_server, monkeypatch):
    there = client_of(chat_server)
    assert there.id.startswith("tiny@")
    assert "127" not in there.id
    assert ChatClient("tiny").id == "tiny"
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url + "/")
    assert ChatClient("tiny").id == there.id


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "1"}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"deadline": 0}, "deadline"),
        ({"request": ["seed"]}, "request"),
        ({"model": "tiny?"}, "fields"),
        ({"max_retries": -1}, "max_retries"),
        ({"concurrency": 0}, "concurrency"),
        ({"base_url": "localhost:8000"}, "base_url"),
        ({"base_url": "ftp://host/v1"}, "base_url"),
        ({"base_url": "http://me:secret@host/v1"}, "base_url"),
        ({"base_url": "http://[::1/v1"}, "base_url"),
        ({"base_url": "http://host:port/v1"}, "base_url"),
        ({"base_url": 5}, "base_url"),
        ({"api_key": "sk-\nno"}, "OPENAI_API_KEY"),
    ],
)
def test_bad_arguments_are_told_at_construction(monkeypatch, options, named):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with pytest.raises(ConfigError, match=named) as caught:
        ChatClient(**{"model": "tiny", **options})
    assert "secret" not in str(caught.value)


def test_copies_ask_alike_and_a_pickle_has_no_key(chat_server, monkeypatch):
    options = {"timeout": 3.0, "max_retries": 1, "concurrency": 2, "temperature": 0.5, "request": {"add": {"top_k": 3}}}
    client = ChatClient("m", chat_server.url, api_key=chat_server.key, **options)
    assert copy.copy(client) is copy.deepcopy(client) is client
    pickled = pickle.dumps(client)
    assert chat_server.key.encode() not in pickled
    twin = pickle.loads(pickled)
    assert (twin.id, twin.concurrency, twin.temperature) == (client.id, 2, 0.5)
    chat_server.then_status(500)
    assert twin.complete(PING) == "pong"
    assert [(request["temperature"], request["top_k"]) for request in chat_server.requests] == [(0.5, 3), (0.5, 3)]
    chat_server.then_hang()
    with pytest.raises(ApiError, match=r"within the deadline of 0\.25 s"):
        pickle.loads(pickle.dumps(ChatClient("m", chat_server.url, deadline=0.25))).complete(PING)
    chat_server.then_hang()
    with pytest.raises(ApiError, match=r"no reply within 0\.25 s"):
        pickle.loads(pickle.dumps(ChatClient("m", chat_server.url, timeout=0.25, max_retries=0))).complete(PING)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        pickle.loads(pickled)


def test_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        ChatClient("tiny")


def test_a_line_break_after_the_key_does_no_harm(chat_server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", chat_server.key + "\n")
    assert client_of(chat_server).complete(PING) == "pong"


def test_missing_extra(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[api\]'"):
        ChatClient("tiny")


def piece(content, finish_reason=None, **more) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    return json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice], **more})


def test_a_stream_is_heard_piece_by_piece(chat_server):
    chat_server.answer = lambda messages: "Tea, or é\U0001f600?"
    heard = []
    reply = client_of(chat_server).stream(PING, heard.append, temperature=0.5)
    assert heard == ["Tea,", "Tea, or", "Tea, or é\U0001f600?"]
    assert (reply.text, reply.finish_reason) == (heard[-1], "stop")
    assert chat_server.requests == [{"model": "tiny", "messages": PING, "temperature": 0.5, "stream": True}]


@pytest.mark.parametrize(
    ("events", "text", "finish", "usage"),
    [
        ((piece("He"), piece("y"), piece(None, "length"), "[DONE]"), "Hey", "length", {}),
        ((piece("Hey", "stop"),), "Hey", "stop", {}),  # without a [DONE]
        ((piece(""), piece("Hey", "stop"), piece("", choices=[], usage={"tokens": 7})), "Hey", "stop", {"tokens": 7}),
        ((piece(None), piece(None, "length"), "[DONE]"), "", "length", {}),  # all of it was reasoning
        ((piece("Hey"), piece("", "stop"), "[DONE]", "never read"), "Hey", "stop", {}),
    ],
)  # fmt: skip
def test_streams_come_in_many_forms(chat_server, events, text, finish, usage):
    chat_server.then_stream(*events)
    assert client_of(chat_server).stream(PING, lambda text: None) == Reply(text, finish, usage)


def test_a_server_that_writes_no_streams_is_heard_at_the_end(chat_server):
    chat_server.then_body(b'{"choices": [{"message": {"content": "pong"}, "finish_reason": "stop"}]}')
    heard = []
    assert client_of(chat_server).stream(PING, heard.append).text == "pong"
    assert heard == ["pong"]


@pytest.mark.parametrize(
    ("events", "ends", "kind", "told"),
    [
        ((piece("He"),), False, ApiError, r"connection failed \("),
        ((piece("He"),), True, BadReplyError, "the reply broke off"),
        ((piece("He"), "[DONE]"), True, BadReplyError, "the reply broke off"),
        ((), True, BadReplyError, "a stream without a reply"),
        (("[DONE]",), True, BadReplyError, "a stream without a reply"),
        ((piece("He"), '{"error": {"message": "out of memory", "code": 500}}'), True, ApiError, "took.*out of memory"),
        (('{"error": "overloaded"}',), True, ApiError, "took its reply back.*overloaded"),
        ((piece("He"), '{"choices": [{"del'), True, BadReplyError, "not a piece"),
        ((piece("He"), "[" * 100_000), True, BadReplyError, "not a piece"),
        ((piece("He"), '{"choices": [5]}'), True, BadReplyError, "not a piece of a chat completion"),
        ((piece("He"), "{}"), True, BadReplyError, "not a piece of a chat completion"),
        ((piece("He"), "[1]"), True, BadReplyError, "not a piece of a chat completion"),
        ((piece([1]),), True, BadReplyError, "not a piece"),
    ],
)
def test_a_fault_in_a_stream_is_one_error_that_tells_which(chat_server, events, ends, kind, told):
    chat_server.then_stream(*events, ends=ends)
    with pytest.raises(ApiError, match=told) as caught:
        client_of(chat_server, max_retries=3).stream(PING, lambda text: None)
    assert type(caught.value) is kind
    assert len(chat_server.requests) == 1  # what was heard is not said again in other words
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None or not hasattr(caught.value.__context__, "request")
    assert client_of(chat_server).complete(PING) == "pong"


def test_a_stream_of_which_nothing_was_heard_is_asked_for_again(chat_server):
    chat_server.then_stream(ends=False)
    heard = []
    assert client_of(chat_server).stream(PING, heard.append).text == "pong"
    assert heard == ["pong"]


@pytest.mark.parametrize("fault", ["then_hang", "then_cut"])
def test_a_stream_that_does_not_begin_is_an_error(chat_server, fault):
    getattr(chat_server, fault)()
    with pytest.raises(ApiError, match=r"no reply within 1\.25 s|connection failed"):
        client_of(chat_server, max_retries=0).stream(PING, lambda text: None)


def test_whoever_hears_may_stop_the_stream(chat_server):
    def hear(text: str) -> None:
        raise KeyboardInterrupt

    chat_server.answer = lambda messages: "on and on"
    client = client_of(chat_server, concurrency=1)
    with pytest.raises(KeyboardInterrupt):
        client.stream(PING, hear)
    assert client.complete(PING) == "on and on"  # its place is free again
