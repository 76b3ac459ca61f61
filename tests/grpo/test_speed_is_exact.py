"""What the trainer leaves out or takes over changes no step: against the slow, obvious way."""

from __future__ import annotations

import json

import pytest
import torch

from grpo.buffer import LENGTH
from grpo.config import load_config
from grpo.losses import learning_rows
from grpo.trainer import Trainer


def config(tmp_path, name, **settings):
    return load_config(None, [f'out_dir="{tmp_path / name}"', *(f"{k}={json.dumps(v)}" for k, v in settings.items())])


def parameters(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.policy.parameters()])


def half_decided(toy):
    """Rollouts of five groups, of which three are of equal rewards, and some of whose replies were cut off."""

    def collect(request):
        rollout = toy.scripted(request)
        equal = rollout["group_id"] % 2 == 0
        rollout["reward"] = torch.where(equal, 1.0, rollout["reward"])
        rollout["finish_reason"] = torch.where(rollout["episode_id"] % 7 == 0, LENGTH, rollout["finish_reason"])
        return rollout

    return collect


class Everything(Trainer):
    """The slow way: every row goes through the model, and all old log-probabilities are taken beforehand."""

    def _update_on(self, buffer, measured):
        everyone = torch.ones(len(buffer), dtype=torch.bool)
        if self.config.epochs * self.config.mini_batches > 1:
            buffer["old_log_prob"] = self._evaluate(buffer, everyone, lambda batch: self.forward(batch)[0])
        super()._update_on(buffer, measured)


def gradients(trainer, monkeypatch):
    """The gradient of every update of a run, before it is clipped."""
    found, clip = [], trainer._clip
    flat = lambda: torch.cat([parameter.grad.flatten().clone() for parameter in trainer.policy.parameters()])  # noqa: E731
    monkeypatch.setattr(trainer, "_clip", lambda: found.append(flat()) or clip())
    return found, trainer.train()


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean"])
@pytest.mark.parametrize("scope", ["rollout", "mini_batch"])
@pytest.mark.parametrize("more", [{}, {"mask_cut_off": True}, {"epochs": 2, "mini_batches": 2}, {"kl": "k3"}])
def test_rows_that_teach_nothing_are_left_out(toy, tmp_path, monkeypatch, aggregation, scope, more):
    # Weights that stay: later gradients are then compared at the same place.
    settings = {"aggregation": aggregation, "scope": scope, "iterations": 2, "lr": 0.0, "kl_coef": 0.0, **more}
    short = toy.make("llama", config(tmp_path, "short", **settings))
    short.collector = half_decided(toy)
    seen, forward = [], short.policy.log_probs
    monkeypatch.setattr(short.policy, "log_probs", lambda batch: seen.append(len(batch)) or forward(batch))
    mine, measured = gradients(short, monkeypatch)
    like = toy.make("llama", config(tmp_path, "like", **settings))
    reference = like.reference and like.reference.policy
    whole = Everything(like.policy, half_decided(toy), config(tmp_path, "whole", **settings), reference=reference)
    monkeypatch.setattr("grpo.trainer.learning_rows", lambda batch, config: torch.ones(len(batch), dtype=torch.bool))
    theirs, _ = gradients(whole, monkeypatch)
    assert len(mine) == len(theirs) >= 2
    for one, other in zip(mine, theirs, strict=True):
        assert other.norm() > 0
        assert (one - other).norm() <= 1e-6 * other.norm()
    assert measured["learning_rows"] == pytest.approx(6 / 20 if "mask_cut_off" in more else 8 / 20)
    if "epochs" not in more:
        assert sum(seen) == 2 * round(20 * measured["learning_rows"])


@pytest.mark.parametrize(
    "needs", [{"kl": "k3"}, {"entropy_coef": 0.1}, {"surrogate": "grpo.surrogates:reinforce"}], ids=lambda n: min(n)
)
def test_rows_of_advantage_0_learn_where_another_term_needs_them(toy, tmp_path, needs):
    batch = toy.scripted(toy.RolloutRequest(0, 0, 0, 0, 0, 1))
    batch["advantage"] = (batch["group_id"] > 1).float()
    plain = learning_rows(batch, config(tmp_path, "a").loss)
    assert plain.tolist() == (batch["group_id"] > 1).tolist()
    assert learning_rows(batch, config(tmp_path, "b", **needs).loss).all()
    assert not learning_rows(batch, config(tmp_path, "c", **{**needs, "kl_coef": 0.0, "kl": "k3"}).loss).all() or (
        "kl" not in needs
    )


def test_momentum_goes_on_where_nothing_is_learned(toy, tmp_path):
    """Adam's step without a gradient is not no step."""

    def collect(request):
        rollout = toy.scripted(request)
        if request.iteration:
            rollout["reward"] = torch.ones(len(rollout))
        return rollout

    trainer = toy.make("llama", config(tmp_path, "run", iterations=2, lr=1e-2))
    trainer.collector = collect
    trainer.step()
    before = parameters(trainer)
    measured, _ = trainer.step()
    assert measured["learning_rows"] == measured["loss"] == measured["grad_norm"] == 0
    assert (parameters(trainer) - before).abs().max() > 1e-3
    assert "ratio" not in measured


@pytest.mark.parametrize(("epochs", "mini_batches", "passes"), [(1, 1, 1), (1, 4, 1 + 3 / 4), (3, 1, 3), (2, 2, 2.5)])
def test_no_log_probs_are_taken_twice(toy, tmp_path, monkeypatch, epochs, mini_batches, passes):
    settings = {"iterations": 1, "lr": 1e-2, "epochs": epochs, "mini_batches": mini_batches}
    short = toy.make("llama", config(tmp_path, "short", **settings))
    rows, forward = [], short.policy.log_probs
    monkeypatch.setattr(short.policy, "log_probs", lambda batch: rows.append(len(batch)) or forward(batch))
    short.train()
    assert sum(rows) == passes * 20
    whole = Everything(toy.make("llama", config(tmp_path, "x")).policy, toy.scripted, config(tmp_path, "y", **settings))
    whole.train()
    # Adam divides by the gradient's size, which amplifies rounding: 5e-5 is a two-hundredth of one step.
    torch.testing.assert_close(parameters(short), parameters(whole), rtol=0, atol=5e-5)
