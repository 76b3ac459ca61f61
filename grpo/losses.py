"""Policy-gradient losses as pure tensor functions with orthogonal switches.

Every loss here is a weighted sum over action elements, ``sum(weight * element_loss)``: the switches choose the element
loss and the weights. The weights are normalised by :class:`Totals` given from outside, over the whole optimiser step,
so that any cutting of it into micro-batches and ranks gives the same gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tensordict import TensorDict
from torch import Tensor

from grpo.buffer import LENGTH, needed
from grpo.errors import ConfigError
from grpo.metrics import Metrics
from grpo.objective import SURROGATES, LossConfig
from grpo.resolve import resolve

MAX_LOG_RATIO = 20.0
"""Log-ratios are clamped to ± this (as verl does), so that no exponential overflows float32."""


@dataclass(frozen=True)
class Totals:
    """What a whole optimiser step is normalised by: action elements and sequences (rows) that take part."""

    elements: float
    sequences: float


def active_mask(batch: TensorDict, config: LossConfig) -> Tensor:
    """Return ``[N, R]`` bool: the action elements that take part in the loss."""
    mask = batch["response_mask"]
    return mask & (batch["finish_reason"] != LENGTH)[:, None] if config.mask_cut_off else mask


def learning_rows(batch: TensorDict, config: LossConfig) -> Tensor:
    """Return ``[N]`` bool: the rows without which the gradient would be another one.

    A row of advantage 0 has none, unless a KL or the entropy gives it one; a surrogate from outside may do as it likes.
    Whatever is normalised over, :func:`loss_totals`, counts all rows.
    """
    active = active_mask(batch, config).any(1)
    kl = config.kl != "none" and config.kl_in == "loss" and config.kl_coef != 0
    if kl or config.entropy_coef or config.surrogate not in SURROGATES:
        return active
    return active & (batch["advantage"] != 0)


def loss_totals(batch: TensorDict, config: LossConfig) -> Totals:
    """Return the totals of ``batch``; those of a split batch are the sums of its parts'."""
    mask = active_mask(batch, config)
    return Totals(float(mask.sum()), float(mask.any(1).sum()))


def element_weights(mask: Tensor, config: LossConfig, norm: Totals, dtype: torch.dtype) -> Tensor:
    """Return ``[N, R]``: the weight of each element's loss, 0 outside ``mask``."""
    weights = mask.to(dtype)
    if config.aggregation == "token_mean":
        return weights / max(norm.elements, 1.0)
    if config.constant_length is not None:  # Dr.GRPO, arXiv 2503.20783, §3.2
        return weights / (config.constant_length * max(norm.sequences, 1.0))
    return weights / weights.sum(1, keepdim=True).clamp(min=1) / max(norm.sequences, 1.0)


def policy_loss(
    log_prob: Tensor, entropy: Tensor, batch: TensorDict, config: LossConfig, norm: Totals
) -> tuple[Tensor, Metrics]:
    """Return the loss of a (micro-)batch and its metrics.

    Args:
        log_prob: ``[N, R]`` log-probabilities under the policy, in nats, with gradient.
        entropy: ``[N, R]`` entropies of the policy's distributions, in nats.
        batch: Rows with ``response_mask``, ``advantage [N]``, ``finish_reason``; ``old_log_prob`` (without it the batch
            is on-policy: the detached ``log_prob``), ``sampler_log_prob`` (for a correction) and ``ref_log_prob`` (for
            a KL).
        config: The switches.
        norm: Totals of the whole optimiser step.

    Raises:
        RolloutError: a switch needs a key that the batch lacks.
    """
    mask = active_mask(batch, config)
    weights = element_weights(mask, config, norm, log_prob.dtype)
    # Outside the mask everything is set to 0 before it is exponentiated: padding may hold anything.
    new = torch.where(mask, log_prob, 0.0)
    old = torch.where(mask, batch["old_log_prob"], 0.0) if "old_log_prob" in batch else new.detach()
    advantage = batch["advantage"].to(log_prob)[:, None].expand_as(new)
    ratio = importance_ratio(new, old, mask, config.ratio)
    element, clipped = surrogate_loss(new, ratio, advantage, config)
    if config.correction != "none":
        element = element * mismatch_weight(old, needed(batch, "sampler_log_prob", "a correction"), mask, config)
    loss = (weights * element).sum()
    if config.kl != "none" and config.kl_in == "loss":
        loss = loss + config.kl_coef * (weights * kl_estimate(new, _reference(batch, mask), config.kl)).sum()
    if config.entropy_coef:
        loss = loss - config.entropy_coef * (weights * torch.where(mask, entropy, 0.0)).sum()
    metrics = Metrics()
    with torch.no_grad():
        metrics.mean("clip_fraction", clipped, mask)
        metrics.mean("entropy", entropy, mask)
        _log_ratios(metrics, ratio, new, old, batch, mask)
    return loss, metrics


def importance_ratio(new: Tensor, old: Tensor, mask: Tensor, level: str) -> Tensor:
    """Return ``[N, R]`` ratios π/π_old, at sequence level the same for a whole row (GSPO, arXiv 2507.18071, §4.1)."""
    log_ratio = new - old
    if level == "sequence":
        log_ratio = ((log_ratio * mask).sum(1) / mask.sum(1).clamp(min=1))[:, None].expand_as(new)
    return log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()


def surrogate_loss(new: Tensor, ratio: Tensor, advantage: Tensor, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Return the element losses and whether each was clipped, both ``[N, R]``; see :mod:`grpo.surrogates`.

    Raises:
        ConfigError: a surrogate from outside returned something else.
    """
    found = resolve("surrogate", config.surrogate, SURROGATES)(new, ratio, advantage, config)
    shapes = [part.shape for part in found if isinstance(part, Tensor)] if isinstance(found, tuple) else []
    if shapes != [new.shape] * 2:
        raise ConfigError(f"surrogate = {config.surrogate!r} must return (loss, clipped), both {list(new.shape)}")
    return found


def kl_estimate(new: Tensor, reference: Tensor, kind: str) -> Tensor:
    """Return a per-element estimate of KL(π ‖ reference) at samples of π (Schulman 2020, "Approximating KL").

    k1 is unbiased as a value, but its gradient in a loss is 0 in expectation; k2's gradient is that of the KL; k3 is
    unbiased, never negative and of low variance.
    """
    d = (reference - new).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if kind == "k1":
        return -d
    if kind == "k2":
        return d**2 / 2
    return d.exp() - d - 1


def mismatch_weight(old: Tensor, sampler: Tensor, mask: Tensor, config: LossConfig) -> Tensor:
    """Return ``[N, R]`` weights π_old/π_sampler, truncated at ``correction_cap`` or 0 beyond it, without gradient."""
    log_weight = torch.where(mask, old.detach() - sampler, 0.0)
    if config.correction_level == "sequence":
        log_weight = log_weight.sum(1, keepdim=True).expand_as(log_weight)
    weight = log_weight.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    if config.correction == "truncate":
        return weight.clamp(max=config.correction_cap)
    return torch.where(weight <= config.correction_cap, weight, 0.0)


def reward_penalty(batch: TensorDict, config: LossConfig) -> Tensor | None:
    """Return ``[N]``, at most 0 for k2 and k3: what KL (in the reward) and over-long responses take off each reward.

    None if the config asks for neither. The KL is summed over the response, at ``old_log_prob``.
    """
    mask = batch["response_mask"]
    penalty = None
    if config.overlong_length is not None:
        penalty = overlong_penalty(mask.sum(1), config.overlong_length, config.overlong_buffer)
    if config.kl_in == "reward":
        old = torch.where(mask, needed(batch, "old_log_prob", "a KL in the reward"), 0.0)
        divergence = kl_estimate(old, _reference(batch, mask), config.kl)
        penalty = -config.kl_coef * divergence.sum(1) + (0.0 if penalty is None else penalty)
    return penalty


def overlong_penalty(lengths: Tensor, limit: int, buffer: int) -> Tensor:
    """Return 0 for lengths up to ``limit − buffer``, falling linearly to −1 at ``limit``.

    With no buffer it falls at once, at ``limit``. DAPO, arXiv 2503.14476, §3.4.
    """
    buffer = max(buffer, 1)
    return -((lengths - (limit - buffer)).float() / buffer).clamp(0, 1)


def _reference(batch: TensorDict, mask: Tensor) -> Tensor:
    return torch.where(mask, needed(batch, "ref_log_prob", "a KL"), 0.0)


def _log_ratios(metrics: Metrics, ratio: Tensor, new: Tensor, old: Tensor, batch: TensorDict, mask: Tensor) -> None:
    metrics.mean("ratio", ratio, mask)
    metrics.max("ratio_max", ratio, mask)
    metrics.mean("policy_kl", kl_estimate(old, new, "k3"), mask)
    if "ref_log_prob" in batch:
        metrics.mean("reference_kl", kl_estimate(new, _reference(batch, mask), "k3"), mask)
    if "sampler_log_prob" in batch:
        sampler = torch.where(mask, batch["sampler_log_prob"], 0.0)
        metrics.mean("sampler_kl", kl_estimate(sampler, old, "k3"), mask)
        metrics.max("sampler_gap_max", (sampler - old).abs(), mask)
        metrics.effective_size("effective_sample_size", (new - sampler).clamp(max=MAX_LOG_RATIO).exp(), mask)
