"""OpenEnv's own client against a served environment: rollouts of one episode at once, and what each is worth.

First ``memgym serve --openenv memgym/Longcontext-v1 --set task=conflict``, then this, with the address that it tells.
"""

from __future__ import annotations

import asyncio
import random
import sys
from statistics import fmean, stdev

from openenv.core import GenericEnvClient

from memgym import Observation, PhasePolicy


class Inattentive(PhasePolicy):
    """Plays by memgym's rules, but a section may pass it by: rollouts of one episode differ."""

    def __init__(self, trial: int):
        self._random = random.Random(trial)

    def read(self, observation: Observation) -> str:
        """Read, or keep the memory as it is."""
        return super().read(observation) if self._random.random() < 0.5 else observation.memory or ""


async def rollout(url: str, index: int, trial: int) -> float:
    """Play an episode; return what it paid."""
    policy, paid = Inattentive(trial), 0.0
    async with GenericEnvClient(base_url=url) as env:
        result = await env.reset(index=index)  # the same episode for the whole group
        while not result.done:
            result = await env.step({"text": policy.act(result.observation["text"])})
            paid += result.reward
    return paid


async def group(url: str, index: int, size: int) -> tuple[list[float], list[float]]:
    """Return what each rollout of a group paid, and its advantage."""
    paid = await asyncio.gather(*(rollout(url, index, trial) for trial in range(size)))
    mean, deviation = fmean(paid), stdev(paid)
    return paid, [(each - mean) / deviation if deviation else 0.0 for each in paid]


def main(url: str = "http://127.0.0.1:8000", index: str = "3", size: str = "8") -> None:
    """Play one group."""
    for trial, (paid, gained) in enumerate(zip(*asyncio.run(group(url, int(index), int(size))), strict=True)):
        print(f"rollout {trial}: return {paid:.3f}, advantage {gained:+.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
