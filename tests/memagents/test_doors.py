"""Agents, modules and backends of anyone: a real package outside the repository, and no file of ours edited."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from memagents.agents import MemoryAgent, load_agent
from memagents.cli import app as memagents
from memgym.cli import app as memgym
from memgym.errors import ConfigError
from memgym.leaderboard.files import read_result
from memgym.leaderboard.records import StepRecord

AGENTS = '''
from memagents.agents import Agent, MemoryAgent


class Mine(Agent):
    """Keeps whatever comes last, and asks no model."""

    modules = {
        "read": {"module": "mypkg.modules:Shortener", "size": 50},
        "extract": {"module": "Operator", "name": "verbatim"},
        "update": {"module": "Operator", "name": "add_all"},
        "retrieve": {"module": "NaiveRetriever"},
        "answer": {"module": "Operator", "name": "extractive"},
    }


class Terse(MemoryAgent):
    """Plays recipes of MemoryAgent."""

    modules = {**MemoryAgent.modules, "answer": {"module": "Answerer", "style": "plain", "max_tokens": 4}}


class Half(Agent):
    """Says how to read, and nothing else."""

    modules = {"read": {"module": "RecurrentMemory"}}
'''

MODULES = '''
from memagents.modules import Call, Module
from memagents.modules.linear_reranker import LinearReranker
from memagents.modules.recurrent import RecurrentMemory


class Shortener(Module):
    """Keeps the last characters of memory and section."""

    phases = ("read",)
    needs_backend = False
    trainable = False

    def __init__(self, size: int):
        self.size = size

    def inference(self, observation):
        kept = f"{observation.memory} {observation.section}"[-self.size :]
        return Call(kept, kept)

    generate = rollout = inference


class Shouting(RecurrentMemory):
    def parse(self, text, observation):
        return text.upper()


class Reranker(LinearReranker):
    """One with a setting of its own."""

    def __init__(self, eagerness: float = 1.0, **options):
        super().__init__(**options)
        self.eagerness = eagerness
'''

BACKENDS = '''
import torch

from memagents.backends import Backend, Completion, TrainableBackend
from memagents.backends.transformers_backend import TransformersBackend


class Parrot(Backend):
    """Always says the same."""

    def __init__(self, says: str):
        self.says = says

    def chat(self, batch, sampling):
        return [Completion(self.says, [], [], [], "stop") for _ in batch]


class Apart(TrainableBackend):
    """Samples from weights of its own, as an engine does."""

    updates = 0

    def __init__(self, model: str):
        self.model_name = model
        self.sampler = TransformersBackend.from_pretrained(model, dtype="float32", device="cpu")
        self.tokenizer = self.sampler.tokenizer

    def update_weights(self, named_tensors):
        with torch.no_grad():
            for name, values in named_tensors:
                self.sampler.model.get_parameter(name).copy_(values)
        Apart.updates += 1

    def encode(self, messages):
        return self.sampler.encode(messages)

    def decode(self, token_ids):
        return self.sampler.decode(token_ids)

    def generate(self, prompts, sampling):
        return self.sampler.generate(prompts, sampling)

    def demonstrate(self, messages, text):
        return self.sampler.demonstrate(messages, text)


def nothing():
    return "no backend"
'''


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder ``mypkg`` lies in; it is forgotten afterwards."""
    folder = tmp_path / "outside" / "mypkg"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name, text in (("agents", AGENTS), ("modules", MODULES), ("backends", BACKENDS)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder.parent)
    yield folder.parent
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypkg"]:
        del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.write_text(dedent(text))
    return path


def run(app, *arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def steps(folder: Path) -> list[StepRecord]:
    (path,) = folder.glob("*.jsonl")
    return [step for episode in read_result(path).episodes for step in episode.steps]


LONG = ("--env", "memgym/Longcontext-v1", "--set", "length=500", "--set", "section_tokens=250", "--episodes", 1)


def test_an_agent_is_evaluated_without_a_recipe(tmp_path: Path) -> None:
    run(memgym, "evaluate", "mypkg.agents:Mine", *LONG, "--out", tmp_path / "results")
    played = steps(tmp_path / "results")
    assert {step.phase for step in played} == {"read", "answer"}
    assert all(len(step.action) <= 50 for step in played if step.phase == "read")


def test_a_recipe_names_an_agent_a_module_and_a_backend(tmp_path: Path) -> None:
    recipe = write(
        tmp_path / "mine.toml",
        """
        agent = "mypkg.agents:Mine"

        [backends.main]
        kind = "mypkg.backends:Parrot"
        says = "Lisbon"

        [modules.read]
        module = "mypkg.modules:Shouting"
        max_tokens = 7

        [modules.answer]
        module = "Answerer"
        style = "plain"
        """,
    )
    agent = load_agent(str(recipe))
    assert type(agent).__name__ == "Mine"
    assert agent.parts["read"].module.training.max_tokens == 7
    run(memgym, "evaluate", "mypkg.agents:Mine", "--recipe", recipe, *LONG, "--out", tmp_path / "results")
    played = steps(tmp_path / "results")
    assert {step.action for step in played if step.phase == "read"} == {"LISBON"}
    assert [step.action for step in played if step.phase == "answer"] == ["Lisbon"]


def test_a_subclass_plays_the_recipes_of_its_parent_and_not_the_other_way_round(scripted) -> None:
    from mypkg.agents import Mine, Terse

    backends = {"main": scripted()}
    assert Terse("memory_agent", backends).recipe.agent == "MemoryAgent"
    assert Terse(backends=backends).parts["answer"].module.training.max_tokens == 4
    with pytest.raises(ConfigError, match=r"the recipe is for mypkg.agents:Terse, not for MemoryAgent"):
        MemoryAgent({"agent": "mypkg.agents:Terse"}, backends)
    with pytest.raises(ConfigError, match="recipe memory_agent is for MemoryAgent, not for Mine"):
        Mine("memory_agent", backends)


def test_a_module_and_an_agent_are_trained_from_the_command_line(tmp_path: Path) -> None:
    recipe = write(
        tmp_path / "train.toml",
        f"""
        agent = "mypkg.agents:Mine"

        [modules.retrieve]
        module = "mypkg.modules:Reranker"
        eagerness = 2.0
        picks = 3
        status = "trained"

        [env]
        id = "memgym/RMMReranker-v1"
        difficulty = "easy"
        turns = 0
        questions = 2

        [train]
        out_dir = '{tmp_path / "run"}'
        iterations = 1
        groups = 8
        group_size = 4
        lr = 0.1

        [validation]
        episodes = 2
        """,
    )
    run(memagents, "train", recipe)
    trained = load_agent(str(tmp_path / "run"), trust_code=True).parts["retrieve"].module
    assert (type(trained).__name__, trained.eagerness) == ("Reranker", 2.0)
    assert trained.query_map.weight.abs().sum() > 0


def test_a_backend_with_weights_of_its_own_is_trained(tmp_path: Path, model_dir: Path) -> None:
    recipe = write(
        tmp_path / "train.toml",
        f"""
        agent = "mypkg.agents:Terse"

        [backends.main]
        kind = "mypkg.backends:Apart"
        model = '{model_dir}'

        [modules.read]
        status = "trained"
        max_tokens = 24

        [modules.answer]
        status = "trained"
        max_tokens = 8

        [env]
        id = "memgym/Longcontext-v1"
        length = 500
        section_tokens = 250
        reward_weights = {{ token_cost = -1.0 }}

        [train]
        out_dir = '{tmp_path / "run"}'
        iterations = 2
        groups = 1
        group_size = 8
        lr = 1e-2
        validate_every = 2

        [validation]
        episodes = 1
        """,
    )
    run(memagents, "train", recipe)
    from mypkg.backends import Apart

    assert Apart.updates >= 2
    before, after = (load_file(folder / "model.safetensors") for folder in (model_dir, tmp_path / "run" / "model"))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    again = load_agent(str(tmp_path / "run"), trust_code=True).learner.backend
    assert again.model_name == str(tmp_path / "run" / "model")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"agent": "mypkg.agents:Mien"}, r"the recipe: cannot load agent 'mypkg.agents:Mien'.*Did you mean 'Mine'\?"),
        ({"agent": "mypkg.modules:Shouting"}, r"agent 'mypkg.modules:Shouting' is not a subclass of memagents.Agent"),
        ({"agent": "nowhere:Mine"}, r"cannot load agent 'nowhere:Mine'.*No module named 'nowhere'"),
        ({"agent": "mypkg.agents:Half"}, r"\[modules.extract\] must name its module: mypkg.agents:Half has none"),
        (
            {"agent": "mypkg.agents:Mine", "modules": {"read": {"sise": 3}}},
            r"unknown key for mypkg.modules:Shortener: 'sise'. Did you mean 'size'\?",
        ),
        (
            {"agent": "mypkg.agents:Mine", "modules": {"answer": {"module": "mypkg.modules:Shouting"}}},
            r"mypkg.modules:Shouting plays read. For answer: Answerer, Operator, Prompted",
        ),
        (
            {"agent": "PromptedAgent", "backends": {"main": {"kind": "mypkg.backends:Parot", "says": ""}}},
            r"\[backends.main\]: cannot load backend kind 'mypkg.backends:Parot'.*Did you mean 'Parrot'\?",
        ),
        (
            {"agent": "PromptedAgent", "backends": {"main": {"kind": "mypkg.backends:Parrot", "say": ""}}},
            r"unknown option of a mypkg.backends:Parrot backend 'say'. Did you mean 'says'\?",
        ),
        (
            {"agent": "PromptedAgent", "backends": {"main": {"kind": "mypkg.backends:Parrot"}}},
            r"a mypkg.backends:Parrot backend needs the argument 'says'",
        ),
        (
            {"agent": "PromptedAgent", "backends": {"main": {"kind": "mypkg.backends:nothing"}}},
            r"'mypkg.backends:nothing' makes a str, not a memagents.Backend",
        ),
        (
            {
                "agent": "PromptedAgent",
                "backends": {"main": {"kind": "mypkg.backends:Parrot", "says": ""}},
                "modules": {"answer": {"status": "trained"}},
            },
            r"a model behind an API cannot be trained",
        ),
    ],
)
def test_mistakes_are_named(recipe: dict, message: str) -> None:
    backends = {} if "backends" in recipe else {"main": None}
    with pytest.raises(ConfigError, match=message):
        load_agent(recipe, backends)
