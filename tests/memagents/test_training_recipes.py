"""The shipped recipes of training and of result rows: what they name exists and fits together."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memagents
from grpo.errors import ConfigError as GrpoConfigError
from memagents.agents import Agent, load_agent
from memagents.cli import app
from memagents.training_recipes import read_training_recipe, training_recipe_names
from memgym.errors import ConfigError
from memgym.leaderboard.suites import get_suite
from memgym.policy import load_policy

RESULTS = Path(__file__).parents[2] / "memagents" / "results"  # they are not in the wheel
SUITES = sorted((RESULTS / "suites").glob("*.toml"))
ROWS = [path for path in sorted(RESULTS.rglob("*.toml")) if path not in SUITES]


def load(agent: Mapping[str, Any], model_dir: Path) -> Agent:
    """Load an agent with a tiny model in place of what it names, and untrained weights."""
    content = deepcopy(dict(agent))
    for backend in content.get("backends", {}).values():
        backend["model"] = str(model_dir)
        backend.pop("template_options", None)  # the tiny model's template knows no thinking
    for module in content["modules"].values():
        module.pop("weights", None)
    return load_agent(content)


@pytest.mark.parametrize("name", training_recipe_names())
def test_a_training_recipe(name: str, model_dir: Path, request: pytest.FixtureRequest, monkeypatch) -> None:
    recipe = read_training_recipe(name)
    if "path" in str(recipe.content["env"]):
        monkeypatch.setenv("MEMGYM_DATA", str(request.getfixturevalue("data_dir")))
    agent = load(recipe.agent, model_dir)
    env = recipe.make_env()
    trained = [phase for phase, part in agent.parts.items() if part.status == "trained"]
    assert set(trained) <= set(env.phases)
    agent.check_frozen(env.phases)
    assert agent.learner is not None
    if recipe.run.trainer.validate_every:
        env.task.check_split(recipe.validation.split)
    if recipe.teacher:
        load_policy(recipe.teacher.policy, **recipe.teacher.options)


def test_a_loss_from_outside_is_named_in_a_recipe_and_over_it(tmp_path: Path, monkeypatch) -> None:
    outside = "def loss(log_prob, ratio, advantage, config):\n    return -advantage * log_prob, 0 * log_prob\n"
    (tmp_path / "their_loss.py").write_text(outside)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "recipe.toml"
    shipped = (Path(memagents.__file__).parent / "recipes" / "training" / "reranker.toml").read_text()
    assert shipped.count("[train]\n") == 1
    path.write_text(shipped.replace("[train]\n", '[train]\nsurrogate = "their_loss:loss"\n'))
    assert read_training_recipe(str(path)).run.trainer.loss.surrogate == "their_loss:loss"
    over = read_training_recipe("reranker", ["surrogate=their_loss:loss"])
    assert over.run.trainer.loss.surrogate == "their_loss:loss"
    with pytest.raises(GrpoConfigError, match=r"function in their_loss: 'los'\. Did you mean 'loss'"):
        read_training_recipe("reranker", ["surrogate=their_loss:los"])


@pytest.mark.parametrize("path", ROWS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_recipe_of_a_row_trains_nothing(path: Path, model_dir: Path) -> None:
    assert load(tomllib.loads(path.read_text()), model_dir).learner is None


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_the_suite_of_rows_begins_with_what_was_trained_on(path: Path) -> None:
    recipe = read_training_recipe({"log": "memory_agent_log", "lines": "memory_r1_lines"}[path.stem])
    first = get_suite(str(path)).entries[0]
    trained = {key: value for key, value in recipe.content["env"].items() if key not in ("split", "reward_weights")}
    assert {"id": first.env_id, **first.kwargs} == trained
    assert first.split == "test"


@pytest.mark.parametrize("name", ["memory_agent", "memory_agent_imitation", "memory_r1", "memory_r1_imitation"])
def test_what_a_gpu_recipe_needs_is_said_before_weights_are_loaded(name: str, tmp_path: Path, monkeypatch) -> None:
    recipe = read_training_recipe(name)
    assert f"a GPU: 'memagents plan {name}'" in recipe.needs
    for stage in recipe.content["env"].get("stages", ()):
        assert stage["path"] in recipe.needs
    for backend in recipe.content["backends"].values():
        if backend["model"].startswith("runs/"):
            assert backend["model"].split("/")[1] in recipe.needs
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    monkeypatch.setattr("memagents.backends.local.MODELS", {})  # a model that was loaded would be another error
    done = CliRunner().invoke(app, ["train", name])
    assert done.exit_code == 2
    said, error = done.stderr.splitlines()
    assert said == f"{name} needs {recipe.needs}"
    if "stages" in recipe.content["env"]:
        assert "hotpotqa_dev.jsonl.gz" in error
    elif name == "memory_r1":
        assert error.endswith("makes it: 'memagents train memory_r1_imitation'")


def test_needs_are_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'needs' must be text"):
        read_training_recipe("reranker", ["needs.gpu=1"])
