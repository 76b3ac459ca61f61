"""Collection against a slow, obvious collector."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import gymnasium as gym
import pytest
import torch
from tensordict import TensorDict

from grpo.buffer import LENGTH, STOP, validate
from grpo.causal_lm import CausalLM
from memagents.agents import Agent, MemoryAgent, MemoryR1Agent, MemoryRMMAgent, load_agent
from memagents.backends.transformers_backend import TransformersBackend
from memagents.collect import CollectionError, collect
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError
from memgym.protocol.observation import PHASES, Block, Observation
from memgym.registration import make
from memgym.wrappers import PotentialShaping

TRAINED = {"status": "trained"}
PERSONA = {"task": "persona", "difficulty": "easy", "split": "train"}


class Marked(gym.Wrapper):
    """Shows the number of the reset in every observation, so that the rollouts of a group differ."""

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self.resets = itertools.count()

    def reset(self, **kwargs):
        self.mark = f"rollout {next(self.resets)}"
        observation, info = self.env.reset(**kwargs)
        return self._marked(observation), info

    def step(self, action):
        observation, *rest = self.env.step(action)
        return (self._marked(observation) if observation else "", *rest)

    def _marked(self, observation: str) -> str:
        parsed = Observation.parse(observation)
        tag = "time" if parsed.phase in ("extract", "update") else "question"
        return str(replace(parsed, blocks=(Block(tag, self.mark), *parsed.blocks)))


def collect_slowly(agent: Agent, env: gym.Env, indices: list[int], group_size: int) -> list[dict[str, Any]]:
    """One episode after the other, one call at a time."""
    rows = []
    for group, index in enumerate(indices):
        for member in range(group_size):
            observation, _ = env.reset(options={"index": index})
            mine, done, turn = [], False, 0
            while not done:
                parsed = Observation.parse(observation)
                part = agent.parts[parsed.phase]
                asked = None
                if part.backend is None:
                    action = part.module.inference(parsed).action
                else:
                    trained = part.status == "trained"
                    prompt = part.backend.encode(part.module.prompt(parsed))
                    sampling = part.module.training if trained else part.module.sampling
                    asked = part.backend.generate([prompt], sampling)[0]
                    said = asked.text.rpartition("</think>")[2].strip()
                    action = part.module.parse(said, parsed)
                next_observation, reward, done, _, info = env.step(action)
                if asked is not None and trained:
                    mine.append(
                        {
                            "prompt_ids": prompt,
                            "response_ids": asked.token_ids,
                            "sampler_log_prob": asked.log_probs,
                            "finish_reason": {"stop": STOP, "length": LENGTH}[asked.finish_reason],
                            "rewards": list(info["rewards"].values()),
                            "reward": reward,
                            "group_id": group,
                            "episode_id": group * group_size + member,
                            "turn_id": turn,
                            "phase_id": PHASES.index(parsed.phase),
                            "policy_version": 5,
                            "truncated": False,
                            "final": parsed.phase == env.unwrapped.phases[-1],
                        }
                    )
                elif mine:
                    pairs = zip(mine[-1]["rewards"], info["rewards"].values(), strict=True)
                    mine[-1]["rewards"] = [before + now for before, now in pairs]
                    mine[-1]["reward"] += reward
                observation, turn = next_observation, turn + 1
            rows += mine
    return rows


def agent_of(cls: type[Agent], trained: list[str], backend, **modules: dict) -> Agent:
    tables = {phase: {**modules.get(phase, {}), **TRAINED} for phase in trained}
    return cls({"agent": cls.__name__, "modules": {**modules, **tables}}, {"main": backend})


CASES = {
    "MemAgent": (MemoryAgent, ["read", "answer"], "memgym/Longcontext-v1", {"section_tokens": 400}),
    "MemAgent, reading only": (MemoryAgent, ["read"], "memgym/Longcontext-v1", {"section_tokens": 400}),
    "manager": (MemoryR1Agent, ["update"], "memgym/MemoryBank-v1", PERSONA),
    "manager and answerer": (MemoryR1Agent, ["update", "answer"], "memgym/MemoryBank-v1", PERSONA),
    "manager alone": (MemoryR1Agent, ["extract", "update"], "memgym/MemoryR1Manager-v1", PERSONA),
    "everything": (
        MemoryRMMAgent,
        ["extract", "update", "retrieve", "answer"],
        "memgym/MemoryBank-v1",
        {**PERSONA, "answer_format": "json"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_those_of_the_slow_collector(case: str, scripted) -> None:
    cls, trained, env_id, kwargs = CASES[case]
    env = make(env_id, **kwargs)
    modules = {"retrieve": {"module": "RerankRetriever"}} if cls is MemoryRMMAgent else {}
    modules["answer"] = {"max_tokens": 11}  # so that some replies are cut off
    indices = [3, 0, 8]
    slow = collect_slowly(agent_of(cls, trained, scripted(), **modules), Marked(env), indices, 2)
    agent = agent_of(cls, trained, scripted(), **modules)
    rollout = collect(agent, Marked(env), indices, 2, seed=1, policy_version=5)
    assert validate(rollout) is rollout
    assert len(rollout) == len(slow)
    width = {"prompt": rollout["prompt_ids"].shape[1], "response": rollout["response_ids"].shape[1]}
    assert width["prompt"] == max(len(row["prompt_ids"]) for row in slow)
    assert width["response"] == max(len(row["response_ids"]) for row in slow)
    for number, expected in enumerate(slow):
        row = rollout[number]
        prompt, response = len(expected["prompt_ids"]), len(expected["response_ids"])
        assert row["prompt_mask"].tolist() == [False] * (width["prompt"] - prompt) + [True] * prompt
        assert row["response_mask"].tolist() == [True] * response + [False] * (width["response"] - response)
        assert row["prompt_ids"][row["prompt_mask"]].tolist() == expected["prompt_ids"]
        assert row["response_ids"][row["response_mask"]].tolist() == expected["response_ids"]
        log_prob = row["sampler_log_prob"][row["response_mask"]]
        torch.testing.assert_close(log_prob, torch.tensor(expected["sampler_log_prob"]), rtol=0, atol=0)
        torch.testing.assert_close(row["rewards"], torch.tensor(expected["rewards"], dtype=torch.float32))
        assert row["reward"].item() == pytest.approx(expected["reward"], abs=1e-6)
        for key in ("group_id", "episode_id", "turn_id", "phase_id", "finish_reason", "policy_version"):
            assert row[key].item() == expected[key], key
        assert (row["truncated"].item(), row["final"].item()) == (expected["truncated"], expected["final"])
    assert len(set(rollout["episode_id"].tolist())) == 6
    if "answer" in trained:
        assert {STOP, LENGTH} == set(rollout["finish_reason"].tolist())


def test_what_was_sampled_is_never_encoded_again(scripted) -> None:
    backend = scripted()
    rollout = collect(agent_of(MemoryAgent, ["read", "answer"], backend), make("memgym/Longcontext-v1"), [0, 1], 2, 0)
    lossy = 0
    for row in rollout:
        ids = row["response_ids"][row["response_mask"]].tolist()
        again = [2 * ord(character) + 2 for character in backend.decode(ids)]
        lossy += ids[:-1] != again
    assert lossy == len(rollout)  # encoding the text again would have given other tokens in every row


def test_everything_pending_is_asked_at_once(scripted) -> None:
    backend = scripted()
    phases = ["extract", "update", "retrieve", "answer"]
    agent = agent_of(MemoryRMMAgent, phases, backend, retrieve={"module": "RerankRetriever"})
    rollout = collect(agent, make("memgym/MemoryBank-v1", **PERSONA), [0, 1, 2], 4, seed=0)
    steps = rollout["turn_id"].max().item() + 1
    assert len(backend.batches) == steps  # as many as the longest episode has steps
    assert len(backend.batches[0][0]) == 12
    assert sum(len(prompts) for prompts, _ in backend.batches) == len(rollout)


def test_equal_states_of_a_group_have_equal_anchors(scripted) -> None:
    env = make("memgym/Longcontext-v1", section_tokens=400)
    rollout = collect(agent_of(MemoryAgent, ["read"], scripted()), env, [0, 1, 0], 2, seed=0)
    states = list(zip(rollout["group_id"].tolist(), map(tuple, rollout["prompt_ids"].tolist()), strict=True))
    anchors = rollout["anchor"].tolist()
    assert [[a == b for b in anchors] for a in anchors] == [[a == b for b in states] for a in states]
    assert len(set(anchors)) == len(anchors) // 2  # the scripted model says the same twice


def test_the_reranker_leaves_picks_instead_of_tokens() -> None:
    env = make("memgym/RMMReranker-v1", **PERSONA, reward_weights={"evidence_recall": 1.0})
    recipe = {"agent": "MemoryRMMAgent", "modules": {"retrieve": {"embedder": "hash:32", **TRAINED}}}
    idle = {phase: {"module": "Operator", "name": name} for phase, name in OPERATORS.items()}
    recipe["modules"] |= idle
    agent = MemoryRMMAgent(recipe)
    rollout = collect(agent, env, [0, 1], 3, seed=4)
    assert set(rollout["phase_id"].tolist()) == {PHASES.index("retrieve")}
    assert rollout["final"].all()
    assert rollout["query"].shape[1] == 32
    log_prob, _ = agent.learner.module.log_probs(rollout)
    mask = rollout["response_mask"]
    torch.testing.assert_close(log_prob[mask], rollout["sampler_log_prob"][mask])
    again = collect(MemoryRMMAgent(recipe), env, [0, 1], 3, seed=4)
    assert (again == rollout).all()
    assert not torch.equal(collect(agent, env, [0, 1], 3, seed=5)["picks"], rollout["picks"])


OPERATORS = {"read": "recent", "extract": "verbatim", "update": "add_all", "answer": "extractive"}


def test_a_wrapped_environment_stays_wrapped(scripted) -> None:
    kwargs = {**PERSONA, "phases": ["extract", "update"]}
    shaped = PotentialShaping(make("memgym/MemoryBank-v1", **kwargs), "compression")
    rollout = collect(agent_of(MemoryR1Agent, ["update"], scripted()), shaped, [0, 1], 2, seed=0)
    slow = collect_slowly(agent_of(MemoryR1Agent, ["update"], scripted()), shaped, [0, 1], 2)
    assert rollout["reward"].tolist() == pytest.approx([row["reward"] for row in slow], abs=1e-6)


class Breaking(gym.Wrapper):
    """Fails in the third step of one episode."""

    def reset(self, **kwargs):
        self.left = 3 if kwargs["options"]["index"] == 1 else 10**6
        return self.env.reset(**kwargs)

    def step(self, action):
        self.left -= 1
        if not self.left:
            raise ConnectionError("the judge is gone")
        return self.env.step(action)


def test_an_exception_names_its_episode_and_loses_nothing(scripted) -> None:
    env = make("memgym/Longcontext-v1", section_tokens=400)
    whole = collect(agent_of(MemoryAgent, ["read", "answer"], scripted()), env, [0, 1, 2], 2, seed=0)
    with pytest.raises(CollectionError) as caught:
        collect(agent_of(MemoryAgent, ["read", "answer"], scripted()), Breaking(env), [0, 1, 2], 2, seed=0)
    error = caught.value
    where = "(index 1, rollout 2), step 2, phase read: "
    assert f"{where}ConnectionError: the judge is gone (and 1 more episodes)" in str(error)
    assert len(error.failures) == 2
    assert isinstance(error.__cause__, ConnectionError)
    others = whole[whole["group_id"] != 1]
    assert error.rollout["episode_id"].tolist() == others["episode_id"].tolist()
    assert error.rollout["reward"].tolist() == others["reward"].tolist()
    assert error.unfinished["turn_id"].tolist() == [0, 1, 0, 1]
    assert error.unfinished["episode_id"].tolist() == [2, 2, 3, 3]


def test_a_prompt_that_does_not_fit_costs_its_episode_only(scripted) -> None:
    env = make("memgym/Longcontext-v1", section_tokens=400)
    rollout = collect(agent_of(MemoryAgent, ["read"], scripted()), env, [0, 1, 2], 1, seed=0)
    longest = rollout["prompt_mask"].sum(1)
    limit = int(longest.max()) - 1
    over = sorted(set(rollout["episode_id"][longest > limit].tolist()))
    assert len(over) == 1
    with pytest.raises(CollectionError, match=f"the model reads {limit}") as caught:
        collect(agent_of(MemoryAgent, ["read"], scripted(context=limit)), env, [0, 1, 2], 1, seed=0)
    assert len(caught.value.failures) == 1
    assert set(caught.value.rollout["episode_id"].tolist()) == {0, 1, 2} - set(over)


def test_a_truncated_prompt_is_flagged(scripted) -> None:
    env = make("memgym/Longcontext-v1", section_tokens=400)
    whole = collect(agent_of(MemoryAgent, ["read"], scripted()), env, [0], 1, seed=0)
    limit = int(whole["prompt_mask"].sum(1)[0]) - 1
    rollout = collect(agent_of(MemoryAgent, ["read"], scripted(context=limit, truncate=True)), env, [0], 1, seed=0)
    assert rollout["truncated"].tolist()[0]
    assert rollout["truncated"].tolist() == (rollout["prompt_mask"].sum(1) == limit).tolist()
    assert rollout["prompt_ids"][0, -limit:].tolist() == whole["prompt_ids"][0, -limit:].tolist()


def test_a_real_model_finds_its_own_log_probabilities_in_the_rows(model_dir) -> None:
    """What the policy of grpo says of the rows is what the backend said when it sampled them."""
    backend = TransformersBackend.from_pretrained(model_dir)
    agent = agent_of(MemoryAgent, ["read", "answer"], backend, read={"max_tokens": 9}, answer={"max_tokens": 5})
    rollout = collect(agent, make("memgym/Longcontext-v1", section_tokens=250), [0, 1], 2, seed=3)
    assert rollout["response_mask"].sum(1).max() == 9
    with torch.no_grad():
        log_prob, _ = CausalLM(backend.model).log_probs(rollout)
    mask = rollout["response_mask"]
    torch.testing.assert_close(log_prob[mask], rollout["sampler_log_prob"][mask], atol=1e-4, rtol=1e-4)
    assert len({tuple(row.tolist()) for row in rollout["response_ids"]}) > len(rollout) // 2  # rollouts differ
    again = collect(agent, make("memgym/Longcontext-v1", section_tokens=250), [0, 1], 2, seed=3)
    assert torch.equal(again["response_ids"], rollout["response_ids"])


def unpadded(rollout: TensorDict) -> list[tuple]:
    """What was seen, said and paid, row by row, whatever the widths of the buffer."""
    rows = []
    for row in rollout:
        prompt, said = (row[f"{part}_ids"][row[f"{part}_mask"]].tolist() for part in ("prompt", "response"))
        rows.append((prompt, said, row["turn_id"].item(), row["rewards"].tolist(), row["reward"].item()))
    return rows


@pytest.mark.parametrize("batch_tokens", [32_768, 1])
def test_one_group_after_another_equals_all_at_once(batch_tokens: int) -> None:
    """What a rollout draws follows from seed, episode, trial and step, not from what is played beside it."""
    recipe = read_training_recipe("tiny_reader")
    backend = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
    agent = load_agent({**recipe.agent, "backends": {}}, {"main": backend})
    env, indices = recipe.make_env(), [3, 0, 8, 5]
    together = collect(agent, env, indices, 3, seed=7)
    assert len({tuple(row[1]) for row in unpadded(together)}) > len(indices)  # it does draw
    backend.batch_tokens = batch_tokens
    apart = [unpadded(collect(agent, env, [index], 3, seed=7)) for index in indices]
    assert [row for rows in apart for row in rows] == unpadded(together)
    backwards = collect(agent, env, indices[::-1], 3, seed=7)
    for group in range(4):
        assert unpadded(backwards[backwards["group_id"] == 3 - group]) == apart[group]
    fewer = collect(agent, env, indices[1:2], 2, seed=7)
    assert unpadded(fewer) == unpadded(together[(together["episode_id"] == 3) | (together["episode_id"] == 4)])
    again = collect(agent, env, [0, 0], 3, seed=7)
    first, second = (unpadded(again[again["group_id"] == group]) for group in (0, 1))
    assert first == apart[1]
    assert [row[1] for row in second] != [row[1] for row in first]  # where an episode comes again, it is another trial


def test_failures_of_an_episode_that_comes_twice_are_told_apart(scripted) -> None:
    env = make("memgym/Longcontext-v1", section_tokens=400)
    with pytest.raises(CollectionError) as caught:
        collect(agent_of(MemoryAgent, ["read"], scripted()), Breaking(env), [1, 0, 1], 1, seed=0)
    assert [name[name.index("(") : name.index(")")] for name in caught.value.failures] == [
        "(index 1, rollout 0",
        "(index 1, rollout 2",
    ]


def test_bad_input(scripted) -> None:
    long, bank = make("memgym/Longcontext-v1"), make("memgym/MemoryBank-v1", **PERSONA)
    agent = agent_of(MemoryAgent, ["read"], scripted())
    with pytest.raises(ConfigError, match="trains nothing"):
        collect(agent_of(MemoryAgent, [], scripted()), long, [0], 1, 0)
    with pytest.raises(ConfigError, match=r"lets the agent play extract, update, retrieve, answer, but .* play read"):
        collect(agent, bank, [0], 1, 0)
    with pytest.raises(ConfigError, match="'indices' is empty"):
        collect(agent, long, [], 1, 0)
    with pytest.raises(ConfigError, match="group_size"):
        collect(agent, long, [0], 0, 0)
    with pytest.raises(ConfigError, match="out of range"):
        collect(agent, long, [0, -1], 1, 0)
    with pytest.raises(ConfigError, match="no memgym environment"):
        collect(agent, gym.make("CartPole-v1"), [0], 1, 0)
