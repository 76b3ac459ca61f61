"""Recipes: what can be said, and what is said of mistakes."""

from __future__ import annotations

import pytest

from grpo.errors import ConfigError as GrpoConfigError
from memagents.agents import AGENTS, MemoryAgent, MemoryR1Agent, agent_class, load_agent
from memagents.modules.answerer import Answerer
from memagents.modules.linear_reranker import LinearReranker
from memagents.modules.naive import NaiveUpdater
from memagents.modules.recurrent import RecurrentMemory
from memagents.recipes import read_recipe, recipe_names
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError

R1 = {"agent": "MemoryR1Agent"}


@pytest.mark.parametrize("name", recipe_names())
def test_recipe_names_recipes(name: str, scripted) -> None:
    agent = load_agent(name, {"main": scripted()})
    assert type(agent).__name__ == read_recipe(name).agent
    assert set(read_recipe(name).backends) <= {"main"}


def test_every_agent_has_a_recipe_names_recipe() -> None:
    assert {agent_class(name).default_recipe for name in AGENTS} <= set(recipe_names())


def test_any_module_is_swapped_or_moved_by_the_recipe_alone(tmp_path, scripted, api) -> None:
    """Memory-R1 with RMM's reranker and an answerer behind an API."""
    path = tmp_path / "mixed.toml"
    path.write_text(
        """
        agent = "MemoryR1Agent"

        [modules.update]
        backend = "local"
        status = "trained"
        max_tokens = 99

        [modules.extract]
        backend = "local"
        prompt = "extract_topics"

        [modules.read]
        backend = "local"

        [modules.retrieve]
        module = "LinearReranker"
        picks = 3

        [modules.answer]
        backend = "hosted"
        status = "api"
        """
    )
    local, hosted = scripted(), api()
    agent = MemoryR1Agent(str(path), {"local": local, "hosted": hosted})
    update, retrieve, answer = (agent.parts[phase] for phase in ("update", "retrieve", "answer"))
    assert isinstance(update.module, NaiveUpdater)
    assert update.module.training.max_tokens == 99
    assert (update.backend, update.status) == (local, "trained")
    assert isinstance(retrieve.module, LinearReranker)
    assert (retrieve.module.picks, retrieve.backend) == (3, None)
    assert isinstance(answer.module, Answerer)
    assert (answer.module.style, answer.backend) == ("distill", hosted)
    assert agent.learner is update


def test_a_swapped_module_takes_no_arguments_of_the_old_one(scripted) -> None:
    recipe = {**R1, "modules": {"answer": {"module": "Prompted"}}}
    agent = MemoryR1Agent(recipe, {"main": scripted()})
    assert type(agent.parts["answer"].module).__name__ == "Prompted"  # which knows no style


def test_a_module_of_ones_own(tmp_path, monkeypatch, scripted) -> None:
    (tmp_path / "own_modules.py").write_text(
        "from memagents.modules.recurrent import RecurrentMemory\nclass Shouting(RecurrentMemory):\n"
        "    def parse(self, text, observation):\n        return text.upper()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    recipe = {"agent": "MemoryAgent", "modules": {"read": {"module": "own_modules:Shouting", "max_tokens": 7}}}
    module = MemoryAgent(recipe, {"main": scripted()}).parts["read"].module
    assert isinstance(module, RecurrentMemory)
    assert module.training.max_tokens == 7


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({}, r'must name its agent, e\.g\. agent = "MemoryR1Agent"'),
        ({**R1, "module": {}}, r"unknown key in the recipe: 'module'. Did you mean 'modules'\? Known: agent, backends"),
        ({"agent": "MemoryAgent"}, r"is for MemoryAgent, not for MemoryR1Agent"),
        ({**R1, "modules": {"answers": {}}}, r"'answers'. Did you mean 'answer'\? Known: answer, extract, read"),
        ({**R1, "modules": {"read": 3}}, r"'modules' holds tables, such as \[modules\.read\]"),
        ({**R1, "backends": ["x"]}, r"'backends' holds tables, such as \[backends\.main\]"),
        (
            {**R1, "modules": {"update": {"module": "NaiveUpdator"}}},
            r"\[modules\.update\]: unknown module 'NaiveUpdator'. Did you mean 'NaiveUpdater'\?",
        ),
        (
            {**R1, "modules": {"update": {"module": "RerankRetriever"}}},
            r"plays retrieve. For update: ContextEditor, LinearManager, LineUpdater, NaiveUpdater, Operator, Prompted",
        ),
        (
            {**R1, "modules": {"answer": {"stile": "cite"}}},
            r"\[modules\.answer\]: unknown key for Answerer: 'stile'. Did you mean 'style'\? Known: backend, guided",
        ),
        ({**R1, "modules": {"read": {"module": "Operator"}}}, r"\[modules\.read\]: Operator needs the argument 'name'"),
        ({**R1, "modules": {"read": {"max_tokens": "many"}}}, r"\[modules\.read\]: .*'max_tokens' must be an int"),
        ({**R1, "modules": {"read": {"status": "train"}}}, r"\[modules\.read\]: 'train'. Did you mean 'trained'\?"),
        ({**R1, "modules": {"read": {"backend": "mian"}}}, r"\[modules\.read\]: 'mian'. Did you mean 'main'\?"),
        ({**R1, "modules": {"retrieve": {"status": "trained"}}}, r"NaiveRetriever has nothing to train"),
        ({**R1, "modules": {"answer": {"status": "api"}}}, r"\[modules\.answer\]: status 'api' needs a backend behind"),
        ({**R1, "modules": {"update": {"guided": True}}}, r"\[modules\.update\]: guided = true needs a backend that"),
        (
            {**R1, "backends": {"second": {}}},
            r"\[modules\.read\] must say which backend it uses; there are: main, second",
        ),
    ],
)
def test_mistakes_are_named(recipe: dict, message: str, scripted) -> None:
    with pytest.raises(ConfigError, match=message):
        MemoryR1Agent(recipe, {"main": scripted()})


def test_mistakes_about_files(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"unknown recipe 'memory_r2'. Did you mean 'memory_r1'\?"):
        MemoryR1Agent("memory_r2")
    broken = tmp_path / "broken.toml"
    broken.write_text("agent = MemoryAgent\n")
    with pytest.raises(ConfigError, match=r"broken\.toml is not a readable TOML file: .*line 1"):
        load_agent(str(broken))
    with pytest.raises(ConfigError, match=r"the recipe: unknown agent 'MemoryR2Agent'. Did you mean 'MemoryR1Agent'"):
        load_agent({"agent": "MemoryR2Agent"})
    with pytest.raises(ConfigError, match=r"there are: none; add a table such as \[backends\.main\]"):
        load_agent(R1)
    with pytest.raises(ConfigError, match="path of a TOML file or the name"):
        MemoryAgent(3)
    with_mark = tmp_path / "with_mark.toml"
    with_mark.write_text('agent = "MemoryAgent"\n', encoding="utf-8-sig")
    assert read_recipe(str(with_mark)).agent == "MemoryAgent"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = " + b"[" * 20_000, "nested too deeply"),
        (b"x = " + b"{a=" * 20_000, "nested too deeply"),
        (b"x = " + b"9" * 5000, "digits"),
        (b'x = "\0"', "line 1"),
        (b"x = \xff", "utf-8"),
        (b'agent = "MemoryAgent"\nbackends = {}', "there are: none"),
        (b'agent = "MemoryAgent"\nbackends = 3', "'backends' holds tables"),
        (b'agent = "MemoryAgent"\nbackends = []', "'backends' holds tables"),
        (b'agent = "MemoryAgent"\n[backends]\nmain = "x"', "'backends' holds tables"),
        (b'agent = "MemoryAgent"\n[backends]\nmain = {}', "unknown backend kind None"),
        (b'agent = "MemoryAgent"\nmodules = 3', "'modules' holds tables"),
        (b"agent = {}", "must name its agent"),
    ],
)
def test_recipes_that_make_no_agent_are_one_line(content: bytes, message: str, tmp_path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_agent(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(Exception, match=r"recipe\.toml") as training:
        read_training_recipe(str(path))
    assert isinstance(training.value, ConfigError | GrpoConfigError)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"kind": "transfomers"},
            r"\[backends\.main\]: unknown backend kind 'transfomers'. Did you mean",
        ),
        ({"kind": "transformers", "modle": "smollm2"}, r"\[backends\.main\]: .*'modle'. Did you mean 'model'\?"),
        ({"kind": "transformers", "model": "no/such/model/folder"}, r"\[backends\.main\]: .*no/such/model/folder"),
    ],
)
def test_mistakes_about_backends(table: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MemoryR1Agent({**R1, "backends": {"main": table}})


def test_real_backends_side_by_side(model_dir, monkeypatch) -> None:
    pytest.importorskip("httpx2", reason="needs the api extra")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    agent = MemoryR1Agent(
        {
            **R1,
            "backends": {
                "local": {"kind": "transformers", "model": str(model_dir)},
                "hosted": {"kind": "openai", "model": "some-model", "base_url": "http://127.0.0.1:9/v1"},
            },
            "modules": {
                **{phase: {"backend": "local"} for phase in ("read", "extract", "update")},
                "answer": {"backend": "hosted", "status": "api"},
            },
        }
    )
    assert agent.parts["update"].backend is agent.parts["extract"].backend  # loaded once
    assert agent.parts["answer"].status == "api"


def test_what_cannot_be_trained(scripted, api) -> None:
    trained = {"status": "trained"}
    with pytest.raises(ConfigError, match="behind an API cannot be trained"):
        MemoryR1Agent({**R1, "modules": {"update": trained}}, {"main": api()})
    apart = {"update": {**trained, "backend": "one"}, "answer": {**trained, "backend": "two"}}
    others = {phase: {"backend": "one"} for phase in ("read", "extract")}
    with pytest.raises(ConfigError, match=r"\(update, answer\) do not share one backend"):
        MemoryR1Agent({**R1, "modules": {**apart, **others}}, {"one": scripted(), "two": scripted()})
    modules = {"update": trained, "retrieve": {"module": "LinearReranker", **trained}}
    with pytest.raises(ConfigError, match=r"\(update, retrieve\) do not share"):
        MemoryR1Agent({**R1, "modules": modules}, {"main": scripted()})
