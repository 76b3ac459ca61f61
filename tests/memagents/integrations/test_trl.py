"""TRL's trainer takes the rollouts, computes our advantages from them, and learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra trl: tox run -e trl")

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from memagents.backends.local import find_model
from memagents.backends.transformers_backend import TransformersBackend
from memagents.integrations.examples import trl_tiny_reader
from memagents.integrations.trl import Rollouts
from memgym.errors import ConfigError
from memgym.steptrace import advantages
from tests.memagents.integrations.conftest import assert_collected

pytestmark = pytest.mark.timeout(1800)  # training, on a machine that may do other things beside it
EPISODES, GROUP_SIZE = 4, 6


class Watched(GRPOTrainer):
    """Keeps what it computed of each rollout."""

    def _generate_and_score_completions(self, inputs):
        self.scored = super()._generate_and_score_completions(inputs)
        return self.scored


class Kept(Rollouts):
    """Keeps the sessions that it played."""

    def _rows(self, sessions, group_size, end):
        self.sessions = sessions
        return super()._rows(sessions, group_size, end)


def trainer_of(
    rollouts: Rollouts,
    folder: Path,
    model: str = "tiny_reader",
    episodes: int = EPISODES,
    group_size: int = GROUP_SIZE,
    **settings: Any,
) -> Watched:
    path = find_model(model)
    wanted = {**rollouts.settings(episodes, group_size), **settings}
    config = GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=wanted["generation_batch_size"],
        max_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **wanted,
    )
    return Watched(
        AutoModelForCausalLM.from_pretrained(path, dtype="float32"),
        reward_funcs=rollouts.reward_funcs,
        args=config,
        train_dataset=rollouts.dataset(range(9, 9 + episodes)),
        processing_class=AutoTokenizer.from_pretrained(path),
        rollout_func=rollouts,
    )


@pytest.mark.parametrize("calls", [6, 8])
@pytest.mark.parametrize("credit", ["episode", "phase", "step"])
def test_its_advantages_are_ours(credit: str, calls: int, tmp_path: Path) -> None:
    rollouts = Kept("tiny_reader", calls=calls, credit=credit)
    trainer = trainer_of(rollouts, tmp_path)
    trainer.train()
    played = [call for session in rollouts.sessions for call in session.calls()]
    ours = torch.tensor(advantages(played, credit))
    assert ours.abs().max() > 0.5
    scored = trainer.scored
    used = (scored["tool_mask"] * scored["completion_mask"]).any(1)  # what its loss is taken over
    assert used.sum() == len(played)
    order = [
        (group, place, member)
        for group in range(EPISODES)
        for place in range(calls)
        for member in range(GROUP_SIZE)
        if place < len(rollouts.sessions[group * GROUP_SIZE + member].calls())
    ]
    number = {
        (session, place): row
        for row, (session, place) in enumerate(
            (session, place)
            for session in range(len(rollouts.sessions))
            for place in range(len(rollouts.sessions[session].calls()))
        )
    }
    rows = [number[group * GROUP_SIZE + member, place] for group, place, member in order]
    torch.testing.assert_close(scored["advantages"][used], ours[rows], atol=1e-5, rtol=1e-5)
    for row, call in zip(used.nonzero()[:, 0].tolist(), (played[row] for row in rows), strict=True):
        mask = scored["completion_mask"][row].bool()
        assert scored["completion_ids"][row][mask].tolist() == call.response_ids
        prompt = scored["prompt_mask"][row].bool()
        assert scored["prompt_ids"][row][prompt].tolist() == call.prompt_ids


def test_rows_are_those_of_collect(tmp_path: Path) -> None:
    rollouts = Kept("tiny_reader", calls=6)
    trainer_of(rollouts, tmp_path).train()
    calls = [call for session in rollouts.sessions for call in session.calls()]
    model = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
    (seed,) = np.random.SeedSequence([0, 0]).generate_state(1).tolist()  # the rollouts', and the step's
    assert_collected(calls, model, range(9, 9 + EPISODES), GROUP_SIZE, seed)


def test_it_rises_on_held_out_episodes() -> None:
    before, after = trl_tiny_reader.main(8)
    assert after > before + 0.05


def test_a_real_chat_model_takes_a_step(tmp_path: Path) -> None:
    """SmolLM2, which writes long answers and never learns anything in one step: that it runs is all."""
    changes = ["backends.main.model=smollm2", "modules.read.max_tokens=12", "modules.answer.max_tokens=6"]
    rollouts = Kept("tiny_reader", changes, calls=6)
    trainer = trainer_of(rollouts, tmp_path, "smollm2", episodes=1, group_size=2, max_completion_length=12)
    before = trainer.model.get_input_embeddings().weight.detach().clone()
    trainer.train()
    assert trainer.state.global_step == 1
    gained = torch.tensor(advantages([call for session in rollouts.sessions for call in session.calls()]))
    moved = not torch.equal(before, trainer.model.get_input_embeddings().weight)
    assert moved == bool(gained.abs().max() > 0)


def test_mistakes_are_told(tmp_path: Path) -> None:
    few = Rollouts("tiny_reader", calls=5)
    with pytest.raises(ConfigError, match="an episode has 6 calls of the model: raise 'calls' from 5"):
        trainer_of(few, tmp_path).train()
    shuffled = Rollouts("tiny_reader", calls=6)
    with pytest.raises(ConfigError, match=r"Rollouts\.settings"):
        trainer_of(shuffled, tmp_path, shuffle_dataset=True).train()
