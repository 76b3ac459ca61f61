"""Figures of speed, for the README; they are said, not judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM
from memagents.backends import transformers_backend
from memagents.backends.base import Sampling
from memagents.backends.transformers_backend import TransformersBackend

ROWS, PROMPT, REPLY = 128, 512, 128


def seconds(work: Callable[[], Any]) -> float:
    work()  # what is captured, chosen and allocated at first
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


@pytest.mark.parametrize("way", ["lanes", "growing"])
def test_sampling(qwen3: Callable, tiny_dir: Path, say: Callable, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    tokenizer = TransformersBackend.from_pretrained(tiny_dir, device="cpu").tokenizer
    backend = TransformersBackend(qwen3(torch.bfloat16), tokenizer, batch_tokens=ROWS * (PROMPT + REPLY))
    if way == "growing":
        monkeypatch.setattr(transformers_backend, "holds_lanes", lambda model: False)
    draw = torch.Generator().manual_seed(0)
    prompts = [torch.randint(10, 150_000, (PROMPT,), generator=draw).tolist() for _ in range(ROWS)]
    found = []
    taken = seconds(lambda: found.append(backend.generate(prompts, Sampling(REPLY, seeds=tuple(range(ROWS))))))
    tokens = sum(len(completion.token_ids) for completion in found[-1])
    say(f"sampling by {way}: {tokens / taken:,.0f} tokens/s, {ROWS} prompts of {PROMPT} tokens, {REPLY} to each")


@pytest.mark.parametrize("attention", ["sdpa", "flash_attention_2"])
def test_an_update(qwen3: Callable, say: Callable, device: torch.device, attention: str) -> None:
    if attention != "sdpa" and not transformers.utils.is_flash_attn_2_available():
        pytest.skip("needs flash-attn")
    policy = CausalLM(qwen3()).train()
    policy.base.set_attn_implementation(attention)
    draw = torch.Generator().manual_seed(0)
    rows = [
        {"prompt_ids": torch.randint(10, 150_000, (1500 + 64 * n,), generator=draw).tolist(), "rewards": [0.0],
         "response_ids": torch.randint(10, 150_000, (100,), generator=draw).tolist(), "reward": 0.0, "group_id": n,
         "episode_id": n} for n in range(4)
    ]  # fmt: skip
    batch = from_rows(rows).to(device)
    torch.set_float32_matmul_precision("high")

    def update() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            found, _ = policy.log_probs(batch)
        found.sum().backward()

    tokens = int(batch["prompt_mask"].sum() + batch["response_mask"].sum())
    say(f"forward and backward with {attention}: {tokens / seconds(update):,.0f} tokens/s")
