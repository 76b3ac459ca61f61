"""What a recipe says of credit, rewards, order and overlap comes to the trainer as it is said, without code."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from grpo.advantages import advantages
from grpo.collector import RolloutRequest
from grpo.errors import ConfigError as GrpoConfigError
from grpo.run_folder import RunFolder
from memagents.training import EpisodeCollector, Run
from memagents.training_recipes import read_training_recipe
from memgym.errors import ConfigError


def reader(folder: Path, *settings: str) -> Run:
    """A run in which the tiny reader learns to read and to answer, over whole trajectories."""
    few = [f"out_dir={folder}", "groups=4", "group_size=4", "validation.episodes=2"]
    few += ["iterations=3", "validate_every=0", "save_every=1", "lr=1e-3", "warmup_updates=0"]
    return Run(read_training_recipe("tiny_reader", [*few, *settings]))


def rollout(run: Run, iteration: int = 0):
    return run.trainer.collector(RolloutRequest(iteration, 0, 0, 0, 0, 1))


@pytest.mark.parametrize("credit", ["episode", "phase", "step"])
def test_reading_and_answering_are_credited_as_the_recipe_says(credit: str, tmp_path: Path) -> None:
    run = reader(tmp_path, f"credit={credit}", "shaping.weight=0.5", "scale=none")
    buffer = rollout(run)
    found = advantages(buffer, run.trainer.config.advantage)
    assert len(buffer["phase_id"].unique()) == 2
    for episode in buffer["episode_id"].unique():
        own = found[buffer["episode_id"] == episode]
        assert credit != "episode" or len(own.unique()) == 1
    apart = [len(found[buffer["episode_id"] == episode].unique()) > 1 for episode in buffer["episode_id"].unique()]
    assert any(apart) == (credit != "episode")
    assert len(buffer["anchor"].unique()) < len(buffer)  # a group's episodes begin alike
    assert (found != 0).any()


def test_shaping_pays_each_step_what_the_memory_gained(tmp_path: Path) -> None:
    plain, shaped = reader(tmp_path), reader(tmp_path, "shaping.weight=2.0")
    one, other = rollout(plain), rollout(shaped)
    assert torch.equal(one["response_ids"], other["response_ids"])
    gained = (other["reward"] - one["reward"]).double()
    assert gained.abs().max() == 2
    for episode in one["episode_id"].unique():  # Φ is 0 at first, and counts as 0 at the end
        assert gained[one["episode_id"] == episode].sum().item() == pytest.approx(0, abs=1e-6)
    assert shaped.validation.env is shaped.validation.env.unwrapped  # nobody is validated on it
    with pytest.raises(ConfigError, match=r"unknown potential 'memory_recal'\. Did you mean 'memory_recall'"):
        reader(tmp_path, "shaping.potential=memory_recal")


def test_components_are_weighed_by_name(tmp_path: Path) -> None:
    named = ["combine=normalise_each", "train.reward_weights={answer = 1.0, memory_recall = 0.5}"]
    run = reader(tmp_path, *named)
    names = run.trainer.reward_names
    weights = dict(zip(names, run.trainer.config.advantage.reward_weights, strict=True))
    assert {name: weight for name, weight in weights.items() if weight} == {"answer": 1.0, "memory_recall": 0.5}
    run.train()
    with pytest.raises(ConfigError, match=r"reward_weights: 'answers'\. Did you mean 'answer'"):
        reader(tmp_path, "train.reward_weights={answers = 1.0}")


def test_a_curriculum_is_gone_through_in_order(tmp_path: Path) -> None:
    collector = reader(tmp_path, "order=sequential", "groups=3", "train_episodes=7").trainer.collector
    assert isinstance(collector, EpisodeCollector)
    drawn = [collector.episodes(RolloutRequest(iteration, 0, 0, 0, 0, 1)) for iteration in range(3)]
    assert drawn == [[0, 1, 2], [3, 4, 5], [6, 0, 1]]
    again = collector.episodes(RolloutRequest(1, 1, 0, 0, 0, 1))
    assert len(set(again)) == 3
    assert max(again) < 6  # what replaces dropped groups is no further


@pytest.mark.parametrize("settings", [[], ["backends.main.rollout_dtype=float32"]], ids=["copy", "dtype"])
def test_a_rollout_played_ahead_is_of_the_weights_before(tmp_path: Path, settings: list[str]) -> None:
    ahead = ["overlap=true", "correction=truncate", "iterations=4", "validate_every=2", *settings]
    whole = reader(tmp_path / "whole", *ahead)
    whole.train()
    records = RunFolder(tmp_path / "whole").metrics()
    assert records[0]["sampler_gap_max"] < 1e-4 < 1e-2 < records[1]["sampler_gap_max"]
    first = reader(tmp_path / "cut", *ahead)
    first.train(report=lambda step, metrics: os.kill(os.getpid(), signal.SIGINT) if step == 2 else None)
    rest = reader(tmp_path / "cut", *ahead)
    rest.train(resume=True)
    for mine, theirs in zip(rest.policy.parameters(), whole.policy.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_who_has_no_copy_to_sample_from_does_not_play_ahead(tmp_path: Path) -> None:
    settings = [f"out_dir={tmp_path}", "overlap=true", "correction=mask"]
    with pytest.raises(ConfigError, match="needs a language model"):
        Run(read_training_recipe("reranker", settings))
    with pytest.raises(GrpoConfigError, match="correction"):
        read_training_recipe("reranker", settings[:2])
