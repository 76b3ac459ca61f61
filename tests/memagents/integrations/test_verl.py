"""verl takes what the agent loop brings, and computes our advantages from it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs the extra verl: tox run -e verl")

import numpy as np
import torch
from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.agent_loop.agent_loop import DictConfigWrap, _agent_loop_registry
from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.workers.rollout.replica import TokenOutput

from memagents.backends.base import Sampling
from memagents.integrations import examples
from memagents.integrations.verl import MemgymAgentLoop, write_dataset
from memagents.training_recipes import training_recipe_names
from memgym.steptrace import advantages
from tests.memagents.integrations.conftest import GROUP_SIZE, INDICES, learned, unsettled

CONFIG = OmegaConf.create({"actor_rollout_ref": {"rollout": {"response_length": 64}}, "data": {}})


class Servers:
    """What verl's agent loops ask: answers prompts in tokens."""

    def __init__(self, answer: Any):
        self.answer = answer

    async def generate(self, request_id: str, *, prompt_ids: list[int], sampling_params: dict[str, Any]) -> TokenOutput:
        await asyncio.sleep(0)
        (said,) = self.answer([prompt_ids], Sampling(max_tokens=sampling_params["max_tokens"]))
        return TokenOutput(token_ids=said.token_ids, log_probs=said.log_probs, stop_reason="completed")


def played(model: Any, answer: Any) -> dict[str, list[Any]]:
    """Return the outputs of every session, as verl's worker has them, by its key."""
    loop = MemgymAgentLoop(
        DictConfigWrap(CONFIG),
        Servers(answer),
        model.tokenizer,
        None,
        RLHFDataset,
        DictConfigWrap(CONFIG.data),
        recipe="tiny_reader",
    )

    async def run() -> dict[str, list[Any]]:
        places = [(index, trial) for index in INDICES for trial in range(GROUP_SIZE)]
        runs = [loop.run({"temperature": 1.0}, index=index, session_id=trial) for index, trial in places]
        found = await asyncio.gather(*runs)
        return {f"{index}_{trial}": outputs for (index, trial), outputs in zip(places, found, strict=True)}

    return asyncio.run(run())


def test_it_is_registered() -> None:
    assert _agent_loop_registry["memgym"] == {"_target_": "memagents.integrations.verl.MemgymAgentLoop"}


def test_outputs_are_those_of_the_step_trace(model, expected) -> None:
    for outputs, calls in zip(played(model, model.generate).values(), expected, strict=True):
        assert [output.prompt_ids for output in outputs] == [call.prompt_ids for call in calls]
        assert [output.response_ids for output in outputs] == [call.response_ids for call in calls]
        for output, call in zip(outputs, calls, strict=True):
            assert output.response_logprobs == pytest.approx(call.log_probs, abs=1e-4)
            assert output.extra_fields["reward_extra_info"].items() >= call.rewards.items()
            row = output.as_dict()
            assert row["rm_scores"].sum().item() == pytest.approx(sum(each.reward for each in calls))


def test_its_advantages_are_ours(model) -> None:
    sessions = played(model, unsettled(model))
    keys = [f"{name}_{turn}" for name, outputs in sessions.items() for turn in range(len(outputs))]
    rows = [output.as_dict() for outputs in sessions.values() for output in outputs]
    padded = {
        name: torch.nn.utils.rnn.pad_sequence([row[name] for row in rows], batch_first=True)
        for name in ("response_mask", "rm_scores")
    }
    data = DataProto.from_dict(
        {"response_mask": padded["response_mask"], "token_level_rewards": padded["rm_scores"]},
        non_tensors={"uid": np.array([key.split("_")[0] for key in keys], dtype=object)},
    )
    done = compute_advantage_for_multi_trajectories(data, keys, adv_estimator="grpo")
    names = list(sessions)
    steps = [
        learned(int(name.split("_")[0]), names.index(name), turn, output.reward_score if not turn else 0.0)
        for name, outputs in sessions.items()
        for turn, output in enumerate(outputs)
    ]
    ours = np.array(advantages(steps))
    assert np.abs(ours).max() > 0.5
    np.testing.assert_allclose(done.batch["advantages"][:, 0].numpy(), ours, atol=1e-4)


def test_the_data_set(tmp_path: Path, model) -> None:
    write_dataset(tmp_path / "train.parquet", [5, 7])
    config = OmegaConf.create({"max_prompt_length": 64, "filter_overlong_prompts": False})
    dataset = RLHFDataset(str(tmp_path / "train.parquet"), model.tokenizer, config)
    assert [(dataset[row]["index"], dataset[row]["agent_name"]) for row in range(2)] == [(5, "memgym"), (7, "memgym")]


def test_the_example_is_a_configuration_of_verl() -> None:
    """Every override of the script exists, and the file of agent loops makes ours."""
    from hydra import compose, initialize_config_module
    from hydra.utils import get_class

    folder = Path(examples.__path__[0])
    script = (folder / "verl_hotpotqa.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = (line for line in script.splitlines() if line.startswith("exec python -m verl.trainer.main_ppo"))
    overrides = [part for part in shlex.split(line) if "=" in part]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=overrides)
    assert config.actor_rollout_ref.rollout.agent.agent_loop_config_path == "$here/verl_loops.yaml"
    (loop,) = OmegaConf.load(folder / "verl_loops.yaml")
    assert get_class(loop["_target_"]) is MemgymAgentLoop
    assert loop["recipe"] in training_recipe_names()
