"""Collecting the rollouts of groups on RMMReranker: with the beginning of each episode shared, and without.

``tox run -e bench`` runs it. A cheap policy plays, RMM's linear reranker or a heuristic, so that the time is the
environment's. Every round plays episodes that were never played before, as in training; what differs is whether the
eight rollouts of a group pay for one beginning (generation, extraction and updates by operators) or for eight.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from timing import Report, race

from memagents.agents import MemoryRMMAgent
from memagents.collect import collect
from memgym import PhasePolicy
from memgym.envs import base
from memgym.envs.base import MemoryEnv
from memgym.playing import Job, play
from memgym.registration import make

GROUPS, GROUP_SIZE = 4, 8
OPERATORS = {"read": "recent", "extract": "verbatim", "update": "add_all", "answer": "extractive"}
RECIPE = {
    "agent": "MemoryRMMAgent",
    "modules": {"retrieve": {"module": "LinearReranker", "status": "trained"}}
    | {phase: {"module": "Operator", "name": name} for phase, name in OPERATORS.items()},
}


class Forgetful(base._Openings):
    """Keeps nothing, so that every rollout works its beginning out."""

    def put(self, index: int, opening: Any) -> None:
        """Forget it."""


def players() -> dict[str, Callable[[MemoryEnv, list[int]], Any]]:
    """Return ways to play each episode GROUP_SIZE times."""
    agent = MemoryRMMAgent(RECIPE)

    def heuristic(env: MemoryEnv, indices: list[int]) -> None:
        jobs = [Job(trial, index) for index in indices for trial in range(GROUP_SIZE)]
        for _ in play(PhasePolicy(), env, jobs, seed=0, concurrency=len(jobs)):
            pass

    def reranker(env: MemoryEnv, indices: list[int]) -> None:
        collect(agent, env, indices, GROUP_SIZE, seed=0)

    return {"the default heuristic": heuristic, "the linear reranker": reranker}


def main() -> None:
    """Run all and print the table."""
    torch.set_num_threads(1)
    report = Report(f"RMMReranker: {GROUPS} groups of {GROUP_SIZE}")
    for name, run in players().items():
        for difficulty in ("easy", "medium", "hard"):
            envs = [make("memgym/RMMReranker-v1", task="persona", difficulty=difficulty).unwrapped for _ in range(2)]
            envs[1]._openings = Forgetful()
            unplayed = [itertools.count(), itertools.count()]

            def play_on(i: int) -> None:
                run(envs[i], list(itertools.islice(unplayed[i], GROUPS)))  # noqa: B023 (called before the next turn)

            shared, alone = race(lambda: play_on(0), lambda: play_on(1))
            # Half of the reranker's time is its own, and easy episodes begin soon.
            judged = name == "the default heuristic" and difficulty != "easy"
            report.add(
                f"{name}, {difficulty}: {alone * 1e3:.0f} ms without / {shared * 1e3:.0f} ms with shared beginnings",
                f"{alone / shared:.1f} x",
                "at least 2.5 x" if judged else "",
                alone / shared >= 2.5 if judged else None,
            )
    report.print()


if __name__ == "__main__":
    main()
