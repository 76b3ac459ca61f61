"""What a recipe needs of a card follows from its settings, and is said before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3Config
from typer.testing import CliRunner

from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM, add_lora
from memagents.backends import local
from memagents.cli import app
from memagents.model_size import ModelSize
from memagents.planning import GB, mend, plan
from memagents.training_recipes import read_training_recipe, training_recipe_names
from memgym.errors import ConfigError

COMMON = {"vocab_size": 151_936, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True}
QWEN3 = {
    "1.7B": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16},
    "4B": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32},
}
ON_A_CARD = ["memory_agent", "memory_agent_imitation", "memory_agent_qwen3", "memory_r1", "memory_r1_imitation"]


@pytest.fixture
def start_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let recipes of chat models start from a Qwen3 of that size, of which there is a configuration only."""
    monkeypatch.chdir(tmp_path)  # where no run has made a model

    def start(size: str) -> None:
        Qwen3Config(**COMMON | QWEN3[size]).save_pretrained(tmp_path / size)
        monkeypatch.setitem(local.MODELS, "smollm2", lambda: tmp_path / size)
        Qwen3Config(**COMMON | QWEN3[size]).save_pretrained(tmp_path / "models" / "Qwen3-1.7B")

    return start


@pytest.mark.parametrize(
    ("size", "parameters", "cached"), [("1.7B", 1_720_574_976, 114_688), ("4B", 4_022_468_096, 147_456)]
)
def test_sizes_of_published_models(size: str, parameters: int, cached: int) -> None:
    found = ModelSize(Qwen3Config(**COMMON | QWEN3[size]))
    assert (found.parameters, found.cache_bytes(2)) == (parameters, cached)


TINY = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 64}
CONFIGS = [LlamaConfig(**TINY, num_key_value_heads=2), Qwen3Config(**TINY, num_key_value_heads=4, head_dim=16)]


@pytest.mark.parametrize("config", CONFIGS, ids=["llama", "qwen3"])
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("rank", [0, 4])
def test_activations_are_those_that_a_pass_keeps(config, bf16: bool, recompute: bool, rank: int) -> None:
    model = AutoModelForCausalLM.from_config(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == ModelSize(config).parameters
    policy = CausalLM(add_lora(model, rank) if rank else model, gradient_checkpointing=recompute).train()
    policy.base.set_attn_implementation("sdpa")  # as on a card, of which the plan is
    if rank:
        adapters = sum(parameter.numel() for parameter in policy.parameters() if parameter.requires_grad)
        assert adapters == ModelSize(config).adapters(rank)

    def kept(tokens: int) -> int:
        held = []
        row = {"prompt_ids": [1] * 8, "response_ids": [2] * tokens, "rewards": [0.0], "reward": 0.0, "group_id": 0}
        with (
            torch.autograd.graph.saved_tensors_hooks(lambda each: held.append(each) or each, lambda each: each),
            torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        ):
            policy.log_probs(from_rows([{**row, "episode_id": number} for number in range(2)]))
        return sum({each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in held}.values())

    a_token = (kept(200) - kept(100)) / 200
    again = ModelSize(config).kept_bytes(bf16, False) / config.num_hidden_layers if recompute else 0
    reckoned = (ModelSize(config).kept_bytes(bf16, recompute) - again) / a_token
    assert 0.8 < reckoned < (1.5 if rank else 1.25)  # below adapters a first layer keeps less


def test_every_shipped_recipe_has_a_plan(start_from) -> None:
    start_from("1.7B")
    done = CliRunner().invoke(app, ["plan"], catch_exceptions=False)
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.split("─\n")[1].splitlines()}
    assert list(lines) == training_recipe_names()
    assert lines["reranker"] == ["none", "-", "-", "-"]
    for name in ON_A_CARD:  # in full on 80 GB
        parameters, playing, learning, disk = map(float, lines[name])
        assert parameters == 1.721
        assert 40 < max(playing, learning) < 80
        assert disk > 3 * 12 * parameters


def test_who_plays_while_it_learns_needs_both_at_once(start_from) -> None:
    start_from("1.7B")
    apart = plan(read_training_recipe("memory_r1"))
    beside = plan(read_training_recipe("memory_r1", ["overlap=true", "correction=truncate"]))
    cache = sum(need.playing for need in apart.needs if "keys and values" in need.what)
    assert beside.learning >= apart.learning + cache
    assert beside.playing == apart.playing


def test_a_recipe_whose_model_is_not_here_has_a_line(start_from, tmp_path: Path) -> None:
    start_from("1.7B")
    (tmp_path / "models" / "Qwen3-1.7B" / "config.json").unlink()
    done = CliRunner().invoke(app, ["plan"], catch_exceptions=False)
    (line,) = (line for line in done.stdout.splitlines() if "memory_agent_qwen3" in line)
    assert line.split()[1:] == ["not", "here", "-", "-", "-"]


@pytest.mark.parametrize("name", ON_A_CARD)
def test_four_billion_parameters_fit_with_adapters(start_from, name: str) -> None:
    start_from("4B")
    assert plan(read_training_recipe(name, ["lora_rank=32", "gradient_checkpointing=true"])).learning < 80 * GB
    found = mend(name, ["lora_rank=32"], 1, 80 * GB)
    assert found is not None
    assert "gradient_checkpointing=true" in found
    assert plan(read_training_recipe(name, ["lora_rank=32", *found])).peak <= 80 * GB
    assert plan(read_training_recipe(name, ["lora_rank=32", *found[:-1]])).peak > 80 * GB  # each is needed
    if "imitation" not in name:  # which has no copy to sample from
        assert "lora_rank=32" in (mend(name, [], 1, 80 * GB) or ["lora_rank=32"])  # not in full


def test_a_plan_is_the_sum_of_its_parts_and_names_the_setting_to_change(start_from) -> None:
    start_from("1.7B")
    found = plan(read_training_recipe("memory_r1"))
    parts = {need.what: need for need in found.needs}
    assert parts["manager: keys and values, batch_tokens = 200,000"].playing == 200_000 * 114_688
    assert parts["Adam's moments"].learning == 8 * found.parameters
    assert found.learning == sum(need.learning for need in found.needs)
    split = plan(read_training_recipe("memory_r1", ["strategy=fsdp"]), ranks=4)
    assert {need.what: need for need in split.needs}["Adam's moments"].learning == 2 * found.parameters
    done = CliRunner().invoke(app, ["plan", "memory_r1", "--memory", "60"], catch_exceptions=False)
    assert "that is more than the card's 60 GB; it fits with gradient_checkpointing=true backends." in done.stdout
    done = CliRunner().invoke(app, ["plan", "memory_r1", "--memory", "20"], catch_exceptions=False)
    assert "no settings were found with which it fits: take a smaller model" in done.stdout
    done = CliRunner().invoke(app, ["plan", "reranker"])
    assert done.stdout == "reranker trains no language model: it needs no card\n"


def test_an_engine_takes_its_share_of_the_card_while_it_plays() -> None:
    table = "backends.main={kind='vllm', model='tiny_blank', engine={gpu_memory_utilization=0.4}}"
    found = plan(read_training_recipe("tiny_reader", [table]), card=50 * GB)
    engine = next(need for need in found.needs if "vLLM" in need.what)
    assert (engine.playing, engine.learning) == (20 * GB, 0)


def test_training_says_what_it_needs_of_a_card_before_it_loads(start_from, monkeypatch: pytest.MonkeyPatch) -> None:
    start_from("4B")

    class Card:
        total_memory = 80 * GB

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", Card)
    done = CliRunner().invoke(app, ["train", "memory_r1_imitation", "lora_rank=32"])
    needs, reckoned, more, error = done.stderr.splitlines()
    assert needs.startswith("memory_r1_imitation needs no files, and a GPU")
    assert reckoned.startswith("reckoned: 83 GB of the card while it plays, 89 GB while it learns, of 80 GB;")
    assert more.startswith("that is more than the card's 80 GB; it fits with gradient_checkpointing=true")
    assert "sees 0 CUDA devices" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ranks", "0", "strategy=fsdp"], "'ranks' must be an int of at least 1"),
        (["--memory", "nan"], "'--memory' must be a number above 0, not nan"),
        (["--memory", "-5"], "'--memory' must be a number above 0"),
        (["backends.main.batch_tokens=many"], "'backends.main.batch_tokens' must be an int of at least 1, not 'many'"),
        (["backends.main.model=5"], "'model' must be a built-in name, a directory or a hub name, not 5"),
        (["backends.main.kind=vllm", "backends.main.engine=3"], "backends.main.engine = 3 must be a table"),
        (["backends.main.kind=vllm", "backends.main.engine.gpu_memory_utilization=x"], "must be a number"),
        (["backends.main.dtype=7"], "backends.main.dtype"),
        (["backends.main.rollout_dtype=float8"], "backends.main.rollout_dtype"),
        (["backends.main.kind=3"], "backend kind"),
        (["backends.main.batch_token=3"], "Did you mean 'batch_tokens'"),
    ],
)
def test_what_does_not_fit_is_one_line(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["plan", "tiny_reader", *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize("arguments", [["--ranks", "0"], ["--memory", "inf"]])
def test_what_does_not_fit_any_recipe_is_one_line(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["plan", *arguments])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_model_that_nobody_makes_is_an_error() -> None:
    with pytest.raises(ConfigError, match="there is no model folder"):
        plan(read_training_recipe("tiny_reader", ["backends.main.model=./nowhere"]))
