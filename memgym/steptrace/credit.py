"""Who gets which part of an episode's reward: choices with a name, as plain numbers for trainers that take them.

The names are those of GRPO's variants here, and the numbers those of ``grpo.advantages`` on the same rows:

=========== ===========================================================================================================
``episode`` every call of an episode gets its return, compared with the group's (GRPO, arXiv 2402.03300, §4.1)
``phase``   the calls of a phase share what was paid from its first call on, compared with the group's in that phase
``step``    ``episode``, and what was paid from the call on, compared with calls at equal observations in the group
            (GiGPO, arXiv 2505.10978, §4)
``gdpo``    ``episode``, each reward compared by itself and then weighed (GDPO, arXiv 2601.05242)
=========== ===========================================================================================================
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from memgym.checks import check_choice
from memgym.errors import ConfigError
from memgym.steptrace.record import TraceStep, anchors

CREDITS = ("episode", "phase", "step", "gdpo")
SCALES = ("group_std", "none")
FLOOR = 1e-6
"""Returns that differ by less than this fraction of the rewards in them are equal."""


def returns(calls: Sequence[TraceStep], credit: str = "episode") -> list[float]:
    """Return the reward that belongs to each call, before any comparison.

    It is what a trainer is given that compares the rewards of a group itself: the episode's return, or with ``phase``
    and ``step`` what was paid from the phase's first call, or the call itself, on.

    Args:
        calls: as :func:`memgym.steptrace.calls` returns them.
        credit: one of :data:`CREDITS`; ``gdpo`` gives the episode's return.
    """
    check_choice("credit", credit, CREDITS)
    rewards = np.array([call.reward for call in calls], float)
    if credit == "step":
        return _to_go(calls, rewards, 1.0).tolist()
    unit = _units(calls, credit)
    return _to_go(calls, rewards, 1.0)[_first(calls, unit)][unit].tolist()


def advantages(
    calls: Sequence[TraceStep],
    credit: str = "episode",
    *,
    scale: str = "group_std",
    weights: Mapping[str, float] | None = None,
    step_weight: float = 1.0,
    discount: float = 1.0,
) -> list[float]:
    """Return each call's return against those of its group.

    Args:
        calls: of whole groups, as :func:`memgym.steptrace.calls` returns them.
        credit: one of :data:`CREDITS`.
        scale: what a difference from the group's mean is divided by: ``group_std``, or ``none``.
        weights: of the rewards by name, for ``gdpo``.
        step_weight: GiGPO's ω, for ``step``.
        discount: per call in the return of a step, for ``step``.

    Raises:
        ConfigError: an argument does not fit.
    """
    check_choice("credit", credit, CREDITS)
    check_choice("scale", scale, SCALES)
    group = _numbers([call.group for call in calls])
    unit = _units(calls, credit)
    peers = _numbers([(call.group, call.phase if credit == "phase" else "") for call in calls])
    total = np.zeros(len(calls))
    for weight, rewards in _components(calls, credit, weights):
        total += weight * _compare(calls, rewards, 1.0, unit, peers, scale)
    if credit == "step":
        rewards = np.array([call.reward for call in calls], float)
        alike = _numbers(list(zip(group.tolist(), anchors(calls), strict=True)))
        total += step_weight * _compare(calls, rewards, discount, np.arange(len(calls)), alike, scale)
    return total.tolist()


def _components(
    calls: Sequence[TraceStep], credit: str, weights: Mapping[str, float] | None
) -> list[tuple[float, np.ndarray]]:
    if credit != "gdpo":
        if weights is not None:
            raise ConfigError("'weights' goes with credit = 'gdpo': else the environment's own reward is taken")
        return [(1.0, np.array([call.reward for call in calls], float))]
    if not weights:
        raise ConfigError("credit = 'gdpo' needs 'weights', a number for each reward that counts")
    for name in weights:
        if any(name not in call.rewards for call in calls):
            raise ConfigError(f"'weights': the environment pays no reward {name!r}")
    return [(weight, np.array([call.rewards[name] for call in calls], float)) for name, weight in weights.items()]


def _units(calls: Sequence[TraceStep], credit: str) -> np.ndarray:
    """Return ``[N]``: the calls that share a return have the same number."""
    return _numbers([(call.episode, call.phase if credit == "phase" else "") for call in calls])


def _compare(
    calls: Sequence[TraceStep], rewards: np.ndarray, discount: float, unit: np.ndarray, peers: np.ndarray, scale: str
) -> np.ndarray:
    """Return ``[N]``: the return of each call's unit less the mean of its peers', in their standard deviations."""
    first = _first(calls, unit)
    values = _to_go(calls, rewards, discount)[first]
    sizes = _to_go(calls, np.abs(rewards), discount)[first]
    peer = peers[first]
    out = np.zeros(len(values))
    for number in np.unique(peer):
        mine = peer == number
        centred = values[mine] - values[mine].mean()
        if np.abs(centred).max() > FLOOR * sizes[mine].max():
            out[mine] = centred / (values[mine].std(ddof=1) if scale == "group_std" else 1.0)
    return out[unit]


def _to_go(calls: Sequence[TraceStep], rewards: np.ndarray, discount: float) -> np.ndarray:
    """Return ``[N]``: the discounted sum of ``rewards`` from each call to the end of its episode."""
    later: dict[int, float] = {}
    out = np.zeros(len(calls))
    for row in sorted(range(len(calls)), key=lambda row: calls[row].turn, reverse=True):
        episode = calls[row].episode
        out[row] = later[episode] = rewards[row] + discount * later.get(episode, 0.0)
    return out


def _first(calls: Sequence[TraceStep], unit: np.ndarray) -> np.ndarray:
    """Return ``[U]``: the row of each unit's earliest call."""
    first: dict[int, int] = {}
    for row in sorted(range(len(calls)), key=lambda row: calls[row].turn):
        first.setdefault(int(unit[row]), row)
    return np.array([first[number] for number in range(len(first))], int)


def _numbers(keys: Sequence[Hashable]) -> np.ndarray:
    """Return ``[N]``: the distinct keys, numbered from 0 as they come."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], int)
