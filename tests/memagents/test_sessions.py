"""Episodes asked from outside leave the rows that a collection leaves."""

from __future__ import annotations

import asyncio

import pytest
import torch

from grpo.advantages import advantages as grpo_advantages
from grpo.buffer import from_rows
from grpo.objective import AdvantageConfig
from memagents.agents import Agent, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, load_agent
from memagents.backends.base import Completion, Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.collect import collect, rows_of
from memagents.sessions import AgentSession, Elsewhere, answer_by, open_sessions, outside, play_session
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError
from memgym.playing import twin
from memgym.registration import make
from memgym.steptrace import advantages, read_trace, returns, write_trace

TRAINED = {"status": "trained"}
INDICES = [3, 0, 8, 5, 1, 2]
PERSONA = {"task": "persona", "difficulty": "easy", "split": "train"}
CASES = {
    "MemAgent": (MemoryAgent, ["read", "answer"], "memgym/Longcontext-v1", {"section_tokens": 400}),
    "reading only, the same model answers": (
        MemoryAgent,
        ["read"],
        "memgym/Longcontext-v1",
        {"section_tokens": 400},
    ),
    "manager": (MemoryR1Agent, ["update"], "memgym/MemoryBank-v1", PERSONA),
    "everything": (
        MemoryRMMAgent,
        ["extract", "update", "retrieve", "answer"],
        "memgym/MemoryBank-v1",
        {**PERSONA, "answer_format": "json"},
    ),
}


def agent_of(case: str, backend) -> Agent:
    cls, trained, _, _ = CASES[case]
    modules = {phase: dict(TRAINED) for phase in trained}
    if cls is MemoryRMMAgent:
        modules["retrieve"] = {"module": "RerankRetriever", **TRAINED}
    return cls({"agent": cls.__name__, "modules": modules}, {"main": backend})


def play_out(sessions: list[AgentSession], backend) -> list[AgentSession]:
    """The loop of somebody else: it asks the model for every session that waits."""
    answer_by(backend, sessions)
    return sessions


def calls_of(sessions: list[AgentSession]) -> list:
    return [call for session in sessions for call in session.calls()]


def assert_equal(rollout, expected) -> None:
    assert set(rollout.keys()) == set(expected.keys())
    for key in expected.keys():  # noqa: SIM118 - a TensorDict iterates over its rows
        if key == "anchor":  # names of states: which are equal is what counts
            mine, theirs = rollout[key], expected[key]
            assert torch.equal(mine[:, None] == mine[None], theirs[:, None] == theirs[None])
        else:
            assert torch.equal(rollout[key], expected[key]), key


@pytest.mark.parametrize("case", CASES)
def test_rows_are_those_of_collect(case: str, scripted) -> None:
    _, _, env_id, kwargs = CASES[case]
    expected = collect(agent_of(case, scripted()), make(env_id, **kwargs), [3, 0], 2, seed=1)
    sessions = open_sessions(agent_of(case, Elsewhere()), make(env_id, **kwargs), [3, 0], group_size=2, seed=1)
    assert_equal(from_rows(rows_of(calls_of(play_out(sessions, scripted())))), expected)


def test_a_thought_that_the_template_opened_is_no_action(scripted) -> None:
    _, _, env_id, kwargs = CASES["MemAgent"]

    def thinker():
        return scripted(lambda prompt: "the key, or" + "</think>Lisbon" * (len(prompt) % 2), opening="<think>\n")

    expected = collect(agent_of("MemAgent", thinker()), make(env_id, **kwargs), [3, 0], 2, seed=1)
    sessions = open_sessions(agent_of("MemAgent", Elsewhere()), make(env_id, **kwargs), [3, 0], group_size=2, seed=1)
    calls = calls_of(play_out(sessions, thinker()))
    assert_equal(from_rows(rows_of(calls)), expected)
    assert {call.action is None for call in calls} == {True, False}


def test_one_that_awaits_leaves_them_too(scripted) -> None:
    _, _, env_id, kwargs = CASES["manager"]
    expected = collect(agent_of("manager", scripted()), make(env_id, **kwargs), [3, 0], 2, seed=1)
    agent, env, model = agent_of("manager", Elsewhere()), make(env_id, **kwargs), scripted()

    async def ask(messages):
        await asyncio.sleep(0)
        return model.chat([messages], Sampling())[0]

    async def play_all() -> list[AgentSession]:
        places = [(3, 0), (3, 1), (0, 0), (0, 1)]
        sessions = [
            AgentSession(agent, twin(env), index=index, trial=trial, seed=1, group=number // 2, episode=number)
            for number, (index, trial) in enumerate(places)
        ]
        return list(await asyncio.gather(*(play_session(session, ask) for session in sessions)))

    assert_equal(from_rows(rows_of(calls_of(asyncio.run(play_all())))), expected)


@pytest.mark.parametrize("name", ["trace.jsonl", "trace.jsonl.gz", "trace.parquet"])
def test_rows_survive_a_file(name: str, scripted, tmp_path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    _, _, env_id, kwargs = CASES["everything"]
    sessions = open_sessions(agent_of("everything", Elsewhere()), make(env_id, **kwargs), [3, 0], group_size=2)
    calls = calls_of(play_out(sessions, scripted()))
    write_trace(tmp_path / name, calls)
    assert_equal(from_rows(rows_of(list(read_trace(tmp_path / name)))), from_rows(rows_of(calls)))


def test_rows_of_picks_survive_a_file(tmp_path) -> None:
    env = make("memgym/RMMReranker-v1", **PERSONA, reward_weights={"evidence_recall": 1.0})
    operators = {"read": "recent", "extract": "verbatim", "update": "add_all", "answer": "extractive"}
    modules = {phase: {"module": "Operator", "name": name} for phase, name in operators.items()}
    modules["retrieve"] = {"embedder": "hash:32", **TRAINED}
    agent = MemoryRMMAgent({"agent": "MemoryRMMAgent", "modules": modules})
    expected = collect(agent, env, [0, 1], 2, seed=4)
    calls = calls_of(open_sessions(agent, env, [0, 1], group_size=2, seed=4))  # it needs no model, so all is played
    assert_equal(from_rows(rows_of(calls)), expected)
    write_trace(tmp_path / "picks.jsonl", calls)
    read = from_rows(rows_of(list(read_trace(tmp_path / "picks.jsonl"))))
    assert read["picks"].tolist() == expected["picks"].tolist()
    torch.testing.assert_close(read["query"], expected["query"])


@pytest.fixture(scope="module")
def trained_calls() -> list:
    """Groups of a real model that samples, so that rewards differ."""
    recipe = read_training_recipe("tiny_reader")
    backend = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
    expected = collect(
        load_agent({**recipe.agent, "backends": {}}, {"main": backend}), recipe.make_env(), INDICES, 8, 7
    )
    agent, env = outside("tiny_reader")
    sessions = open_sessions(agent, env, INDICES, group_size=8, seed=7)
    answer_by(backend, sessions)
    calls = calls_of(sessions)
    assert_equal(from_rows(rows_of(calls)), expected)
    return calls


CREDITS = {
    "episode": {},
    "phase": {"credit": "phase"},
    "step": {"credit": "step", "step_weight": 0.5, "discount": 0.9},
    "gdpo": {"combine": "normalise_each", "reward_weights": "of the environment"},
}


@pytest.mark.parametrize("scale", ["group_std", "none"])
@pytest.mark.parametrize("credit", CREDITS)
def test_credit_is_that_of_grpo(credit: str, scale: str, trained_calls) -> None:
    settings, mine = dict(CREDITS[credit]), {}
    if credit == "gdpo":
        names = list(trained_calls[0].rewards)
        settings["reward_weights"] = tuple(0.3 + place for place in range(len(names)))
        mine["weights"] = dict(zip(names, settings["reward_weights"], strict=True))
    if credit == "step":
        mine = {"step_weight": 0.5, "discount": 0.9}
    expected = grpo_advantages(from_rows(rows_of(trained_calls)), AdvantageConfig(scale=scale, **settings))
    assert expected.unique().numel() > 2
    found = torch.tensor(advantages(trained_calls, credit, scale=scale, **mine))
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=2e-6)


def test_returns_before_comparison(trained_calls) -> None:
    by_episode: dict[int, list] = {}
    for call in trained_calls:
        by_episode.setdefault(call.episode, []).append(call)
    whole, phase, step = (returns(trained_calls, credit) for credit in ("episode", "phase", "step"))
    place = 0
    for calls in by_episode.values():
        for turn, call in enumerate(calls):
            assert whole[place] == pytest.approx(sum(each.reward for each in calls))
            assert step[place] == pytest.approx(sum(each.reward for each in calls[turn:]))
            first = next(number for number, each in enumerate(calls) if each.phase == call.phase)
            assert phase[place] == pytest.approx(sum(each.reward for each in calls[first:]))
            place += 1


def test_what_is_paid_at_every_step_is_paid_outside_too() -> None:
    settings = ["shaping.weight=2.0"]
    recipe = read_training_recipe("tiny_reader", settings)
    backend = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
    agent = load_agent({**recipe.agent, "backends": {}}, {"main": backend})
    expected = collect(agent, recipe.make_shaped_env(), INDICES, 4, 1)
    sessions = open_sessions(*outside("tiny_reader", settings), INDICES, group_size=4, seed=1)
    rollout = from_rows(rows_of(calls_of(play_out(sessions, backend))))
    assert_equal(rollout, expected)
    assert not torch.equal(rollout["reward"], collect(agent, recipe.make_env(), INDICES, 4, 1)["reward"])


def test_bad_use(scripted) -> None:
    with pytest.raises(ConfigError, match=r"unknown training recipe 'tiny_raeder'.*'tiny_reader'"):
        outside("tiny_raeder")
    with pytest.raises(ConfigError, match="reranker trains no language model"):
        outside("reranker")
    agent, env = outside("tiny_reader")
    session = AgentSession(agent, env, index=0)
    with pytest.raises(ConfigError, match="asks nothing"):
        session.take(Completion("the key", [], [], [], "stop"))
    with pytest.raises(ConfigError, match="the trained model is elsewhere"):
        agent.act(session.observation)
