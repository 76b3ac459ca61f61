"""LongcontextEnv: steps per second against GEM's QaEnv, and a 10-million-token text.

``tox run -e bench`` runs it with the peer installed.
"""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
from timing import Report, race

from memgym.episodes import Episode, Question, Section
from memgym.registration import make

SECTION_TOKENS = 1000
SECTIONS = 20
EPISODES = 20
HUGE_TOKENS = 10_000_000
ACTION = "The keeper of the lighthouse is Ana Brandt. <answer>Ana Brandt</answer>"


def invented_text(rng: np.random.Generator, characters: int) -> str:
    """Return running text of about this length."""
    words = np.array(
        ["river", "keeper", "harbour", "letter", "winter", "garden", "answer", "copper", "village", "sign."]
    )
    return " ".join(words[rng.integers(len(words), size=characters // 6)])[:characters]


def steps_per_second(report: Report, folder: Path) -> None:
    """Compare whole episodes, resets included, at observations of the same length and with both scores computed."""
    from datasets import Dataset, disable_progress_bars
    from gem.envs.qa_env import QaEnv

    disable_progress_bars()
    rng = np.random.default_rng(0)
    texts = [invented_text(rng, 4 * SECTION_TOKENS * SECTIONS) for _ in range(EPISODES)]
    rows = [{"context": text, "input": "Who keeps the lighthouse?", "answers": ["Ana Brandt"]} for text in texts]
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    env = make("memgym/Longcontext-v1", task="memagent", path=str(path), section_tokens=SECTION_TOKENS)
    lengths: list[int] = []

    def ours() -> int:
        steps = 0
        for index in range(EPISODES):
            observation, _ = env.reset(options={"index": index})
            done = False
            while not done:
                lengths.append(len(observation))
                observation, _, done, _, _ = env.step(ACTION)
                steps += 1
        return steps

    steps = ours()
    prompts = [invented_text(rng, int(np.mean(lengths))) for _ in range(steps)]
    peer = QaEnv(dataset=Dataset.from_dict({"question": prompts, "answer": [["Ana Brandt"]] * steps}))

    def theirs() -> None:
        for _ in range(steps):
            peer.reset()
            peer.step(ACTION)

    our_time, peer_time = race(ours, theirs)
    report.add(
        f"steps per second, {np.mean(lengths):,.0f} characters an observation: {steps / our_time:,.0f} against GEM's "
        f"{steps / peer_time:,.0f}",
        f"{peer_time / our_time:.2f} x",
        "at least 1 x",
        peer_time >= our_time,
    )


def huge_text(report: Report, folder: Path) -> None:
    """Read a 10-million-token text to the end: time per step at the start and the end, and memory beside the text."""
    text = invented_text(np.random.default_rng(1), 4 * HUGE_TOKENS)
    placeholder = folder / "placeholder.json"
    placeholder.write_text(json.dumps([{"context": "x", "input": "Who?", "answers": ["Ana Brandt"]}]))
    env = make("memgym/Longcontext-v1", task="memagent", path=str(placeholder), section_tokens=5000).unwrapped
    episode = Episode("huge", (Question("q", "Who?", ("Ana Brandt",)),), sections=(Section("context", text),))
    env.task.episode = lambda split, index: episode  # the text itself, without a file format around it
    tracemalloc.start()
    times, done = [], False
    env.reset(options={"index": 0})
    while not done:
        before = time.perf_counter()
        _, _, done, _, _ = env.step(ACTION)
        times.append(time.perf_counter() - before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    tenth = len(times) // 10
    growth = float(np.median(times[-tenth:]) / np.median(times[:tenth]))
    report.add(
        f"10M-token text, {len(times):,} steps: last tenth of the steps against the first, median time",
        f"{growth:.2f} x",
        "flat (at most 1.2 x)",
        growth <= 1.2,
    )
    held = (len(text) + peak) / len(text)
    report.add("10M-token text: peak memory against the text", f"{held:.3f} x", "under 2 x", held < 2)


def main() -> None:
    """Run all and print the table."""
    report = Report("LongcontextEnv")
    with tempfile.TemporaryDirectory() as folder:
        huge_text(report, Path(folder))
        steps_per_second(report, Path(folder))
    report.print()


if __name__ == "__main__":
    main()
