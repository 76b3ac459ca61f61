"""The trainer's settings, and how a file, a preset and overrides make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from grpo.errors import ConfigError
from grpo.objective import AdvantageConfig, LossConfig
from grpo.options import build, check, option, parse_overrides, read_toml
from grpo.presets import preset_values


@dataclass(frozen=True)
class TrainerConfig:
    """Everything about a run but its policy and its collector; in files the sections' keys are flat too."""

    out_dir: str = option("runs/grpo", "folder of metrics, samples and checkpoints")
    seed: int = option(0, "seed of everything random; with the iteration it fixes each step", least=0)
    iterations: int = option(100, "rollouts to collect", least=1)
    epochs: int = option(1, "passes over each rollout", least=1)
    mini_batches: int = option(1, "optimiser steps per pass", least=1)
    micro_tokens: int = option(8192, "most padded tokens in one forward and backward pass, per rank", least=1)
    precision: Literal["auto", "float32", "bf16"] = option(
        "float32", "bf16 is autocast over float32 weights; auto is bf16 where the device computes in it"
    )
    strategy: Literal["ddp", "fsdp"] = option("ddp", "under torchrun: replicate the policy, or shard it (FSDP2)")

    lr: float = option(1e-6, "peak learning rate of AdamW", least=0)
    schedule: Literal["constant", "linear", "cosine"] = option("constant", "learning rate after the warm-up")
    warmup_updates: int = option(0, "optimiser steps of linear warm-up", least=0)
    final_lr: float = option(0.0, "where linear and cosine schedules end, as a fraction of lr", least=0)
    weight_decay: float = option(0.0, "AdamW's decoupled weight decay", least=0)
    beta1: float = option(0.9, "AdamW's β1", least=0, below=1)
    beta2: float = option(0.999, "AdamW's β2", least=0, below=1)
    max_grad_norm: float = option(1.0, "gradients are scaled down to this norm", above=0)

    dynamic_sampling: bool = option(False, "drop groups without any advantage and collect again to replace them")
    max_resamples: int = option(3, "most extra collections per iteration", least=0)
    overlap: bool = option(
        False,
        "collect the next rollout while this one is learned from, so that it is one iteration old; but not the first, "
        "nor the first after iterations were raised",
    )

    validate_every: int = option(
        0,
        "iterations between validations; 0 is never, and switches off what a file says of best_metric and patience",
        least=0,
    )
    best_metric: str | None = option(None, "validation metric whose maximum marks the best checkpoint")
    patience: int = option(0, "stop after this many validations without a new best; 0 is never", least=0)
    save_every: int = option(10, "iterations between checkpoints", least=1)
    keep: int = option(1, "newest checkpoints to keep, besides the best", least=1)

    swanlab: Literal["cloud", "offline", "off"] = option("off", "SwanLab tracking; metrics.jsonl is always written")
    project: str = option("grpo", "SwanLab project")
    run_name: str | None = option(None, "SwanLab experiment name; the folder's name without")
    log_samples: int = option(4, "rows written as text per iteration, where a decoder is given", least=0)

    loss: LossConfig = field(default_factory=LossConfig)
    advantage: AdvantageConfig = field(default_factory=AdvantageConfig)

    def __post_init__(self) -> None:
        check(self)
        if not self.out_dir.strip():
            raise ConfigError("out_dir is empty: name a folder for the run")
        if self.patience and not (self.validate_every and self.best_metric):
            raise ConfigError("patience needs validate_every and best_metric")
        if self.overlap and self.loss.correction == "none":
            raise ConfigError("overlap learns from rollouts of older weights: set correction to 'truncate' or 'mask'")
        if self.overlap and self.dynamic_sampling and self.max_resamples:
            raise ConfigError("overlap collects once per iteration: set max_resamples = 0, or dynamic_sampling = false")
        if self.advantage.credit == "weight" and (self.loss.kl_in == "reward" or self.loss.overlong_length is not None):
            setting = "kl_in = 'reward'" if self.loss.kl_in == "reward" else "overlong_length"
            raise ConfigError(f"{setting} is taken off rewards, of which credit = 'weight' learns nothing")
        if self.best_metric and not self.validate_every:
            raise ConfigError("best_metric needs validate_every")


RESUMABLE = {"iterations", "out_dir", "swanlab", "project", "run_name", "log_samples", "save_every", "keep", "patience"}
"""Settings that may change when a run is resumed: they change none of its steps.

Only ``iterations`` may: a schedule ends with them, and with ``overlap`` nothing was played ahead after the last one, so
that the first rollout after they were raised is of the newest weights.
"""


def resumable(best: bool) -> set[str]:
    """Return the settings that may change when a run is resumed; ``best`` says whether a best policy was found yet."""
    return RESUMABLE if best else {*RESUMABLE, "best_metric"}


def check_best_metric(config: TrainerConfig, figures: Iterable[str]) -> None:
    """Check ``best_metric`` against the names of a validation's figures.

    Raises:
        ConfigError: it is none of them.
    """
    if config.best_metric is not None and config.best_metric not in (names := sorted(figures)):
        raise ConfigError(f"best_metric = {config.best_metric!r} is not among the validation metrics {names}")


def from_values(values: Mapping[str, Any], cls: type = TrainerConfig) -> Any:
    """Return a ``cls`` from flat values.

    The extra key ``preset`` names a variant of :data:`grpo.presets.PRESETS`, which the other values are laid over.

    Args:
        values: E.g. ``{"preset": "dapo", "lr": 1e-5}``.
        cls: A settings class with :class:`TrainerConfig` as itself or as a section.

    Raises:
        ConfigError: naming the key or the value, with the nearest known one.
    """
    values = dict(values)
    name = values.pop("preset", None)
    if values.get("validate_every") == 0:
        values = {key: value for key, value in values.items() if key not in ("best_metric", "patience")}
    return build(cls, values if name is None else {**preset_values(name), **values})


def load_config(path: str | Path | None = None, overrides: Iterable[str] = ()) -> TrainerConfig:
    """Return the settings in a TOML file of flat keys and in ``key=value`` strings, the later winning.

    Args:
        path: The file; None for defaults. ``preset`` in it works as in :func:`from_values`.
        overrides: E.g. ``["preset=dapo", "lr=1e-5"]``.

    Raises:
        ConfigError: naming the file, the override or the key, with the nearest known one.
    """
    return from_values({**read_toml(path), **parse_overrides(overrides)})
