"""What the commands of memagents say of what is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grpo.config import from_values
from memagents.backends.local import find_model
from memagents.recipes import read_recipe
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError


@pytest.mark.parametrize("source", ["missing.toml", "./missing", "runs/missing", "/gone/x.toml", "missing.json"])
def test_a_recipe_file_that_is_missing(source: str) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_recipe(source)
    with pytest.raises(ConfigError, match="there is no such file"):
        read_training_recipe(source)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("runs/memory_agent_imitation/model", "'memagents train memory_agent_imitation'"),
        ("runs/memory_r1_small_imitation/model", "'memagents train memory_r1_small_imitation'"),
        ("runs/tiny_reader/model", "'memagents train tiny_reader'"),
        ("/gone/model", "there is no model folder '/gone/model'$"),
        ("./gone", "there is no model folder './gone'$"),
        ("a/b/c", "there is no model folder 'a/b/c'$"),
    ],
)
def test_a_missing_model_names_the_run_that_makes_it(model: str, said: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        find_model(model)


@pytest.mark.parametrize("name", ["memory_agent", "reranker", "linear_manager", "tiny_reader", "rmm_persona"])
def test_validation_can_be_switched_off(name: str) -> None:
    trainer = read_training_recipe(name, ["validate_every=0"]).run.trainer
    assert (trainer.validate_every, trainer.best_metric, trainer.patience) == (0, None, 0)
    assert from_values({"validate_every": 2, "best_metric": "answer"}).best_metric == "answer"


def test_settings_are_listed_without_torch() -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'tensordict', 'transformers']))\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{blocked}from memagents.cli import app; app(['settings'])"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "advantage_estimator" in done.stdout
