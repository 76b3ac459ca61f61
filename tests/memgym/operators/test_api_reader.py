from __future__ import annotations

import json

import gymnasium as gym
import pytest

from memgym.api import ApiError
from memgym.errors import ConfigError
from memgym.operators import get_operator
from memgym.operators.api_reader import ApiReader
from memgym.protocol.observation import Block, Observation


def observe(*memories: str, answer_format: str = "plain", time: str = "") -> Observation:
    blocks = [Block("question", "Where does Mira live?", {"format": answer_format})]
    if time:
        blocks.append(Block("time", time))
    blocks.extend(Block("memory", text, {"id": f"m{i}", "time": f"day {i}"}) for i, text in enumerate(memories))
    blocks.append(Block("gold", json.dumps({"answers": ["Secretville"]})))
    return Observation("answer", "Answer.", tuple(blocks))


@pytest.fixture
def reader(chat_server) -> ApiReader:
    chat_server.answer = lambda messages: " Lisbon\n" if "Lisbon" in messages[1]["content"] else "unknown"
    return ApiReader("tiny", chat_server.url, timeout=1.25, max_retries=1)


def test_it_reads_the_memory_and_nothing_else(reader, chat_server):
    assert reader(observe("She is a pilot.", "She moved to Lisbon.", time="day 9")) == "Lisbon"
    assert reader(observe()) == "unknown"
    shown = chat_server.requests[0]["messages"][1]["content"]
    for text in ("Where does Mira live?", "[day 0] She is a pilot.", "[day 1] She moved", "asked on day 9"):
        assert text in shown
    assert "Secretville" not in json.dumps(chat_server.requests)
    assert "(empty)" in chat_server.requests[1]["messages"][1]["content"]


def test_it_is_told_whose_a_memory_is_and_when_is_asked(reader, chat_server):
    question = Block("question", "Where does Mira live?", {"time": "2024-05-01", "format": "plain"})
    memory = Block("memory", "Lisbon", {"id": "m1", "key": "Mira's home", "time": "2024-01-01"})
    reader(Observation("answer", "", (question, memory)))
    shown = chat_server.requests[0]["messages"][1]["content"]
    assert "[2024-01-01] Mira's home: Lisbon\n" in shown
    assert "Question (asked on 2024-05-01):" in shown


@pytest.mark.parametrize(
    ("answer_format", "action"),
    [("plain", "Lisbon"), ("boxed", r"\boxed{Lisbon}"), ("json", '{"answer": "Lisbon", "cited_ids": []}')],
)
def test_the_answer_has_the_format_that_is_asked_for(reader, answer_format, action):
    reply = reader(observe("Lisbon", answer_format=answer_format))
    assert reply == action or json.loads(reply) == json.loads(action)


def test_a_fault_is_survived_and_a_lasting_one_raised(reader, chat_server):
    chat_server.then_status(500, retry_after="0.01")
    assert reader(observe("Lisbon")) == "Lisbon"
    for _ in range(2):
        chat_server.then_status(500, retry_after="0.01")
    with pytest.raises(ApiError, match="HTTP 500"):
        reader(observe("Lisbon"))


def test_fields_may_stand_behind_the_name(reader, chat_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    named = get_operator("answer", "api:tiny?temperature=&reasoning_effort=low")
    assert named.play(observe("Lisbon")) == "Lisbon"
    (request,) = chat_server.requests
    assert request == {"model": "tiny", "messages": request["messages"], "reasoning_effort": "low"}


def test_a_reader_that_says_nothing_is_an_error(reader, chat_server):
    chat_server.then_body(b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}')
    with pytest.raises(ApiError, match=r"a reply without text \(it ended by 'length'\)"):
        reader(observe("Lisbon"))


def test_it_is_named_by_a_string(reader, chat_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    assert get_operator("answer", "api:tiny").play(observe("Lisbon")) == "Lisbon"
    assert repr(get_operator("answer", "api:tiny").play) == repr(reader)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        get_operator("answer", "api:tiny")


@pytest.mark.parametrize("env_id", ["memgym/MemoryBank-v1", "memgym/Longcontext-v1"])
def test_it_plays_a_whole_episode(chat_server, monkeypatch, tmp_path, env_id):
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    chat_server.answer = lambda messages: "Lisbon" if "moved to Lisbon" in messages[1]["content"] else "unknown"
    rows = [{"context": "Document 1:\nMira moved to Lisbon.", "input": "Where does Mira live?", "answers": ["Lisbon"]}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    env_options = {"task": "memagent", "path": str(tmp_path / "rows.json"), "reader": "api:tiny"}
    phase, actions = (
        ("retrieve", ['["m1"]', "[]"]) if "Bank" in env_id else ("read", ["Mira moved to Lisbon.", "She is a pilot."])
    )
    env = gym.make(env_id, phases=[phase], **env_options)
    for action, answer in zip(actions, [1.0, 0.0], strict=True):
        env.reset(seed=0)
        _, _, terminated, _, info = env.step(action)
        assert terminated
        assert info["rewards"]["answer"] == answer, info
    assert len(chat_server.requests) == 2
