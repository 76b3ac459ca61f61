"""Validation: a policy plays held-out episodes, and what it scored is kept by episode, for intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from memagents.jobs import repeated
from memgym.envs.base import MemoryEnv
from memgym.envs.rewards import final_names
from memgym.playing import Played, play
from memgym.policy import Policy
from memgym.statistics import difference_interval

Scores = Mapping[str, np.ndarray]
"""Name to ``[E, 2]``: of each episode the sum of a score and the number of times it was given."""


def score_episodes(
    policy: Policy, env: MemoryEnv, indices: Sequence[int], seed: int = 0, share: slice = slice(None)
) -> dict[str, np.ndarray]:
    """Play episodes side by side and return their scores.

    Every question gives the task's own scores (``answer``, …) and those of its retrieval (``evidence_recall`` within
    the memories kept, ``reciprocal_rank``); every step gives ``format``; every episode gives ``reward``, the sum of its
    rewards, and where the agent writes the memory ``memory_recall``, ``memory_precision`` and ``compression``.

    Args:
        policy: plays.
        env: the environment; each episode gets a twin of it.
        indices: of the episodes, in the environment's split.
        seed: of the policy.
        share: which of them are played; the others' scores are 0, so that shares add up.

    Raises:
        Exception: what an episode failed of.
    """
    jobs = repeated(indices)
    number = {job: place for place, job in enumerate(jobs)}
    scores: dict[str, np.ndarray] = {}
    mine = jobs[share]
    for played in play(policy, env, mine, seed=seed, concurrency=max(1, len(mine))):
        if played.error is not None:
            raise played.error
        for name, value, count in _given(played, final_names(env.rewards)):
            scores.setdefault(name, np.zeros((len(jobs), 2)))[number[played.job]] += (value, count)
    return dict(sorted(scores.items()))


def _given(played: Played, final: Iterable[str]) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and count of every score that an episode was given."""
    for step in played.steps:
        yield "format", step.info["rewards"]["format"], 1
        yield "reward", float(step.reward), 0
        for answer in step.info["answers"]:
            for name, value in answer["scores"].items():
                yield name, value, 1
    yield "reward", 0.0, 1
    for name in final:
        yield name, played.steps[-1].info["rewards"][name], 1


def added(shares: Iterable[Scores]) -> dict[str, np.ndarray]:
    """Return the scores of all the shares of :func:`score_episodes` together."""
    scores: dict[str, np.ndarray] = {}
    for share in shares:
        for name, values in share.items():
            scores[name] = scores[name] + values if name in scores else values
    return dict(sorted(scores.items()))


def means(scores: Scores) -> dict[str, float]:
    """Return the mean of every score over all that it was given for."""
    sums = {name: values.sum(0).tolist() for name, values in sorted(scores.items())}
    return {name: total / max(1, count) for name, (total, count) in sums.items()}


def gain(before: Scores, after: Scores, name: str) -> tuple[float, float, float]:
    """Return by how much a score rose on the same episodes, with the ends of its 95 % interval.

    See :func:`memgym.statistics.difference_interval`.
    """
    return (means(after)[name] - means(before)[name], *difference_interval(before[name], after[name]))
