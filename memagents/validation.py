"""Validation: a policy plays held-out episodes, and what it scored is kept by episode, for intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memgym.envs.base import MemoryEnv
from memgym.leaderboard.results import FINAL_REWARDS
from memgym.policy import Policy
from memgym.statistics import interval, resampled_means

Scores = Mapping[str, np.ndarray]
"""Name to ``[E, 2]``: of each episode the sum of a score and the number of times it was given."""


def play(policy: Policy, env: MemoryEnv, indices: Sequence[int], seed: int = 0) -> dict[str, np.ndarray]:
    """Play episodes side by side and return their scores.

    Every question gives the task's own scores (``answer``, …) and those of its retrieval (``evidence_recall`` within
    the memories kept, ``reciprocal_rank``); every step gives ``format``; every episode gives ``reward``, the sum of its
    rewards, and where the agent writes the memory ``memory_recall``, ``memory_precision`` and ``compression``.

    Args:
        policy: plays.
        env: the environment; each episode gets a twin of it.
        indices: of the episodes, in the environment's split.
        seed: of the policy.
    """
    policy.reset(seed)
    envs = [env.spawn() for _ in indices]
    observations = {
        number: twin.reset(options={"index": int(index)})[0]
        for number, (twin, index) in enumerate(zip(envs, indices, strict=True))
    }
    scores: dict[str, np.ndarray] = {}

    def add(number: int, name: str, value: float, count: int = 1) -> None:
        scores.setdefault(name, np.zeros((len(envs), 2)))[number] += (value, count)

    while observations:
        running = list(observations)
        for number, action in zip(running, policy.act_many(list(observations.values())), strict=True):
            observations[number], reward, terminated, truncated, info = envs[number].step(action)
            add(number, "format", info["rewards"]["format"])
            add(number, "reward", float(reward), count=0)
            for answer in info["answers"]:
                for name, value in answer["scores"].items():
                    add(number, name, value)
            if terminated or truncated:
                del observations[number]
                add(number, "reward", 0.0)
                for name in FINAL_REWARDS:
                    if name in info["rewards"]:
                        add(number, name, info["rewards"][name])
    return scores


def means(scores: Scores) -> dict[str, float]:
    """Return the mean of every score over all that it was given for."""
    sums = {name: values.sum(0).tolist() for name, values in sorted(scores.items())}
    return {name: total / max(1, count) for name, (total, count) in sums.items()}


def gain(before: Scores, after: Scores, name: str) -> tuple[float, float, float]:
    """Return by how much a score rose on the same episodes, with the ends of its 95 % interval.

    A paired bootstrap: the same episodes are drawn, with replacement, for both.
    """
    rises = resampled_means(after[name]) - resampled_means(before[name])
    return (means(after)[name] - means(before)[name], *interval(rises))
