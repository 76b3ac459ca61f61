"""Families of models that people train: sampler, trainer and plain Transformers agree, before and after a step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM
from memagents.backends.base import Completion, Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.training import Run
from memagents.training_recipes import read_training_recipe

THINKING = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}<|assistant|>"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)
"""As Qwen3's: an empty thought, where the model is told not to think."""
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3": ("qwen3", {"vocab_size": 151_936, "hidden_size": 16}),
    "llama": ("llama", {"tie_word_embeddings": False}),
    "mistral": ("mistral", {"tie_word_embeddings": False, "sliding_window": 64}),
    "gemma": ("gemma", {}),
    "gemma3": ("gemma3", {"sliding_window": 64}),
    "smollm2": ("smollm2", {}),
}
"""Family to the random model of it, and what makes it like those that people train; heads are tied unless said."""
RECIPE = """
agent = "MemoryAgent"

[backends.main]
kind = "transformers"
device = "cpu"
model = '{model}'
template_options = {{ enable_thinking = false }}

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
entropy_coef = 0.1              # which moves the weights whatever is paid
out_dir = '{out}'
iterations = 1
groups = 1
group_size = 2
lr = 1e-2
"""


def log_probs(model: torch.nn.Module, completion: Completion) -> torch.Tensor:
    """The obvious way: the whole text, unpadded, without a cache."""
    ids = torch.tensor([completion.prompt_ids + completion.token_ids])
    with torch.no_grad():
        logits = model(ids).logits[0, len(completion.prompt_ids) - 1 : -1].float()
    return logits.log_softmax(-1)[range(len(completion.token_ids)), completion.token_ids]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_samples_trains_saves_and_reloads(
    make_model: Callable, model_dir: Path, tmp_path: Path, family: str
) -> None:
    kind, changes = FAMILIES[family]
    vocabulary = {"vocab_size": 257, "eos_token_id": 256, "max_position_embeddings": 8192}
    first = make_model(kind, **vocabulary | changes)
    first.save_pretrained(tmp_path / "first")
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    tokenizer.chat_template = THINKING
    tokenizer.save_pretrained(tmp_path / "first")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(model=tmp_path / "first", out=tmp_path / "run"))
    metrics = Run(read_training_recipe(str(recipe))).train()
    assert metrics["sampler_kl"] < 1e-7
    assert metrics["grad_norm"] > 0

    saved = tmp_path / "run" / "model"
    shutil.rmtree(tmp_path / "first")  # nothing of it is needed
    plain = AutoModelForCausalLM.from_pretrained(saved).eval()
    assert plain.config.tie_word_embeddings == changes.get("tie_word_embeddings", True)
    moved = [(p - q).abs().max() for p, q in zip(first.parameters(), plain.parameters(), strict=True)]
    assert 0 < max(moved) < 0.02  # by one step

    backend = TransformersBackend.from_pretrained(saved, device="cpu", template_options={"enable_thinking": False})
    chats = [[{"role": "user", "content": "remember " * n + "this"}] for n in (1, 2, 12)] * 2
    prompts = [backend.encode(chat) for chat in chats]
    assert backend.decode(prompts[0]).endswith("<think>\n\n</think>\n\n")
    completions = backend.generate(prompts, Sampling(max_tokens=10, seeds=tuple(range(6))))
    batch = from_rows([
        {"prompt_ids": each.prompt_ids, "response_ids": each.token_ids, "rewards": [0.0], "reward": 0.0,
         "group_id": number % 3, "episode_id": number} for number, each in enumerate(completions)
    ])  # fmt: skip
    trained, _ = CausalLM(plain).log_probs(batch)
    for each, values in zip(completions, trained, strict=True):
        expected = log_probs(plain, each)
        torch.testing.assert_close(torch.tensor(each.log_probs), expected, rtol=0, atol=2e-4)
        torch.testing.assert_close(values[: len(expected)], expected, rtol=0, atol=2e-4)
