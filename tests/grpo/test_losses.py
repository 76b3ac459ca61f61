"""Losses and their gradients against a reference in float64 Python loops and hand-written derivatives."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grpo.buffer import LENGTH
from grpo.errors import ConfigError, RolloutError
from grpo.losses import LossConfig, Totals, loss_totals, overlong_penalty, policy_loss, reward_penalty
from grpo.metrics import Metrics
from grpo.presets import PRESETS, preset

seeds = st.integers(0, 10_000)
quick = settings(deadline=None, derandomize=True, max_examples=60)


def kl(kind, new, ref):
    """Value and derivative by ``new``."""
    d = ref - new
    return {"k1": (-d, 1.0), "k2": (d * d / 2, -d), "k3": (math.exp(d) - d - 1, 1 - math.exp(d))}[kind]


def surrogate(config, new, old, log_ratio, advantage):
    """Value and derivative by the log-ratio (by ``new`` where no ratio is differentiated)."""
    ratio = math.exp(log_ratio)
    if config.surrogate == "reinforce":
        return -advantage * new, -advantage
    if config.surrogate == "cispo":
        capped = min(ratio, config.ratio_cap)
        return -capped * advantage * new, -capped * advantage
    clipped = min(max(ratio, 1 - config.clip_low), 1 + config.clip_high)
    value, slope = -ratio * advantage, -ratio * advantage
    if -clipped * advantage > value:
        value, slope = -clipped * advantage, 0.0
    if config.dual_clip and advantage < 0 and value > config.dual_clip * abs(advantage):
        value, slope = config.dual_clip * abs(advantage), 0.0
    return value, slope


def reference(batch, log_prob, entropy, config, norm):
    """Loss, its gradient by ``log_prob`` and by ``entropy``, element by element."""
    loss, by_new, by_entropy = 0.0, [], []
    for n in range(len(batch)):
        length = int(batch["response_mask"][n].sum())
        by_new.append([0.0] * batch["response_mask"].shape[1])
        by_entropy.append(list(by_new[-1]))
        if config.mask_cut_off and batch["finish_reason"][n] == LENGTH:
            continue
        new, old, ref, sampler = (
            [float(x) for x in values[n, :length]]
            for values in (log_prob, batch["old_log_prob"], batch["ref_log_prob"], batch["sampler_log_prob"])
        )
        advantage = float(batch["advantage"][n])
        logs = [a - b for a, b in zip(new, old, strict=True)]
        mean_log = sum(logs) / length
        gaps = [a - b for a, b in zip(old, sampler, strict=True)]
        for t in range(length):
            weight = {
                "token_mean": lambda: 1 / norm.elements,
                "sequence_mean": lambda length=length: 1 / length / norm.sequences,
                "constant_length": lambda: 1 / config.constant_length / norm.sequences,
            }[config.aggregation]()
            per_sequence = config.ratio == "sequence"
            value, slope = surrogate(config, new[t], old[t], mean_log if per_sequence else logs[t], advantage)
            mismatch = 1.0
            if config.correction != "none":
                mismatch = math.exp(sum(gaps) if config.correction_level == "sequence" else gaps[t])
                if mismatch > config.correction_cap:
                    mismatch = config.correction_cap if config.correction == "truncate" else 0.0
            loss += weight * mismatch * value
            if per_sequence and config.surrogate == "clip":  # every token of the sequence moves the ratio
                for other in range(length):
                    by_new[n][other] += weight * mismatch * slope / length
            else:
                by_new[n][t] += weight * mismatch * slope
            if config.kl != "none" and config.kl_in == "loss":
                divergence, d_divergence = kl(config.kl, new[t], ref[t])
                loss += weight * config.kl_coef * divergence
                by_new[n][t] += weight * config.kl_coef * d_divergence
            loss -= weight * config.entropy_coef * float(entropy[n, t])
            by_entropy[n][t] -= weight * config.entropy_coef
    return loss, by_new, by_entropy


def inputs(rollout, seed, spread=0.4):
    """A float64 batch whose old, reference and sampler log-probs lie around the policy's; padding holds NaN."""
    batch = rollout(seed)
    generator = torch.Generator().manual_seed(seed)
    mask = batch["response_mask"]
    shape = mask.shape

    def noise(scale):
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    log_prob = -noise(1.0).abs() - 0.01
    for key in ("old_log_prob", "ref_log_prob", "sampler_log_prob"):
        batch[key] = torch.where(mask, log_prob + noise(spread), torch.nan)
    batch["advantage"] = batch["advantage"].double()
    entropy = torch.where(mask, noise(1.0).abs(), torch.nan)
    return batch, torch.where(mask, log_prob, torch.nan).requires_grad_(), entropy.requires_grad_()


configs = st.builds(
    LossConfig,
    surrogate=st.sampled_from(["clip", "clip", "cispo", "reinforce"]),
    ratio=st.sampled_from(["token", "sequence"]),
    clip_low=st.sampled_from([0.1, 0.2]),
    clip_high=st.sampled_from([0.2, 0.3]),
    dual_clip=st.sampled_from([None, 1.1, 1.5]),
    ratio_cap=st.sampled_from([1.2, 5.0]),
    aggregation=st.sampled_from(["token_mean", "sequence_mean"]),
    kl=st.sampled_from(["none", "k1", "k2", "k3"]),
    kl_coef=st.sampled_from([0.1, 1.0]),
    correction=st.sampled_from(["none", "truncate", "mask"]),
    correction_level=st.sampled_from(["token", "sequence"]),
    correction_cap=st.sampled_from([1.1, 2.0]),
    entropy_coef=st.sampled_from([0.0, 0.3]),
    mask_cut_off=st.booleans(),
)
named = st.sampled_from(sorted(PRESETS)).map(lambda name: preset(name)[0])


@quick
@given(seed=seeds, config=st.one_of(configs, named))
def test_loss_and_gradient_against_the_reference(rollout, seed, config):
    batch, log_prob, entropy = inputs(rollout, seed)
    norm = Totals(elements=37.0, sequences=11.0)
    loss, _ = policy_loss(log_prob, entropy, batch, config, norm)
    loss.backward()
    expected, by_new, by_entropy = reference(batch, log_prob.detach(), entropy.detach(), config, norm)
    mask = batch["response_mask"]
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    torch.testing.assert_close(
        log_prob.grad[mask], torch.tensor(by_new, dtype=torch.float64)[mask], rtol=1e-8, atol=1e-10
    )
    assert (log_prob.grad[~mask] == 0).all()
    if config.entropy_coef:
        torch.testing.assert_close(entropy.grad[mask], torch.tensor(by_entropy, dtype=torch.float64)[mask])


@quick
@given(seed=seeds, config=st.one_of(configs, named), parts=st.integers(1, 6))
def test_any_cutting_gives_the_same_loss_gradient_and_metrics(rollout, seed, config, parts):
    batch, log_prob, entropy = inputs(rollout, seed)
    norm = loss_totals(batch, config)
    loss, metrics = policy_loss(log_prob, entropy, batch, config, norm)
    (whole,) = torch.autograd.grad(loss, log_prob)
    pieces, merged, summed = [], Metrics(), 0.0
    for rows in torch.arange(len(batch)).tensor_split(min(parts, len(batch))):
        part = log_prob[rows].detach().requires_grad_()
        part_loss, part_metrics = policy_loss(part, entropy[rows], batch[rows], config, norm)
        pieces.append(torch.autograd.grad(part_loss, part)[0])
        merged += part_metrics
        summed += part_loss.item()
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-12, atol=1e-15)
    assert summed == pytest.approx(loss.item(), rel=1e-9, abs=1e-12)
    assert merged.values() == pytest.approx(metrics.values(), rel=1e-9, abs=1e-12)


def test_totals_leave_out_what_is_masked(rollout):
    batch = rollout(1)
    full, kept = loss_totals(batch, LossConfig()), loss_totals(batch, LossConfig(mask_cut_off=True))
    ended = batch["finish_reason"] != LENGTH
    assert full == Totals(float(batch["response_mask"].sum()), float(len(batch)))
    assert kept == Totals(float(batch["response_mask"][ended].sum()), float(ended.sum()))
    assert 0 < kept.sequences < full.sequences


def test_constant_length_divides_by_sequences_and_length(rollout):
    batch, log_prob, entropy = inputs(rollout, 2)
    config = LossConfig(surrogate="reinforce", aggregation="constant_length", constant_length=50)
    loss, _ = policy_loss(log_prob, entropy, batch, config, loss_totals(batch, config))
    sums = torch.where(batch["response_mask"], log_prob, 0).sum(1)
    assert loss.item() == pytest.approx(-(batch["advantage"] * sums).sum().item() / 50 / len(batch))


def test_the_first_update_is_on_policy_without_old_log_probs(rollout):
    batch, log_prob, entropy = inputs(rollout, 3)
    config = LossConfig(correction="truncate")
    implicit, metrics = policy_loss(
        log_prob, entropy, batch.exclude("old_log_prob"), config, loss_totals(batch, config)
    )
    batch["old_log_prob"] = log_prob.detach()
    explicit, _ = policy_loss(log_prob, entropy, batch, config, loss_totals(batch, config))
    assert torch.equal(implicit, explicit)
    assert metrics.values()["ratio"] == 1
    assert metrics.values()["clip_fraction"] == 0


def test_extreme_ratios_stay_finite(rollout):
    batch, log_prob, entropy = inputs(rollout, 4, spread=300.0)
    for config in (LossConfig(kl="k3", correction="truncate"), preset("gspo")[0], preset("cispo")[0]):
        loss, metrics = policy_loss(log_prob, entropy, batch, config, loss_totals(batch, config))
        (gradient,) = torch.autograd.grad(loss, log_prob)
        assert loss.isfinite()
        assert gradient[batch["response_mask"]].isfinite().all()
        assert all(map(math.isfinite, metrics.values().values()))


def test_metrics_on_a_case_done_by_hand(rollout):
    batch = rollout(0)[:1]
    batch["response_mask"] = torch.tensor([[True, True, False]])
    for key, values in (("old_log_prob", [-1.0, -2.0, 9.0]), ("sampler_log_prob", [-1.5, -2.0, 9.0])):
        batch[key] = torch.tensor([values])
    batch["ref_log_prob"] = batch["old_log_prob"]
    batch["advantage"] = torch.tensor([1.0])
    new = torch.tensor([[-1.0 + math.log(2), -2.0, 9.0]])
    _, metrics = policy_loss(new, torch.tensor([[1.0, 3.0, 9.0]]), batch, LossConfig(), Totals(2, 1))
    w = [2 * math.exp(0.5), 1.0]
    assert metrics.values() == pytest.approx(
        {
            "clip_fraction": 0.5,
            "entropy": 2.0,
            "ratio": 1.5,
            "ratio_max": 2.0,
            "policy_kl": (2 - math.log(2) - 1) / 2,
            "reference_kl": (0.5 + math.log(2) - 1) / 2,
            "sampler_kl": (math.exp(0.5) - 0.5 - 1) / 2,
            "sampler_gap_max": 0.5,
            "effective_sample_size": sum(w) ** 2 / (w[0] ** 2 + w[1] ** 2) / 2,
        },
        rel=1e-6,
    )


@quick
@given(seed=seeds, kind=st.sampled_from(["k1", "k2", "k3"]))
def test_kl_in_the_reward_is_summed_over_the_response(rollout, seed, kind):
    batch, _, _ = inputs(rollout, seed)
    found = reward_penalty(batch, LossConfig(kl=kind, kl_in="reward", kl_coef=0.3))
    for n in range(len(batch)):
        length = int(batch["response_mask"][n].sum())
        pairs = zip(batch["old_log_prob"][n, :length].tolist(), batch["ref_log_prob"][n, :length].tolist(), strict=True)
        assert found[n].item() == pytest.approx(-0.3 * sum(kl(kind, old, ref)[0] for old, ref in pairs))


def test_overlong_penalty_is_soft():
    lengths = torch.tensor([1, 6, 7, 8, 10, 12])
    assert overlong_penalty(lengths, 10, 4).tolist() == [0.0, 0.0, -0.25, -0.5, -1.0, -1.0]
    assert overlong_penalty(lengths, 10, 0).tolist() == [0.0, 0.0, 0.0, 0.0, -1.0, -1.0]


def test_penalties_add_up(rollout):
    batch, _, _ = inputs(rollout, 5)
    both = reward_penalty(batch, LossConfig(kl="k3", kl_in="reward", overlong_length=4, overlong_buffer=2))
    one = reward_penalty(batch, LossConfig(kl="k3", kl_in="reward"))
    other = reward_penalty(batch, LossConfig(overlong_length=4, overlong_buffer=2))
    torch.testing.assert_close(both, one + other)
    assert reward_penalty(batch, LossConfig(kl="k3")) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"surrogate": "clap"}, "Did you mean 'clip'"),
        ({"clip_low": "0.2"}, "clip_low = '0.2' is not of type float"),
        ({"mask_cut_off": 1}, "mask_cut_off = 1 is not of type bool"),
        ({"dual_clip": 0.5}, "must be above 1"),
        ({"aggregation": "constant_length"}, "go together"),
        ({"overlong_length": 4, "overlong_buffer": 5}, "overlong_buffer = 5 must be at most overlong_length = 4"),
        ({"kl_in": "reward"}, "needs an estimator"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        LossConfig(**settings)


def test_a_missing_key_is_named(rollout):
    batch, log_prob, entropy = inputs(rollout, 6)
    for key, config in (("ref_log_prob", LossConfig(kl="k2")), ("sampler_log_prob", LossConfig(correction="mask"))):
        with pytest.raises(RolloutError, match=key):
            policy_loss(log_prob, entropy, batch.exclude(key), config, Totals(1, 1))


def test_presets_differ_and_unknown_ones_are_named():
    found = [preset(name) for name in PRESETS]
    assert len({(dataclasses.astuple(loss), dataclasses.astuple(advantage)) for loss, advantage in found}) == len(found)
    with pytest.raises(ConfigError, match="Did you mean 'dapo'"):
        preset("dapoo")
