"""The shipped recipes of training and of result rows: what they name exists and fits together."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import memagents
from memagents.agents import Agent, load_agent
from memagents.training_recipes import built_in, read_training_recipe
from memgym.policy import load_policy

ROWS = sorted((Path(memagents.__file__).parent / "results").rglob("*.toml"))


def load(agent: Mapping[str, Any], model_dir: Path) -> Agent:
    """Load an agent with a tiny model in place of what it names, and untrained weights."""
    content = deepcopy(dict(agent))
    for backend in content.get("backends", {}).values():
        backend["model"] = str(model_dir)
    for module in content["modules"].values():
        module.pop("weights", None)
    return load_agent(content)


@pytest.mark.parametrize("name", built_in())
def test_a_training_recipe(name: str, model_dir: Path, request: pytest.FixtureRequest, monkeypatch) -> None:
    recipe = read_training_recipe(name)
    if "path" in str(recipe.content["env"]):
        monkeypatch.setenv("MEMGYM_DATA", str(request.getfixturevalue("data_dir")))
    agent = load(recipe.agent, model_dir)
    env = recipe.make_env()
    trained = [phase for phase, part in agent.parts.items() if part.status == "trained"]
    assert set(trained) <= set(env.phases)
    assert agent.learner is not None
    if recipe.run.trainer.validate_every:
        env.task.check_split(recipe.validation.split)
    if recipe.teacher:
        load_policy(recipe.teacher.policy, **recipe.teacher.options)


@pytest.mark.parametrize("path", ROWS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_recipe_of_a_row_trains_nothing(path: Path, model_dir: Path) -> None:
    assert load(tomllib.loads(path.read_text()), model_dir).learner is None
