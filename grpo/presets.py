"""Variants of GRPO: settings of :class:`LossConfig`, :class:`AdvantageConfig`, :class:`~grpo.config.TrainerConfig`.

A preset is a starting point: every key can be set over it, what is optional to ``none``.
"""

from __future__ import annotations

from typing import Any

from grpo.errors import unknown
from grpo.objective import AdvantageConfig, LossConfig
from grpo.options import build, flat_fields

PRESETS: dict[str, dict[str, Any]] = {
    # DeepSeekMath, arXiv 2402.03300, §4.1
    "grpo": {"aggregation": "sequence_mean", "scale": "group_std", "kl": "k3", "kl_coef": 0.04},
    # arXiv 2503.20783, §3.2: neither length nor std bias; set constant_length to the generation limit
    "dr_grpo": {"aggregation": "constant_length", "constant_length": 1024, "scale": "none"},
    # arXiv 2503.14476, §3: clip-higher, dynamic sampling, mean over all tokens; set overlong_length to the limit
    "dapo": {
        "aggregation": "token_mean",
        "scope": "rollout",
        "clip_high": 0.28,
        "dynamic_sampling": True,
        "overlong_length": 1024,
        "overlong_buffer": 256,
    },
    # arXiv 2506.02864 via TRL: the token mean of each optimiser step
    "bnpo": {"aggregation": "token_mean", "scope": "mini_batch"},
    # arXiv 2507.18071, §5.1
    "gspo": {"ratio": "sequence", "clip_low": 3e-4, "clip_high": 4e-4},
    # arXiv 2506.13585, §3.1
    "cispo": {"surrogate": "cispo", "ratio_cap": 5.0, "aggregation": "token_mean"},
    # Williams 1992: return times score
    "reinforce": {"surrogate": "reinforce", "aggregation": "token_mean", "baseline": "none", "scale": "none"},
    # MemAgent, arXiv 2507.02259, §3: DAPO over several conversations, group mean only, dual clip
    "memagent": {
        "aggregation": "token_mean",
        "scope": "rollout",
        "scale": "none",
        "dual_clip": 3.0,
        "kl": "k3",
        "kl_coef": 1e-3,
    },
    # weighted negative log-likelihood of demonstrations
    "imitation": {"surrogate": "reinforce", "aggregation": "token_mean", "credit": "weight"},
}


def preset_values(name: str) -> dict[str, Any]:
    """Return the flat settings of a preset.

    Raises:
        ConfigError: an unknown name, with the nearest as a suggestion.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def preset(name: str) -> tuple[LossConfig, AdvantageConfig]:
    """Return the loss and the advantages of a preset; for its errors see :func:`preset_values`."""
    values = preset_values(name)
    return _part(LossConfig, values), _part(AdvantageConfig, values)


def _part(cls: type, values: dict[str, Any]) -> Any:
    own = {key for key, _, _ in flat_fields(cls)}
    return build(cls, {key: value for key, value in values.items() if key in own})
