"""What a learner gets on episodes that it did not learn from, before and after."""

from __future__ import annotations

import numpy as np

from memgym import Policy
from memgym.envs.base import MemoryEnv
from memgym.playing import Job, play
from memgym.statistics import difference_interval, totals


def held_out(policy: Policy, env: MemoryEnv, reward: str, episodes: int) -> np.ndarray:
    """Return sum and number of the values of a reward in each of the first episodes: float64 [episodes, 2]."""
    final = next(row.final for row in env.rewards if row.name == reward)
    values = {}
    for played in play(policy, env, (Job(0, index) for index in range(episodes))):
        if played.error:
            raise played.error
        steps = played.steps[-1:] if final else played.steps
        values[played.job.index] = [step.info["rewards"][reward] for step in steps]
    return totals(values[index] for index in range(episodes))


def tell(what: str, before: np.ndarray, after: np.ndarray) -> None:
    """Print start and end, and the interval of their difference."""
    start, end = (part[:, 0].sum() / part[:, 1].sum() for part in (before, after))
    low, high = difference_interval(before, after)
    print(f"{what} {start:.3f} -> {end:.3f} (difference {end - start:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})")
