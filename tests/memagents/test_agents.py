"""Agents as policies."""

from __future__ import annotations

import pytest

from memagents.agents import AGENTS, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, PromptedAgent, load_agent
from memagents.modules import Call
from memgym import Observation
from memgym.leaderboard.evaluate import make_env
from memgym.leaderboard.suites import get_suite
from memgym.policy import Ask
from memgym.protocol.observation import PHASES, Block
from memgym.registration import make

EPISODES = 2


@pytest.mark.parametrize("entry", get_suite("quick-v2").entries, ids=lambda entry: entry.name)
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_plays_quick_to_the_end(name: str, entry, scripted) -> None:
    agent = load_agent({"agent": name}, {"main": scripted()})
    env = make_env(entry).unwrapped
    envs = [env.spawn() for _ in range(EPISODES)]
    states = {i: envs[i].reset(options={"index": i})[0] for i in range(EPISODES)}
    played, errors = set(), []
    while states:
        for i, action in zip(list(states), agent.act_many(list(states.values())), strict=True):
            states[i], _, done, _, info = envs[i].step(action)
            played.add(info["played"])
            errors.append(info["action_error"])
            if done:
                del states[i]
    assert played == set(env.phases)
    assert not any(errors)


def test_one_batch_per_backend_and_sampling(scripted, api) -> None:
    local, hosted = scripted(), api()
    modules = {phase: {"backend": "local", "max_tokens": 64} for phase in PHASES}
    modules["retrieve"] = {"module": "RerankRetriever", "backend": "local", "max_tokens": 65}
    modules["answer"]["backend"] = "hosted"
    agent = MemoryR1Agent({"agent": "MemoryR1Agent", "modules": modules}, {"local": local, "hosted": hosted})
    observations = [state(phase) for phase in ("answer", "extract", "retrieve", "update", "extract", "answer")]
    actions = agent.act_many(observations)
    assert [len(prompts) for prompts, _ in local.batches] == [3, 1]
    assert [len(prompts) for prompts, _ in hosted.model.batches] == [2]
    assert actions[1].startswith('{"memory_list"')
    assert actions[2].startswith("[")
    assert actions[3].startswith('{"operations"')


def test_a_failed_call_leaves_the_others(scripted) -> None:
    long = state("read", section="x" * 5000)
    agent = MemoryAgent({"agent": "MemoryAgent"}, {"main": scripted(context=3000)})
    calls = agent.play([state("read"), long, state("read", section="short"), "no observation", long], range(5))
    assert [type(call) for call in calls] == [Call, calls[1].__class__, Call, ValueError, calls[1].__class__]
    assert "the model reads 3000" in str(calls[1])
    with pytest.raises(ValueError, match="the model reads 3000"):
        agent.act_many([state("read"), long])


def test_seeds(scripted) -> None:
    """Each backend gets the seeds of the observations that it is asked about, in their order, without the unfit."""
    local, other = scripted(context=4000), scripted()
    modules = {phase: {"backend": "other" if phase == "answer" else "local"} for phase in PHASES}
    recipe = {"agent": "PromptedAgent", "modules": modules}
    agent = PromptedAgent(recipe, {"local": local, "other": other})
    observations = [state("read"), state("answer"), state("read", section="x" * 5000), state("answer"), state("read")]
    calls = agent.play(observations, [50, 40, 30, 20, 10])
    assert [sampling.seeds for _, sampling in other.batches] == [(40, 20)]
    assert [sampling.seeds for _, sampling in local.batches] == [(50,), (10,)]  # the halves beside the one that failed
    assert [isinstance(call, Call) for call in calls] == [True, True, False, True, True]
    agent.act(state("answer"), 7)
    agent.act(state("answer"))
    agent.move_many([Ask(state("answer"), 3), Ask(state("answer"), 4)])
    assert [sampling.seeds for _, sampling in other.batches[1:]] == [(7,), (0,), (3, 4)]


def test_reasoning_that_the_template_opened(scripted) -> None:
    for said, action in (("so Lisbon</think>Lisbon", "Lisbon"), ("so Lisbon, or", None)):
        backend = scripted(lambda prompt, said=said: said, opening="assistant: <think>\n")
        agent = MemoryR1Agent({"agent": "MemoryR1Agent", "modules": {"answer": {"style": "plain"}}}, {"main": backend})
        call = agent.play([state("answer")], [0])[0]
        assert (call.action, call.trace) == (action, "<think>" + said)


@pytest.mark.parametrize(
    ("phase", "cls"), [("read", MemoryAgent), ("extract", MemoryRMMAgent), ("answer", PromptedAgent)]
)
def test_endless_reasoning_is_a_failure_of_format(phase: str, cls: type, scripted) -> None:
    agent = cls({"agent": cls.__name__}, {"main": scripted(lambda prompt: "<think>" + '{"memory_list": []}')})
    env_id = "memgym/MemoryBank-v1" if phase == "extract" else "memgym/Longcontext-v1"
    env = make(env_id, phases=[phase], split="test").unwrapped
    observation, _ = env.reset(options={"index": 0})
    _, _, _, _, info = env.step(agent.act(observation))
    assert info["rewards"]["format"] == 0.0
    assert info["action_error"]
    if phase == "read":
        assert env.memory == ""


def state(phase: str, section: str = "Mira moved to Lisbon.") -> str:
    memory = Block("memory", "Mira lives in Lisbon.", {"id": "m3"})
    question = Block("question", "Where does Mira live?")
    blocks = {
        "read": (question, Block("memory", ""), Block("section", section)),
        "extract": (Block("turn", "I moved.", {"id": "1:1", "speaker": "Mira"}),),
        "update": (Block("candidate", "Mira moved.", {"id": "c1"}), memory),
    }
    return str(Observation(phase, "", blocks.get(phase, (question, memory))))


def test_what_an_evaluation_costs_is_told_before_it_starts(scripted) -> None:
    env = make("memgym/Longcontext-v1", length=1000, section_tokens=250)
    backend = scripted()
    modules = {"read": {"max_tokens": 64}, "answer": {"max_tokens": 16}}
    agent = MemoryAgent({"agent": "MemoryAgent", "modules": modules}, {"main": backend})
    told = agent.costs(env, 10)
    assert backend.batches == []
    calls, read, written = (int(word.replace(",", "")) for word in told.split() if word[0].isdigit())
    observation, _ = env.reset(options={"index": 0})
    steps, done = [], False
    while not done:
        steps.append(observation)
        observation, _, done, _, _ = env.step(agent.act(observation))
    assert calls == pytest.approx(10 * len(steps), rel=0.05)
    assert written == pytest.approx(10 * (64 * (len(steps) - 1) + 16), rel=0.05)
    characters = sum(len(prompt) for prompts, _ in backend.batches for prompt in prompts)
    assert read == pytest.approx(10 * characters / 4, rel=0.2)
    rules = {
        phase: {"module": "Operator", "name": name} for phase, name in (("read", "recent"), ("answer", "extractive"))
    }
    assert MemoryAgent({"agent": "MemoryAgent", "modules": rules}).costs(env, 10) == ""
