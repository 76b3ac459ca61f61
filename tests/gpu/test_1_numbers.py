"""A card gives the numbers that a CPU gives: sampler, trainer, their difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM
from memagents.backends.base import Completion, Sampling
from memagents.backends.lanes import Lanes
from memagents.backends.transformers_backend import TransformersBackend
from tests.memagents.backends.conftest import random_model

SEEDS = tuple(range(40))
PROMPTS = [tuple(range(4, 5 + seed % 17)) for seed in SEEDS]


def on(device: torch.device, kind: str, folder: Path, dtype: torch.dtype = torch.float32) -> TransformersBackend:
    tokenizer = TransformersBackend.from_pretrained(folder, device="cpu").tokenizer
    return TransformersBackend(random_model(kind).to(device, dtype), tokenizer, batch_tokens=1024)


def plain(model: torch.nn.Module, completion: Completion) -> list[float]:
    ids = torch.tensor([[*completion.prompt_ids, *completion.token_ids]], device=model.device)
    with torch.no_grad():
        logits = model(ids).logits[0, len(completion.prompt_ids) - 1 : -1].float()
    return logits.log_softmax(-1)[range(len(completion.token_ids)), completion.token_ids].tolist()


@pytest.mark.parametrize("sampling", [Sampling(max_tokens=40, seeds=SEEDS), Sampling(max_tokens=40, temperature=0)])
@pytest.mark.parametrize("kind", ["qwen3", "llama", "smollm2", "gemma", "gpt2", "mistral", "gemma3"])
def test_what_is_sampled_has_the_log_probabilities_of_a_plain_pass(
    device: torch.device, tiny_dir: Path, kind: str, sampling: Sampling
) -> None:
    backend = on(device, kind, tiny_dir)
    for _ in range(2):  # captured, and replayed
        completions = backend.generate(PROMPTS, sampling)
        for completion in completions:
            assert completion.log_probs == pytest.approx(plain(backend.model, completion), abs=2e-3)
    assert isinstance(backend._lanes, Lanes) == (kind not in ("mistral", "gemma3"))
    usual = on(torch.device("cpu"), kind, tiny_dir).generate(PROMPTS, sampling)
    equal = [one.token_ids == other.token_ids for one, other in zip(completions, usual, strict=True)]
    assert sum(equal) > 0.8 * len(equal)  # but for draws that fall between two tokens


def test_a_model_on_another_card_than_the_current_one(tiny_dir: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    assert torch.cuda.current_device() == 0
    backend = on(torch.device("cuda", 1), "qwen3", tiny_dir)
    for completion in backend.generate(PROMPTS, Sampling(max_tokens=40, seeds=SEEDS)):
        assert completion.log_probs == pytest.approx(plain(backend.model, completion), abs=2e-3)


def rollout(vocabulary: int, completions: list[Completion] | None = None) -> Any:
    if completions is None:
        draw = torch.Generator().manual_seed(0)
        ids = [torch.randint(4, vocabulary, (30,), generator=draw).tolist() for _ in range(8)]
        pairs = [(row[: 5 + n], row[20:]) for n, row in enumerate(ids)] * 2
    else:
        pairs = [(each.prompt_ids, each.token_ids) for each in completions]
    return from_rows([
        {"prompt_ids": prompt, "response_ids": response, "rewards": [0.0], "reward": 0.0, "group_id": number % 8,
         "episode_id": number} for number, (prompt, response) in enumerate(pairs)
    ])  # fmt: skip


def gradient(policy: CausalLM, batch: Any, device: torch.device, bf16: bool) -> tuple[torch.Tensor, torch.Tensor]:
    policy.zero_grad()
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        found, _ = policy.log_probs(batch.to(device))
    found.sum().backward()
    whole = torch.cat([p.grad.flatten() for p in policy.parameters() if p.grad is not None])
    return found.detach().cpu(), whole.cpu()


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("kind", ["qwen3", "llama", "mistral"])
def test_the_trainer_computes_what_a_cpu_computes(device: torch.device, kind: str, bf16: bool, recompute: bool) -> None:
    batch = rollout(24)
    exact, expected = gradient(CausalLM(random_model(kind)), batch, torch.device("cpu"), False)
    policy = CausalLM(random_model(kind).to(device), gradient_checkpointing=recompute).train()
    found, got = gradient(policy, batch, device, bf16)
    mask = batch["response_mask"]
    torch.testing.assert_close(found[mask], exact[mask], rtol=0, atol=0.3 if bf16 else 2e-3)
    assert (got - expected).norm() < (0.2 if bf16 else 5e-3) * expected.norm()


def test_flash_attention_gives_the_gradient_of_pytorchs_attention(device: torch.device, qwen3: Callable) -> None:
    if not transformers.utils.is_flash_attn_2_available():
        pytest.skip("needs flash-attn")
    batch, policy = rollout(1000), CausalLM(qwen3())
    usual, expected = gradient(policy, batch, device, True)
    policy.use_flash_attention()
    assert policy.base.config._attn_implementation == "flash_attention_2"
    found, got = gradient(policy, batch, device, True)
    mask = batch["response_mask"]
    torch.testing.assert_close(found[mask], usual[mask], rtol=0, atol=0.1)
    assert (got - expected).norm() < 0.05 * expected.norm()


def test_sampler_and_trainer_differ_by_rounding_only(
    device: torch.device, qwen3: Callable, tiny_dir: Path, say: Callable
) -> None:
    tokenizer = TransformersBackend.from_pretrained(tiny_dir, device="cpu").tokenizer
    backend = TransformersBackend(qwen3(), tokenizer, rollout_dtype="bfloat16")
    backend.sample_from_copy()
    completions = backend.generate(PROMPTS, Sampling(max_tokens=64, seeds=SEEDS))
    backend.sleep()
    batch, mask = rollout(0, completions), rollout(0, completions)["response_mask"]
    torch.set_float32_matmul_precision("high")
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        trained, _ = CausalLM(backend.model).log_probs(batch.to(device))
    sampled = torch.cat([torch.tensor(each.log_probs) for each in completions])
    gap = trained.cpu()[mask] - sampled
    kl = float((gap.exp() - gap - 1).mean())
    say(f"sampler_kl {kl:.1e} of Qwen3-0.6B's sizes in bfloat16, largest gap {float(gap.abs().max()):.2f}")
    assert kl < 1e-2
