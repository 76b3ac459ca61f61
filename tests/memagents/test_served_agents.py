"""Agents whose models wait on a network."""

from __future__ import annotations

import json

import gymnasium as gym
import pytest

from memagents.agents import Agent, load_agent
from memagents.backends.openai_backend import OpenAIBackend
from memgym.api import ApiError
from memgym.playing import Job, Played, play
from memgym.policy import Ask
from memgym.protocol.observation import Block, Observation
from memgym.registration import make

USAGE = {"prompt_tokens": 812, "completion_tokens": 40, "total_tokens": 852}
SERVED = {"status": "api", "backend": "served"}


def served_agent(server, local=None, **options) -> Agent:
    """An agent that answers by the served model; it reads by the local one, if there is one, else by a rule."""
    backends = {"served": OpenAIBackend("tiny", server.url, **{"timeout": 5, "max_retries": 0, **options})}
    read = {"module": "Operator", "name": "recent"} if local is None else {"backend": "local"}
    extract = {"module": "Operator", "name": "verbatim"} if local is None else {"backend": "local"}
    if local is not None:
        backends["local"] = local
    modules = {"read": read, "extract": extract, "answer": {"style": "plain", **SERVED}}
    modules["update"] = {"module": "Operator", "name": "add_all"}
    return load_agent({"agent": "MemoryR1Agent", "modules": modules}, backends)


def asking(question: str) -> str:
    return str(Observation("answer", "", (Block("question", question), Block("memory", "A cat.", {"id": "m1"}))))


@pytest.fixture
def env() -> gym.Env:
    return make("memgym/Longcontext-v1", split="test", length=500, phases=["answer"])


def played(agent: Agent, env: gym.Env, episodes: int, concurrency: int) -> list[Played]:
    jobs = [Job(0, index) for index in range(episodes)]
    return sorted(play(agent, env, jobs, concurrency=concurrency), key=lambda one: one.job)


def test_an_agent_waits_if_all_its_models_do(chat_server, scripted) -> None:
    assert served_agent(chat_server).waits
    assert not served_agent(chat_server, scripted()).waits
    assert not load_agent({"agent": "MemoryAgent"}, {"main": scripted()}).waits
    rules = {"read": {"module": "Operator", "name": "recent"}, "extract": {"module": "Operator", "name": "verbatim"}}
    rules |= {"update": {"module": "Operator", "name": "add_all"}, "retrieve": {"module": "LinearReranker"}}
    rules["answer"] = {"module": "Operator", "name": "extractive"}
    assert not load_agent({"agent": "PromptedAgent", "modules": rules}).waits  # it computes


def test_what_a_call_cost_comes_with_the_move(chat_server, env) -> None:
    agent = served_agent(chat_server)
    chat_server.usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 3}, "cost": "0.1"}
    for one in played(agent, env, 2, 2):
        (step,) = one.steps
        assert (step.move.action, step.move.usage) == ("pong", {**USAGE, "calls": 1})
    (call,) = agent.play([asking("Who?")], [0])
    assert call.usage == {**USAGE, "calls": 1}
    chat_server.usage = None
    (move,) = agent.move_many([Ask(asking("Who?"))])
    assert (move.action, move.usage) == ("pong", {"calls": 1})


def test_a_move_without_a_served_model_has_no_cost(chat_server) -> None:
    chat_server.usage = USAGE
    reading = str(Observation("read", "", (Block("question", "Who?"), Block("memory", ""), Block("section", "A cat."))))
    read, answered = served_agent(chat_server).move_many([Ask(reading), Ask(asking("Who?"))])
    assert (read.usage, answered.usage) == (None, {**USAGE, "calls": 1})


def test_the_server_gets_the_seeds_of_the_moves_whatever_runs_beside(chat_server, env) -> None:
    agent, sent = served_agent(chat_server), []
    for concurrency in (1, 4):
        chat_server.requests.clear()
        for one in played(agent, env, 6, concurrency):
            assert one.error is None
        sent.append({json.dumps(body["messages"]): body["seed"] for body in chat_server.requests})
    assert sent[0] == sent[1]
    assert len(set(sent[0].values())) == 6


def test_no_more_requests_are_under_way_than_the_backend_allows(chat_server, env) -> None:
    chat_server.delay = 0.02
    assert all(one.error is None for one in played(served_agent(chat_server, concurrency=3), env, 12, 12))
    assert chat_server.max_in_flight == 3


@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "beside a local model"])
def test_a_request_that_fails_costs_its_own_episode_only(chat_server, env, scripted, mixed: bool) -> None:
    agent = served_agent(chat_server, scripted() if mixed else None)
    chat_server.then_status(400, "content filter")
    episodes = played(agent, env, 6, 6)
    failed = [one for one in episodes if one.error is not None]
    assert len(failed) == 1
    assert isinstance(failed[0].error, ApiError)
    assert "content filter" in str(failed[0].error)
    assert len(chat_server.requests) == 6  # none was sent again
    assert all(one.steps[0].move.action == "pong" for one in episodes if one.error is None)
