from __future__ import annotations

import pytest
import torch

from grpo.collector import RolloutRequest
from grpo.config import load_config
from grpo.errors import ConfigError
from grpo.imitation import Demonstrations
from grpo.trainer import Trainer


def demonstrations(toy):
    """In state s the teacher picks s; every fourth row is a mistake of weight 0."""
    rows = [
        {"state": i % 3, "choice": [(i % 3 + (i % 4 == 3)) % 3], "weight": float(i % 4 != 3), "reward": 0.0,
         "group_id": i, "episode_id": i}
        for i in range(24)
    ]  # fmt: skip
    return toy.picks(rows)


def test_weighted_imitation_copies_the_teacher(toy, tmp_path):
    policy = toy.Table(3, 3)
    settings = load_config(None, [f'out_dir="{tmp_path}"', "preset=imitation", "iterations=60", "lr=0.1"])
    metrics = Trainer(policy, Demonstrations(demonstrations(toy), rows=12), settings).train()
    assert policy.logits.softmax(-1).diagonal().min() > 0.95
    assert metrics["loss"] < 0.05


def test_the_loss_is_the_weighted_mean_negative_log_likelihood(toy, tmp_path):
    policy, buffer = toy.Table(3, 3), demonstrations(toy)
    torch.nn.init.normal_(policy.logits)
    nll = -(buffer["weight"] * policy.log_probs(buffer)[0].squeeze(1)).mean().item()
    settings = load_config(None, [f'out_dir="{tmp_path}"', "preset=imitation", "iterations=1"])
    metrics = Trainer(policy, Demonstrations(buffer, rows=24), settings).train()
    assert metrics["loss"] == pytest.approx(nll, rel=1e-5)


def test_each_pass_draws_every_row_once_over_all_ranks(toy):
    collector = Demonstrations(demonstrations(toy), rows=8, seed=4)
    for start in (0, 3):
        drawn = [
            int(episode)
            for iteration in range(start, start + 3)
            for rank in range(2)
            for episode in collector(RolloutRequest(iteration, 0, 0, 0, rank, 2))["episode_id"]
        ]
        assert sorted(drawn) == list(range(24))
    with pytest.raises(ConfigError, match="rows = 25 must be between 1 and the 24"):
        Demonstrations(demonstrations(toy), rows=25)
