"""Sampler and trainer on one card: each has its memory and its attention when it is its turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from grpo.causal_lm import CausalLM
from memagents.backends import vllm_backend
from memagents.backends.base import Completion, Messages, Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.backends.vllm_backend import VllmBackend
from memagents.training import Run, attend_fast
from memagents.training_recipes import RunConfig, read_training_recipe


class Told(TransformersBackend):
    """Writes down when it is asked, and when it is to sleep."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.events: list[str] = []

    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        self.events.append("chat")
        return super().chat(batch, sampling)

    def sleep(self) -> None:
        self.events.append("sleep")


def test_samplers_sleep_while_the_trainer_learns(model_dir: Path, tmp_path: Path, monkeypatch) -> None:
    settings = [
        f"backends.main={{kind='transformers', model='{model_dir}'}}", "modules.read.prompt=read",
        "modules.answer.prompt=answer", f"out_dir={tmp_path}", "iterations=2", "groups=1", "group_size=2",
        "validate_every=2", "warmup_updates=0",
    ]  # fmt: skip
    monkeypatch.setattr(
        "memagents.backends.transformers_backend.TransformersBackend.from_pretrained", Told.from_pretrained
    )
    run = Run(read_training_recipe("tiny_reader", [*settings, "validation.episodes=1"]))
    backend = run.agent.backends[0]
    assert isinstance(backend, Told)
    update = run.trainer._update_on

    def noted(*args: Any) -> None:
        backend.events.append("update")
        update(*args)

    monkeypatch.setattr(run.trainer, "_update_on", noted)
    run.train()
    order = [event for before, event in zip(["", *backend.events], backend.events, strict=False) if event != before]
    assert order == ["chat", "sleep", "update"] * 2 + ["chat", "sleep"]


class FakeLLM:
    """An engine that knows whether it sleeps."""

    def __init__(self, sleeps: bool, tokenizer: Any):
        config = SimpleNamespace(
            enable_sleep_mode=sleeps, max_model_len=64, hf_config=None, try_get_generation_config=dict
        )
        self.llm_engine, self.calls, self.tokenizer = SimpleNamespace(model_config=config), [], tokenizer

    def get_tokenizer(self) -> Any:
        return self.tokenizer

    def sleep(self, level: int) -> None:
        self.calls.append(f"sleep {level}")

    def wake_up(self) -> None:
        self.calls.append("wake")

    def collective_rpc(self, name: str, kwargs: dict[str, Any]) -> None:
        self.calls.append(name)

    def reset_prefix_cache(self) -> None:
        self.calls.append("forget")


@pytest.mark.parametrize("sleeps", [True, False])
def test_an_engine_wakes_for_new_weights(sleeps: bool, model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = FakeLLM(sleeps, transformers.AutoTokenizer.from_pretrained(model_dir))
    monkeypatch.setattr(vllm_backend, "_load", lambda *_: llm)
    monkeypatch.setattr(vllm_backend, "_complete", lambda config, weights: weights)
    backend = VllmBackend("anything")
    backend.sleep()
    backend.sleep()  # e.g. after a validation that follows a collection
    backend.update_weights({"w": torch.zeros(1)}.items())
    expected = ["sleep 1", "wake", "reload_weights", "forget"]
    assert llm.calls == (expected if sleeps else expected[2:])


@pytest.mark.parametrize(
    ("device", "precision", "backend", "splits", "fast"),
    [
        ("cuda", "bf16", SimpleNamespace(model=None, rollout_dtype=None), False, True),  # an engine samples
        ("cuda", "bf16", SimpleNamespace(model=1, rollout_dtype="bfloat16"), False, True),  # a copy is sampled
        ("cuda", "bf16", SimpleNamespace(model=1, rollout_dtype=None), True, True),
        ("cuda", "bf16", SimpleNamespace(model=1, rollout_dtype=None), False, False),  # what learns is sampled itself
        ("cuda", "float32", SimpleNamespace(model=None, rollout_dtype=None), False, False),
        ("cpu", "bf16", SimpleNamespace(model=None, rollout_dtype=None), False, False),
    ],
)
def test_flash_attention_is_for_what_learns_not_for_what_is_sampled(
    model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: str,
    backend: Any,
    splits: bool,
    fast: bool,
) -> None:
    policy = CausalLM.from_pretrained(str(model_dir))
    asked: list[str] = []
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    monkeypatch.setattr(transformers.PreTrainedModel, "set_attn_implementation", lambda model, kind: asked.append(kind))
    config = RunConfig(trainer=read_training_recipe("tiny_reader", [f"precision={precision}"]).run.trainer)
    attend_fast(policy, backend, config, torch.device(device), splits)
    assert asked == ["flash_attention_2"] * fast


def test_a_frozen_model_on_a_card_keeps_the_attention_that_graphs_can_hold(model_dir: Path, monkeypatch) -> None:
    def to(model: transformers.PreTrainedModel, place: torch.device) -> Tensor:
        assert place == torch.device("cuda", 0)
        return model

    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(transformers.PreTrainedModel, "to", to)
    backend = TransformersBackend.from_pretrained(model_dir)
    assert backend.model.dtype == torch.bfloat16
    assert backend.model.config._attn_implementation == "sdpa"
