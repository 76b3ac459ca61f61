"""What the plan reckons is what a run takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from memagents.planning import GB, plan
from memagents.training import Run
from memagents.training_recipes import read_training_recipe

RECIPE = """
agent = "MemoryAgent"

[backends.main]
kind = "transformers"
model = '{model}'
dtype = "float32"
rollout_dtype = "bfloat16"
batch_tokens = 65_536

[modules.read]
status = "trained"
max_tokens = 128

[modules.answer]
status = "trained"
max_tokens = 32

[env]
id = "memgym/Longcontext-v1"
task = "multihop"
length = 2000
section_tokens = 500
reward_weights = {{ token_cost = -1.0 }}

[train]
entropy_coef = 0.01
out_dir = '{out}'
iterations = 1
groups = 8
group_size = 8
precision = "bf16"
micro_tokens = 8192
"""


@pytest.fixture
def recipe(qwen3: Callable, model_dir: Path, tmp_path: Path) -> str:
    qwen3().save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(model_dir).save_pretrained(tmp_path / "model")
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(model=tmp_path / "model", out=tmp_path / "run"))
    return str(path)


@pytest.mark.parametrize("settings", [[], ["gradient_checkpointing=true"], ["lora_rank=16"]], ids=str)
def test_a_run_takes_what_was_reckoned(recipe: str, settings: list[str], say: Callable) -> None:
    reckoned = plan(read_training_recipe(recipe, settings))
    run = Run(read_training_recipe(recipe, settings))
    peaks = {}
    update = run.trainer._update_on

    def measured(*args: object) -> None:
        peaks["playing"] = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        update(*args)
        peaks["learning"] = torch.cuda.max_memory_allocated()

    run.trainer._update_on = measured
    torch.cuda.reset_peak_memory_stats()
    run.train()
    for phase, found in peaks.items():
        said = getattr(reckoned, phase)
        say(f"{' '.join(settings)} {phase}: reckoned {said / GB:.1f} GB, allocated at most {found / GB:.1f} GB")
        assert found < 1.1 * said
