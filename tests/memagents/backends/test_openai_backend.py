from __future__ import annotations

import json
import logging
import sys
import traceback

import pytest

from memagents.backends import Completion, Sampling, make_backend
from memagents.backends.openai_backend import OpenAIBackend
from memgym.api import ApiError, BadReplyError
from memgym.errors import ConfigError, MissingExtraError
from memgym.protocol.actions import ACTION_SCHEMAS

PING = [{"role": "user", "content": "ping"}]
GREEDY = Sampling(max_tokens=7, temperature=0)


def backend_of(server, **options) -> OpenAIBackend:
    return OpenAIBackend("tiny", server.url, **{"timeout": 0.5, "max_retries": 1, **options})


def body(content, **choice) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}, **choice}]}).encode()


def test_completions_have_text_but_no_tokens(chat_server):
    chat_server.answer = lambda messages: messages[-1]["content"].upper()
    assert backend_of(chat_server).chat([PING], GREEDY) == [Completion("PING", [], [], [], "stop", usage={"calls": 1})]
    assert chat_server.requests == [{"model": "tiny", "messages": PING, "max_tokens": 7, "temperature": 0}]
    assert chat_server.keys == {f"Bearer {chat_server.key}"}


def test_all_of_the_sampling_is_sent(chat_server):
    schema = ACTION_SCHEMAS["answer"]
    sampling = Sampling(
        max_tokens=9, temperature=0.5, top_p=0.9, top_k=20, min_tokens=2, seeds=(3, 5), json_schema=schema
    )
    backend_of(chat_server, concurrency=1).chat([PING, PING], sampling)
    first, second = chat_server.requests
    assert first["temperature"] == 0.5
    assert first["top_p"] == 0.9
    assert (first["top_k"], first["min_tokens"]) == (20, 2)
    assert first["response_format"]["json_schema"]["schema"] == sampling.grammar_schema
    assert (first["seed"], second["seed"]) == (3, 5)
    with pytest.raises(ConfigError, match="2 seeds for 1 prompts"):
        backend_of(chat_server).chat([PING], sampling)


def test_batches_are_concurrent_and_in_order(chat_server):
    chat_server.answer = lambda messages: messages[-1]["content"]
    chat_server.delay = 0.05
    batch = [[{"role": "user", "content": str(i)}] for i in range(12)]
    completions = backend_of(chat_server, timeout=5, concurrency=4).chat(batch, GREEDY)
    assert [c.text for c in completions] == [str(i) for i in range(12)]
    assert 1 < chat_server.max_in_flight <= 4
    assert backend_of(chat_server).chat([], GREEDY) == []


def test_the_finish_reason_is_the_servers(chat_server):
    chat_server.then_body(body("cut off", finish_reason="length"))
    chat_server.then_body(body("done", finish_reason="stop"))
    chat_server.then_body(body(None, finish_reason="length"))
    backend = backend_of(chat_server)
    said = [backend.chat([PING], GREEDY)[0] for _ in range(2)]
    with pytest.warns(UserWarning, match=r"1 of 3 completions of 'tiny@.*' are empty \(the last ended by 'length'\)"):
        said += backend.chat([PING], GREEDY)
    assert [(c.text, c.finish_reason) for c in said] == [("cut off", "length"), ("done", "stop"), ("", "length")]


def test_empty_completions_are_counted_and_told_at_each_power_of_ten(chat_server):
    chat_server.answer = lambda messages: ""
    backend = backend_of(chat_server)
    with pytest.warns(UserWarning, match="completions of .* are empty") as told:
        assert {c.text for c in backend.chat([PING] * 12, GREEDY)} == {""}
    assert [str(one.message).split(" of 'tiny")[0].split(" of ")[0] for one in told] == ["1", "10"]
    assert "raise max_tokens" in str(told[0].message)


def test_a_refusal_is_a_reply_and_no_empty_one(chat_server):
    chat_server.then_body(b'{"choices": [{"message": {"content": null, "refusal": "I will not."}}]}')
    assert backend_of(chat_server).chat([PING], GREEDY)[0].text == "I will not."


def test_a_recipe_says_what_a_server_takes(chat_server):
    request = {"omit": ["seed"], "rename": {"max_tokens": "max_completion_tokens"}, "add": {"reasoning_effort": "low"}}
    backend = make_backend(
        {"kind": "openai", "model": "tiny", "base_url": chat_server.url, "request": request, "deadline": 9}
    )
    backend.chat([PING], Sampling(max_tokens=7, temperature=0, seeds=(1,)))
    sent = {"max_completion_tokens": 7, "temperature": 0, "reasoning_effort": "low"}
    assert chat_server.requests == [{"model": "tiny", "messages": PING, **sent}]


def test_template_options_go_to_servers_that_take_them(chat_server):
    backend_of(chat_server, template_options={"enable_thinking": False}).chat([PING], GREEDY)
    assert chat_server.requests[0]["chat_template_kwargs"] == {"enable_thinking": False}
    with pytest.raises(ConfigError, match="the same field"):
        backend_of(
            chat_server, template_options={"a": 1}, request={"add": {"chat_template_kwargs": {"enable_thinking": True}}}
        )


def test_refused_fields_are_left_out_or_renamed_for_all_that_follow(chat_server):
    said = {"param": "max_tokens", "message": "Unsupported parameter. Use 'max_completion_tokens' instead."}
    chat_server.then_status(400, json.dumps({"error": said}))
    chat_server.then_status(422, '{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"]}]}')
    backend = backend_of(chat_server)
    sampling = Sampling(max_tokens=7, temperature=0, seeds=(1,))
    with pytest.warns(UserWarning, match="refuses the field") as told:
        backend.chat([PING], sampling)
    backend.chat([PING], sampling)
    assert len(told) == 2
    assert "it is called 'max_completion_tokens'" in str(told[0].message)
    assert "it is left out: the same request may get another reply" in str(told[1].message)
    taken = {"model": "tiny", "messages": PING, "temperature": 0, "max_completion_tokens": 7}
    assert chat_server.requests[2:] == [taken, taken]


def test_a_schema_that_is_refused_is_not_left_out(chat_server):
    chat_server.then_status(400, '{"error": {"message": "response_format is not supported"}}')
    with pytest.raises(ApiError, match=r"HTTP 400 \(request = \{ omit = \['response_format'\] \}"):
        backend_of(chat_server).chat([PING], Sampling(json_schema=ACTION_SCHEMAS["answer"]))
    assert "response_format" in chat_server.requests[-1]


def test_any_text_can_be_sent(chat_server):
    chat_server.answer = lambda messages: messages[-1]["content"]
    (completion,) = backend_of(chat_server).chat([[{"role": "user", "content": "é\ud800\U0001f600\0"}]], GREEDY)
    assert completion.text == "é?\U0001f600\0"


@pytest.mark.parametrize("fault", ["then_hang", "then_cut"])
def test_a_hang_and_a_cut_connection_are_retried(chat_server, fault):
    getattr(chat_server, fault)()
    assert backend_of(chat_server).chat([PING], GREEDY)[0].text == "pong"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_faults_are_retried(chat_server, status):
    for _ in range(2):
        chat_server.then_status(status, retry_after="0.01")
    assert backend_of(chat_server, max_retries=2).chat([PING], GREEDY)[0].text == "pong"


@pytest.mark.parametrize(
    ("fault", "arguments", "kind", "told"),
    [
        ("then_status", (429, "slow down"), ApiError, "HTTP 429.*slow down"),
        ("then_status", (400, "no such model"), ApiError, "HTTP 400.*no such model"),
        ("then_hang", (), ApiError, "no reply within 0.5 s"),
        ("then_cut", (), ApiError, "connection failed"),
        ("then_body", (b"<html>",), BadReplyError, "not a chat completion.*<html>"),
        ("then_body", (b'{"choices": []}',), BadReplyError, "not a chat completion"),
        ("then_body", (b'{"choices": [5]}',), BadReplyError, "not a chat completion"),
        ("then_body", (body([1]),), BadReplyError, "not a chat completion that has text"),
    ],
)
def test_a_lasting_fault_is_an_error_that_tells_which(chat_server, fault, arguments, kind, told):
    getattr(chat_server, fault)(*arguments)
    with pytest.raises(kind, match=told):
        backend_of(chat_server, max_retries=0).chat([PING], GREEDY)


def test_the_key_shows_nowhere(chat_server, caplog):
    with caplog.at_level(logging.DEBUG):
        backend = backend_of(chat_server, max_retries=0)
        backend.chat([PING], GREEDY)
        chat_server.then_status(401, f"bad key {chat_server.key}")
        with pytest.raises(ApiError) as caught:
            backend.chat([PING], GREEDY)
    shown = "".join(traceback.format_exception(caught.value)) + repr(backend) + str(vars(backend)) + caplog.text
    assert "HTTP 401" in shown
    assert chat_server.key not in shown


def test_there_must_be_a_key(chat_server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        backend_of(chat_server)


def test_without_the_extra_the_pip_line_is_told(chat_server, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[api\]'"):
        backend_of(chat_server)
