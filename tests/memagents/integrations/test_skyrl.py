"""SkyRL takes what the generator brings, and computes our advantages from it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("skyrl", reason="needs the extra skyrl: tox run -e skyrl")

import torch
from skyrl.backends.skyrl_train.training_batch import TrainingInputBatch
from skyrl.train.trainer import RayPPOTrainer
from skyrl.train.utils.trainer_utils import validate_generator_output

from memagents.integrations.examples.skyrl_generate import Engine, batch_of
from memagents.integrations.skyrl import MemgymGenerator
from memgym.errors import ConfigError
from memgym.steptrace import advantages
from tests.memagents.integrations.conftest import GROUP_SIZE, INDICES, learned, unsettled


def generated(model: Any, answer: Any) -> dict[str, Any]:
    generator = MemgymGenerator("tiny_reader", Engine(SimpleNamespace(generate=answer)), model.tokenizer)
    batch = batch_of(INDICES, GROUP_SIZE, model.tokenizer)
    output = asyncio.run(generator.generate(batch))
    validate_generator_output(len(INDICES) * GROUP_SIZE, output, step_wise=True)
    return dict(output)


def test_rows_are_those_of_the_step_trace(model, expected) -> None:
    output = generated(model, model.generate)
    calls = [call for episode in expected for call in episode]
    assert output["prompt_token_ids"] == [call.prompt_ids for call in calls]
    assert output["response_ids"] == [call.response_ids for call in calls]
    assert output["stop_reasons"] == [call.finish_reason for call in calls]
    for found, call in zip(output["rollout_logprobs"], calls, strict=True):
        assert found == pytest.approx(call.log_probs, abs=1e-4)
    returned = [reward for reward, last in zip(output["rewards"], output["is_last_step"], strict=True) if last]
    assert returned == pytest.approx([sum(call.reward for call in episode) for episode in expected])


def test_its_advantages_are_ours(model) -> None:
    output = generated(model, unsettled(model))
    names = [f"{name.instance_id}_{name.repetition_id}" for name in output["trajectory_ids"]]
    widest = max(map(len, output["response_ids"]))
    mask = torch.tensor([[1] * len(ids) + [0] * (widest - len(ids)) for ids in output["response_ids"]])
    rewards = torch.zeros(mask.shape)
    rewards[torch.arange(len(mask)), mask.sum(1) - 1] = torch.tensor(output["rewards"])
    data = TrainingInputBatch({"rewards": rewards, "response_mask": mask, "values": None})
    groups = [name.instance_id for name in output["trajectory_ids"]]
    data.metadata = {"uids": groups, "is_last_step": output["is_last_step"], "avg_response_length": 1.0}
    algorithm = SimpleNamespace(advantage_estimator="grpo", gamma=1.0, lambd=1.0, grpo_norm_by_std=True)
    settings = SimpleNamespace(
        generator=SimpleNamespace(step_wise_trajectories=True), trainer=SimpleNamespace(algorithm=algorithm)
    )
    trainer = SimpleNamespace(cfg=settings, all_metrics={})
    RayPPOTrainer.compute_advantages_and_returns(trainer, data)
    found = data["advantages"][:, 0].numpy()

    rows = enumerate(zip(groups, names, output["rewards"], strict=True))
    steps = [learned(int(group), names.index(name), turn, reward) for turn, (group, name, reward) in rows]
    ours = np.array(advantages(steps))
    assert np.abs(ours).max() > 0.5
    np.testing.assert_allclose(found, ours, atol=1e-4)


def test_rows_without_an_index_are_refused(model) -> None:
    generator = MemgymGenerator("tiny_reader", Engine(model), model.tokenizer)
    batch = batch_of(range(1), 1, model.tokenizer)
    with pytest.raises(ConfigError, match="'index'"):
        asyncio.run(generator.generate({**batch, "env_extras": [{}]}))


def test_the_example() -> None:
    """As its users start it; on Python 3.11, with what conftest.py says of TypedDict."""
    module = "memagents.integrations.examples.skyrl_generate"
    run = f"import runpy, tests.memagents.integrations.conftest; runpy.run_module({module!r}, run_name='__main__')"
    command = [sys.executable, "-m", module] if sys.version_info >= (3, 12) else [sys.executable, "-c", run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^96 rows of 16 rollouts, mean return [0-9.]+$", done.stdout, re.MULTILINE)
