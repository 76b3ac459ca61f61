"""The suite long-v0: making an episode of up to 10 million tokens, a step of it, and the memory that it takes.

``python bench_long.py`` runs each length in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
from timing import Report

from baselines import Recency
from memgym.leaderboard.suite import SuiteEntry
from memgym.leaderboard.suites import get_suite
from memgym.registration import make

SUITE = "long-v0"
GENERATION_SECONDS = 60


def play(entry: SuiteEntry) -> dict[str, float]:
    """Play the first episode of an entry; times are CPU seconds, the peak is this process's, in bytes."""
    env = make(entry.env_id, **entry.kwargs, split=entry.split).unwrapped
    start = time.process_time()
    env.task.episode(entry.split, 0)
    made = time.process_time() - start
    observation, _ = env.reset(options={"index": 0})
    policy, times, done = Recency(), [], False
    while not done:
        action = policy.act(observation)
        before = time.process_time()
        observation, _, done, _, _ = env.step(action)
        times.append(time.process_time() - before)
    # The memory fills during the first tenth; a step of a bank searches in what is there.
    tenth = len(times) // 10
    growth = float(np.median(times[-2 * tenth : -tenth]) / np.median(times[tenth : 2 * tenth]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    text = sum(len(passage.encode()) for _, passage in env.episode.passages())
    return {"made": made, "steps": len(times), "seconds": sum(times), "growth": growth, "peak": peak, "text": text}


def main() -> None:
    """Run all and print the table."""
    report = Report(f"Suite {SUITE}, played by Recency")
    for entry in get_suite(SUITE).entries:
        command = [sys.executable, __file__, entry.name]
        figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        made, growth = figures["made"], figures["growth"]
        report.add(
            f"{entry.name}: making it", f"{made:.1f} s", f"under {GENERATION_SECONDS} s", made < GENERATION_SECONDS
        )
        report.add(
            f"{entry.name}: {figures['steps']:,} steps, {figures['seconds']:.0f} s; ninth tenth against the second",
            f"{growth:.2f} x",
            "flat (at most 1.2 x)",
            growth <= 1.2,
        )
        report.add(
            f"{entry.name}: peak memory of the process; the text has {figures['text'] / 1e6:.0f} MB",
            f"{figures['peak'] / 1e6:.0f} MB",
            "",
            None,
        )
    report.print()


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(play(next(entry for entry in get_suite(SUITE).entries if entry.name == sys.argv[1]))))
    else:
        main()
