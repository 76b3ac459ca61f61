"""Language models on several ranks: two gloo processes that torchrun starts, and stand-ins for cards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from transformers import AutoConfig, AutoModelForCausalLM

from grpo import distributed
from grpo.errors import ConfigError as GrpoConfigError
from grpo.run_folder import RunFolder
from memagents.backends import transformers_backend, vllm_backend
from memagents.training import Run
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError

SCRIPT = Path(__file__).with_name("ranks.py")
RECIPE = """
agent = "MemoryAgent"

[backends.tiny]
{backend}
model = '{model}'

[modules.read]
status = "trained"
max_tokens = 12

[modules.answer]
status = "trained"
max_tokens = 12

[env]
id = "memgym/Longcontext-v1"
task = "multihop"
length = 500
section_tokens = 250
reward_weights = {{ token_cost = -1.0 }}

[train]
preset = "memagent"
out_dir = '{folder}'
iterations = 2
groups = 2
group_size = 4
lr = 1e-3
validate_every = 2

[validation]
episodes = 3
"""
TRAINED = "kind = 'transformers'\ndevice = 'cpu'"
ENGINE = "kind = 'ranks:Engine.load'"


@pytest.fixture
def recipe(model_dir: Path, tmp_path: Path) -> Callable[..., Path]:
    """``recipe(backend, folder)``: the file of a small training recipe."""

    def write(backend: str, folder: Path) -> Path:
        path = tmp_path / f"{folder.name}.toml"
        path.write_text(RECIPE.format(backend=backend, model=model_dir, folder=folder))
        return path

    return write


def train(ranks: int, recipe: Path, *settings: str) -> str:
    """Train on so many ranks and return what was printed."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [sys.executable, *launch, str(SCRIPT), str(recipe), *settings],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def figures(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if not k.startswith("time/")} for line in RunFolder(folder).metrics()]


@pytest.mark.slow
@pytest.mark.parametrize("backend", [TRAINED, ENGINE])
def test_the_ranks_join_before_an_engine_could_make_a_group_of_its_own(recipe, tmp_path: Path, backend: str) -> None:
    said = train(2, recipe(backend, tmp_path / "two"))
    # Episodes of the validation are shared.
    assert sorted(said.splitlines()) == ["rank 0 of 2 validated with [0, 2]", "rank 1 of 2 validated with [1]"]
    train(1, recipe(backend, tmp_path / "one"))
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert [line["step"] for line in two] == [1, 2]
    for found, expected in zip(two, one, strict=True):
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a saved model, adapters among them."""
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    return model.state_dict()


@pytest.fixture
def layered(model_dir: Path, tmp_path: Path) -> Path:
    """The folder of a model with several layers, whose head is tied to its embeddings."""
    path = tmp_path / "layered"
    shutil.copytree(model_dir, path)
    config = AutoConfig.from_pretrained(path)
    config.num_hidden_layers, config.tie_word_embeddings = 3, True
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    return path


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        pytest.param(TRAINED, ["strategy=ddp"], id="replicas", marks=pytest.mark.slow),
        pytest.param(TRAINED, [], id="model"),
        pytest.param(ENGINE, ["lora_rank=3", "lr=0.01"], id="engine", marks=pytest.mark.slow),
        pytest.param(TRAINED, ["lora_rank=3", "lr=0.01"], id="adapters", marks=pytest.mark.slow),
        pytest.param(
            TRAINED,
            ["backends.tiny.rollout_dtype=float32", "kl=k3", "kl_coef=0.1", "gradient_checkpointing=true"],
            id="reference",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_ranks_sample_train_save_resume_and_start_the_next_stage(
    recipe, layered: Path, tmp_path: Path, backend: str, settings: list[str]
) -> None:
    common = [f"backends.tiny.model={layered}", "strategy=fsdp", "save_every=1", *settings]
    Run(read_training_recipe(str(recipe(TRAINED, tmp_path / "one")), [*common, "iterations=3"])).train()
    train(2, recipe(backend, tmp_path / "two"), *common)
    train(2, recipe(backend, tmp_path / "two"), *common, "iterations=3", "--resume")
    expected, found = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5)
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert [line["step"] for line in two] == [1, 2, 3]
    for line, alone in zip(two, one, strict=True):
        assert line == pytest.approx(alone, rel=1e-3, abs=1e-5)
    assert two[-1]["sampler_kl"] < 1e-6  # what is sampled from is what is trained

    start = f"backends.tiny.model={tmp_path / 'two' / 'model'}"
    following = Run(read_training_recipe(str(recipe(TRAINED, tmp_path / "next")), [start, *common[1:], "iterations=1"]))
    saved = two[(RunFolder(tmp_path / "two").best_step or 3) - 1]
    for name, value in following.validation().items():
        assert saved[f"val/{name}"] == pytest.approx(value, abs=1e-5)
    following.train()


@pytest.mark.slow
def test_a_backend_that_cannot_sample_from_a_copy_is_refused(recipe, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Resident has no sample_from_copy"):
        train(2, recipe("kind = 'ranks:Resident.load'", tmp_path / "run"), "strategy=fsdp")


def test_a_group_of_another_size_than_torchrun_started_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        for rank, size in (("1", "2"), ("0", "2")):
            monkeypatch.setenv("RANK", rank)
            monkeypatch.setenv("WORLD_SIZE", size)
            with pytest.raises(GrpoConfigError, match=f"rank 0 of 1 .* rank {rank} of {size}: something made a group"):
                distributed.setup("cpu")
    finally:
        dist.destroy_process_group()


def test_ranks_wait_for_the_others_as_long_as_the_recipe_says(
    recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(backend: str, timeout: timedelta) -> None:
        joined.append(timeout)
        raise ConnectionError

    joined: list[timedelta] = []
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(dist, "init_process_group", join)
    path = str(recipe(TRAINED, tmp_path / "run"))
    for settings in ([], ["rank_patience=15"]):
        with pytest.raises(ConnectionError):
            Run(read_training_recipe(path, settings))
    assert joined == [timedelta(hours=2), timedelta(minutes=15)]
    with pytest.raises(GrpoConfigError, match="rank_patience = 0"):
        read_training_recipe(path, ["rank_patience=0"])


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two cards that are not there; the list's only item is the current one."""
    current = [0]
    for name, value in {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "current_device": lambda: current[0],
        "set_device": lambda index: current.__setitem__(0, index),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return current


def test_each_rank_has_its_own_card_for_every_model(cards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert distributed.setup().device == torch.device("cuda", 1)
    assert cards == [1]
    for name in ("auto", "cuda"):  # also of a frozen model, which no trainer moves
        assert transformers_backend._choose_device(name) == torch.device("cuda", 1)
    assert transformers_backend._choose_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(GrpoConfigError, match="LOCAL_RANK = 2, but PyTorch sees 2 CUDA devices"):
        distributed.setup()


def test_one_card_for_all_ranks_is_refused(cards, monkeypatch: pytest.MonkeyPatch) -> None:
    assert transformers_backend._choose_device("cuda:1") == torch.device("cuda", 1)
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    with pytest.raises(ConfigError, match="device = 'cuda:1' would put the models of all processes on one card"):
        transformers_backend._choose_device("cuda:1")


def test_a_vllm_engine_joins_the_ranks_that_torchrun_started(monkeypatch: pytest.MonkeyPatch) -> None:
    assert vllm_backend._alone_among_ranks({"tensor_parallel_size": 2}) == {}
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    joined = {"distributed_executor_backend": "external_launcher"}
    assert vllm_backend._alone_among_ranks({"gpu_memory_utilization": 0.5}) == joined
    with pytest.raises(ConfigError, match="'engine' has tensor_parallel_size = 2, but each of the 2 processes"):
        vllm_backend._alone_among_ranks({"tensor_parallel_size": 2})
