"""Evaluations that wait on a network, against the bound that their calls alone set: seconds · calls / side by side.

A server on loopback answers after 0.3 s; for the served model, one call in ten takes 3 s.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan
from memgym.leaderboard.suite import Suite, SuiteEntry
from tests.conftest import ChatServer

SECONDS, SLOW, SLOW_SHARE = 0.3, 3.0, 0.1
EPISODES = 65  # one of them to warm up
RECIPE = """
agent = "PromptedAgent"

[backends.main]
kind = "openai"
model = "served"
"""


class SlowServer(ChatServer):
    """Takes a while for each answer, and counts what all of them took."""

    def __init__(self, slow_share: float):
        super().__init__()
        self._rng, self._slow_share = random.Random(0), slow_share
        self.spent: list[float] = []
        self.answer = self._answer

    def _answer(self, messages: list[dict[str, str]]) -> str:
        seconds = SLOW if self._rng.random() < self._slow_share else SECONDS
        self.spent.append(seconds)
        time.sleep(seconds)
        nonce = re.search(r"VERDICT (\w+): CORRECT", messages[0]["content"])
        return f"VERDICT {nonce[1]}: CORRECT" if nonce else "Lisbon"


def measure(name: str, policy: str, options: dict, entry: SuiteEntry, side_by_side: int, slow_share: float) -> None:
    server = SlowServer(slow_share)
    os.environ |= {"OPENAI_API_KEY": server.key, "OPENAI_BASE_URL": server.url}
    evaluation = Evaluation(EvaluationPlan(policy, Suite("bench", "", (entry,)), options))
    first, *others = evaluation.keys()
    list(evaluation.play([first]))  # loads the policy and the client
    server.spent.clear()
    started = time.perf_counter()
    records = list(evaluation.play(others, concurrency=side_by_side))
    seconds = time.perf_counter() - started
    server.close()
    assert all(record.error is None for record in records), records[0].error
    bound = sum(server.spent) / side_by_side
    print(
        f"{name}: {len(records)} episodes, {len(server.spent)} calls of {sum(server.spent):.0f} s in all, "
        f"{side_by_side} side by side: {seconds:.1f} s, {seconds / bound:.2f} x the bound of {bound:.1f} s"
    )


def main() -> None:
    long = "memgym/Longcontext-v1"
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "served.toml")
        recipe.write_text(RECIPE)
        read = {"task": "multihop", "length": 9_000, "section_tokens": 2_500}
        entry = SuiteEntry("served", long, read, episodes=EPISODES)
        measure("served model", "memagents:PromptedAgent", {"recipe": str(recipe)}, entry, 16, SLOW_SHARE)

        rows = [
            {"sections": [f"In town {i}."], "questions": ["Where?"], "answers": [f"town {i}"]} for i in range(EPISODES)
        ]
        Path(folder, "rows.json").write_text(json.dumps(rows))
        judge = {"model": "judge", "cache_dir": folder}
        judged = {"task": "custom", "path": str(Path(folder, "rows.json")), "judge": judge}
        entry = SuiteEntry("judged", long, judged, split="all", episodes=EPISODES)
        measure("judge", "baselines:KeepAll", {}, entry, 8, 0.0)

        reader = {"task": "multihop", "difficulty": "easy", "reader": "api:served", "phases": ["read"]}
        entry = SuiteEntry("reader", long, reader, episodes=EPISODES)
        measure("reader", "baselines:Recency", {}, entry, 8, 0.0)


if __name__ == "__main__":
    main()
