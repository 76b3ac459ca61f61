"""``memagents train`` with SmolLM2, which the Transformers backend samples and the trainer trains: one and the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RECIPE = """
agent = "MemoryAgent"

[backends.main]
kind = "transformers"
model = "smollm2"
dtype = "float32"

[modules.read]
module = "Operator"             # reading with SmolLM2 takes minutes on two cores
name = "lexical"

[modules.answer]
style = "plain"                 # whatever it says is an answer
status = "trained"
max_tokens = 8

[env]
id = "memgym/Longcontext-v1"
task = "multihop"
length = 500
section_tokens = 300
memory_tokens = 32
reward_weights = { token_cost = 1.0 }

[train]
preset = "memagent"
precision = "bf16"
threads = 1
groups = 1
group_size = 4
lr = 1e-5
"""


@pytest.mark.slow
def test_three_steps_of_a_real_model(smollm2: str, train_three_steps: Callable) -> None:
    records = train_three_steps(RECIPE)
    assert [record["updates"] for record in records] == [1, 2, 3]
    assert records[0]["reference_kl"] == 0
    assert all(record["reference_kl"] > 1e-4 for record in records[1:])
    # The float32 sampler and the bfloat16 trainer differ by rounding only, also after updates: they share the weights.
    assert all(record["sampler_kl"] < 5e-2 for record in records)
