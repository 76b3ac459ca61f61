"""A vLLM engine beside a trainer on one card: it sleeps, wakes, and says what the trainer's weights say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from memagents.backends.base import Sampling

pytest.importorskip("vllm", reason="needs the vllm extra")
pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM's own


def test_an_engine_gives_its_memory_back_and_takes_new_weights(
    qwen3: Callable, model_dir: Path, tmp_path: Path, device: torch.device, say: Callable
) -> None:
    from memagents.backends.vllm_backend import VllmBackend

    model = qwen3(torch.bfloat16)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(model_dir).save_pretrained(tmp_path)
    backend = VllmBackend(tmp_path, max_model_len=1024, engine={"gpu_memory_utilization": 0.4, "enforce_eager": True})
    awake, _ = torch.cuda.mem_get_info()
    backend.sleep()
    asleep, whole = torch.cuda.mem_get_info()
    say(f"a sleeping engine gives back {(asleep - awake) / 1e9:.0f} of {whole / 1e9:.0f} GB")
    assert asleep - awake > 0.25 * whole
    with torch.no_grad():
        model.get_input_embeddings().weight[:50] *= 2
    backend.update_weights(model.named_parameters())
    (completion,) = backend.generate([list(range(10, 40))], Sampling(max_tokens=32, seeds=(0,)))
    ids = torch.tensor([[*completion.prompt_ids, *completion.token_ids]], device=device)
    with torch.no_grad():
        table = model(ids).logits[0, len(completion.prompt_ids) - 1 : -1].float().log_softmax(-1)
    expected = table[range(len(completion.token_ids)), completion.token_ids].tolist()
    assert completion.log_probs == pytest.approx(expected, abs=0.1)
