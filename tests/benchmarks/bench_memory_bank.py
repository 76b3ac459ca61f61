"""MemoryBankEnv: where the time of a step goes.

``tox run -e bench`` runs it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from timing import Report

from memgym import PhasePolicy
from memgym.bank import HashEmbedder, index
from memgym.envs import memory_bank
from memgym.registration import make

EPISODES = 10
REPEATS = 5


@contextmanager
def clocked(spent: dict[str, float], name: str, owner: Any, attribute: str) -> Iterator[None]:
    """Add up the time spent in ``owner.attribute``; calls inside another clocked call do not count twice."""
    original: Callable[..., Any] = getattr(owner, attribute)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if spent["inside"]:
            return original(*args, **kwargs)
        spent["inside"] = 1
        start = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - start
            spent["inside"] = 0

    setattr(owner, attribute, wrapper)
    try:
        yield
    finally:
        setattr(owner, attribute, original)


def record_actions(env: Any) -> list[list[str]]:
    """Play the default policy once and return its actions by episode."""
    policy, played = PhasePolicy(), []
    for episode in range(EPISODES):
        observation, _ = env.reset(options={"index": episode})
        actions_played, done = [], False
        while not done:
            actions_played.append(policy.act(observation))
            observation, _, done, _, _ = env.step(actions_played[-1])
        played.append(actions_played)
    return played


def replay(env: Any, played: list[list[str]], spent: dict[str, float]) -> None:
    """Play recorded actions, adding up the time of the steps."""
    for episode, actions_played in enumerate(played):
        env.reset(options={"index": episode})
        for action in actions_played:
            start = time.perf_counter()
            env.step(action)
            spent["steps"] += time.perf_counter() - start


def main() -> None:
    """Run and print the table."""
    env = make("memgym/MemoryBank-v1", task="persona", difficulty="medium")
    played = record_actions(env)
    shares, step_times = [], []
    for _ in range(REPEATS):
        env = make("memgym/MemoryBank-v1", task="persona", difficulty="medium")  # an empty embedding cache
        spent: dict[str, float] = defaultdict(float)
        with (
            clocked(spent, "embedding", HashEmbedder, "embed"),
            clocked(spent, "index", index.VectorIndex, "search"),
            clocked(spent, "index", index.VectorIndex, "add"),
            clocked(spent, "json", memory_bank, "parse_extract"),
            clocked(spent, "json", memory_bank, "parse_update"),
            clocked(spent, "json", memory_bank, "parse_retrieve"),
        ):
            replay(env, played, spent)
        shares.append(1 - (spent["embedding"] + spent["index"] + spent["json"]) / spent["steps"])
        step_times.append(spent["steps"] / sum(map(len, played)))
        parts = {name: f"{spent[name] / spent['steps']:.0%}" for name in ("embedding", "index", "json")}
    report = Report("MemoryBankEnv")
    report.add(
        f"share of the step time ({min(step_times) * 1e3:.2f} ms) outside embedding {parts['embedding']}, index "
        f"{parts['index']} and JSON parsing {parts['json']}",
        f"{min(shares):.2f}",
        "at most 0.50",
        min(shares) <= 0.5,
    )
    report.print()


if __name__ == "__main__":
    main()
