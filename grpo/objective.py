"""The settings of advantages and losses. Nothing here needs torch, so that what can be set is listed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grpo.errors import ConfigError
from grpo.options import check, option

ESTIMATORS = {"relative": "grpo.estimators:relative"}
"""Advantage estimators by name, and where they are."""
SURROGATES = {name: f"grpo.surrogates:{name}" for name in ("clip", "cispo", "reinforce")}
"""Surrogate losses by name, and where they are."""


@dataclass(frozen=True)
class LossConfig:
    """The objective of one optimiser step."""

    surrogate: str = option(
        "clip",
        "clipped ratio times A (PPO), capped detached ratio times A · log π (CISPO), A · log π; see grpo.surrogates",
        known=SURROGATES,
    )
    ratio: Literal["token", "sequence"] = option(
        "token", "importance ratio per token, or per sequence as exp of the mean log-ratio (GSPO)"
    )
    clip_low: float = option(0.2, "ratios are clipped below at 1 − clip_low", least=0)
    clip_high: float = option(0.2, "ratios are clipped above at 1 + clip_high", least=0)
    dual_clip: float | None = option(
        None, "with a negative advantage the loss is at most this times |A|; above 1", above=1
    )
    ratio_cap: float = option(5.0, "CISPO's ε_max, the cap of the detached ratio", above=0)
    aggregation: Literal["token_mean", "sequence_mean", "constant_length"] = option(
        "sequence_mean", "mean over all tokens; over sequences of their token means; tokens / (sequences · length)"
    )
    constant_length: int | None = option(None, "the length that aggregation = constant_length divides by", least=1)
    scope: Literal["mini_batch", "rollout"] = option(
        "mini_batch", "what the means run over: this optimiser step, or the average step of the rollout"
    )
    kl: Literal["none", "k1", "k2", "k3"] = option("none", "estimator of KL(π ‖ reference) per token")
    kl_coef: float = option(1e-3, "β, the weight of the KL", least=0)
    kl_in: Literal["loss", "reward"] = option("loss", "where the KL goes: into the loss, or off the call's reward")
    correction: Literal["none", "truncate", "mask"] = option(
        "none", "weight exp(old − sampler) for sampler/trainer mismatch: truncated at its cap, or 0 beyond it"
    )
    correction_level: Literal["token", "sequence"] = option("token", "mismatch per token, or product over the sequence")
    correction_cap: float = option(2.0, "the largest mismatch weight", above=0)
    entropy_coef: float = option(0.0, "weight of the entropy bonus")
    mask_cut_off: bool = option(False, "leave responses that hit the length limit out of the loss")
    overlong_length: int | None = option(None, "soft over-long penalty: responses of this length pay 1 (DAPO)", least=1)
    overlong_buffer: int = option(0, "the penalty grows linearly over this many tokens before overlong_length", least=0)

    def __post_init__(self) -> None:
        check(self)
        if (self.constant_length is None) == (self.aggregation == "constant_length"):
            raise ConfigError("aggregation = 'constant_length' and the setting constant_length go together")
        if self.overlong_length is not None and self.overlong_buffer > self.overlong_length:
            raise ConfigError(
                f"overlong_buffer = {self.overlong_buffer} must be at most overlong_length = {self.overlong_length}"
            )
        if self.kl_in == "reward" and self.kl == "none":
            raise ConfigError("kl_in = 'reward' needs an estimator: kl = 'k1', 'k2' or 'k3'")

    @property
    def needs_reference(self) -> bool:
        """Whether the buffer must hold ``ref_log_prob``."""
        return self.kl != "none"


@dataclass(frozen=True)
class AdvantageConfig:
    """How rewards become advantages."""

    advantage_estimator: str = option(
        "relative", "relative compares returns as the settings below say; see grpo.estimators", known=ESTIMATORS
    )
    baseline: Literal["mean", "leave_one_out", "none"] = option(
        "mean", "what is subtracted from a return: its group's mean, the mean of the group's others, nothing"
    )
    scale: Literal["group_std", "batch_std", "none"] = option(
        "group_std", "what it is divided by: the standard deviation of the group, of the whole rollout, nothing"
    )
    credit: Literal["episode", "phase", "step", "weight"] = option(
        "episode",
        "who shares a return: all calls of an episode; the calls of one phase (return from its first call on); step "
        "adds GiGPO's comparison of calls at equal anchors; weight takes the buffer's `weight` as it is (imitation)",
    )
    combine: Literal["sum", "normalise_each"] = option(
        "sum", "several rewards: summed and then normalised, or each normalised and then summed (GDPO)"
    )
    reward_weights: tuple[float, ...] | None = option(
        None, "weight of each reward component; without them the buffer's own `reward` is taken"
    )
    step_weight: float = option(1.0, "GiGPO's ω, the weight of the step advantage (credit = step)", least=0)
    discount: float = option(1.0, "discount per call in the return of a step (credit = step)", least=0, most=1)

    def __post_init__(self) -> None:
        check(self)
        if self.combine == "normalise_each" and self.reward_weights is None:
            raise ConfigError("combine = 'normalise_each' needs reward_weights, one per reward component")
