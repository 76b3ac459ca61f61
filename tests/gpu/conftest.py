"""What only a card can tell: ``tox run -e gpu``. The files are in the order in which they tell most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from tests.memagents.backends.conftest import in_lanes, random_model, tiny_dir
from tests.memagents.conftest import model_dir

__all__ = ["in_lanes", "model_dir", "random_model", "tiny_dir"]

QWEN3_06B = {
    "vocab_size": 151_936, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True,
    "max_position_embeddings": 8192, "eos_token_id": 0,
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())


@pytest.fixture
def qwen3(device: torch.device) -> Callable[..., Any]:
    """``qwen3(dtype)``: a model of Qwen3-0.6B's sizes with random weights."""

    def make(dtype: torch.dtype = torch.float32) -> Any:
        torch.manual_seed(0)
        with device:
            return AutoModelForCausalLM.from_config(Qwen3Config(**QWEN3_06B), dtype=dtype)

    return make


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure that was measured, whatever is captured."""

    def print_now(text: str) -> None:
        with capsys.disabled():
            print(f"\n{torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'}: {text}")

    return print_now
