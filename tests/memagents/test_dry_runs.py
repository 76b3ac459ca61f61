"""Every shipped training recipe starts, trains, saves, resumes and plays, with tiny random models and little data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grpo.run_folder import RunFolder
from memagents.cli import app
from memagents.training_recipes import read_training_recipe, training_recipe_names
from memgym.cli import app as memgym

LITTLE = {
    "persona": {"sessions": 4, "turns": 1, "updates": 0, "people": 3, "questions": 1},
    "curriculum": {"section_tokens": 400},
    "locomo": {},
    "whereabouts": {},
    "lifecycle": {"sessions": 4, "questions": 1},
}
"""What makes an episode of a task small, besides two documents each."""


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


def dry(name: str, model: Path, folder: Path) -> list[str]:
    """Return settings with which a recipe takes seconds: all that they change is how much, and which weights."""
    content = read_training_recipe(name).content
    settings: dict[str, Any] = {"out_dir": str(folder), "save_every": 1, "validate_every": 1, "validation.episodes": 1}
    settings |= {"teacher.episodes": 2, "teacher.rows": 2} if "teacher" in content else {"groups": 1, "group_size": 2}
    settings |= {"precision": "float32", "threads": 1, "train_episodes": 0}  # the same on every machine
    for backend, table in content.get("backends", {}).items():
        settings[f"backends.{backend}.model"] = str(model)
        settings |= {f"backends.{backend}.{key}": "float32" for key in ("dtype", "rollout_dtype") if key in table}
    for phase, table in content["modules"].items():
        settings |= {f"modules.{phase}.max_tokens": 8} if "max_tokens" in table else {}
        settings |= {f"modules.{phase}.embedder": "hash"} if table.get("embedder") == "minilm" else {}
    stages = content["env"].get("stages", ())
    settings |= {"env.stages": [{**stage, "documents": 2} if "documents" in stage else stage for stage in stages]}
    settings |= {f"env.{key}": value for key, value in LITTLE[content["env"]["task"]].items()}
    return [f"{key}={toml(value)}" for key, value in settings.items() if value != []]


@pytest.mark.parametrize("name", training_recipe_names())
def test_a_recipe(
    name: str, model_dir: Path, qwen3_dir: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch
) -> None:
    content = read_training_recipe(name).content
    if "path" in str(content["env"]):
        monkeypatch.setenv("MEMGYM_DATA", str(request.getfixturevalue("data_dir")))
    monkeypatch.chdir(tmp_path)
    if name == "rmm_locomo":  # goes on from another run's weights
        first = [*dry("rmm_persona", model_dir, Path("runs/rmm_persona")), "iterations=1"]
        assert CliRunner().invoke(app, ["train", "rmm_persona", *first], catch_exceptions=False).exit_code == 0
        steps = tmp_path / "runs" / "rmm_persona" / "checkpoints"
        shutil.copytree(steps / "step-00000001", steps / "step-00000020")
    settings = dry(name, qwen3_dir if "qwen3" in name else model_dir, tmp_path / "run")
    for more in (["iterations=1"], ["iterations=2", "--resume"]):
        done = CliRunner().invoke(app, ["train", name, *settings, *more], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    folder = RunFolder(tmp_path / "run")
    assert [record["step"] for record in folder.metrics()] == [1, 2]
    assert all("val/reward" in record for record in folder.metrics())
    if "backends" in content:
        assert (folder.path / "model" / "config.json").is_file()
    kwargs = {
        key: value for key, value in read_training_recipe(name, settings).content["env"].items() if key != "split"
    }
    env = ["--env", kwargs.pop("id"), *(f"--set={key}={json.dumps(value)}" for key, value in kwargs.items())]
    play = ["evaluate", f"memagents:{content['agent']}", "--recipe", str(folder.path), *env, "--episodes", "1"]
    done = CliRunner().invoke(memgym, [*play, "--split", "validation", "--out", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_the_base_row_of_qwen3_reads_chunks_of_the_published_size(
    qwen3_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMGYM_DATA", str(data_dir))
    row = Path(__file__).parents[2] / "memagents" / "results" / "memory_agent" / "qwen3_base.toml"
    recipe = tmp_path / "base.toml"
    recipe.write_text(row.read_text().replace("./models/Qwen3-1.7B", str(qwen3_dir)).replace("1024", "4"))
    play = ["evaluate", "memagents:MemoryAgent", "--recipe", str(recipe), "--env", "memgym/Longcontext-v1"]
    play += ["--set", "task=memagent", "--set", "path=eval_50.json.gz", "--set", "section_tokens=2500"]
    out = ["--split", "all", "--episodes", "1", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(memgym, [*play, *out], catch_exceptions=False)
    assert done.exit_code == 0, done.output
