"""Collecting SmolLM2's rollouts through vLLM: against Transformers, one episode at a time, and against vLLM itself.

``tox run -e bench-vllm`` runs it, on a CPU. Prompts, sampling and precision (bfloat16) are the same for all three;
tokens are those sampled. The slow way plays a few of the episodes only: its speed does not depend on how many.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from timing import Report

from memagents.agents import MemoryAgent
from memagents.backends.transformers_backend import TransformersBackend
from memagents.backends.vllm_backend import VllmBackend
from memagents.collect import collect
from memgym.envs.base import MemoryEnv
from memgym.protocol.observation import Observation
from memgym.registration import make

EPISODES, GROUP_SIZE = 16, 8
SLOW_EPISODES = 2
TASK = {"task": "multihop", "length": 500, "section_tokens": 250, "memory_tokens": 64}
RECIPE = {
    "agent": "MemoryAgent",
    "modules": {
        "read": {"status": "trained", "max_tokens": 48},
        "answer": {"status": "trained", "max_tokens": 32},
    },
}
ENGINE = {"enforce_eager": True, "kv_cache_memory_bytes": 2_000_000_000}


class Watched:
    """A function whose calls are kept and timed."""

    def __init__(self, function: Callable[..., Any]):
        self._function, self.seconds, self.calls = function, 0.0, []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(args)
        start = time.perf_counter()
        result = self._function(*args, **kwargs)
        self.seconds += time.perf_counter() - start
        return result


def play_one_by_one(env: MemoryEnv) -> tuple[int, float]:
    """Play episodes with Transformers' own ``generate``, a call at a time; return tokens and seconds."""
    backend = TransformersBackend.from_pretrained("smollm2", dtype="bfloat16", device="cpu")
    agent = MemoryAgent(RECIPE, {"main": backend})
    tokens, start = 0, time.perf_counter()
    for index in range(SLOW_EPISODES):
        observation, _ = env.reset(options={"index": index})
        done = False
        while not done:
            parsed = Observation.parse(observation)
            module = agent.parts[parsed.phase].module
            prompt = torch.tensor([backend.encode(module.prompt(parsed))])
            pure = {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
            limit = module.training.max_tokens
            whole = backend.model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=limit, **pure)
            sampled = whole[0, prompt.shape[1] :].tolist()
            observation, _, done, _, _ = env.step(module.parse(backend.decode(sampled).strip(), parsed))
            tokens += len(sampled)
    return tokens, time.perf_counter() - start


def main() -> None:
    """Run all and print the table."""
    report = Report(f"collection of {EPISODES} episodes x {GROUP_SIZE} with SmolLM2-135M")
    env = make("memgym/Longcontext-v1", **TASK).unwrapped
    slow_tokens, slow_seconds = play_one_by_one(env)

    backend = VllmBackend("smollm2", max_model_len=2048, engine=ENGINE)
    llm = backend._llm
    agent = MemoryAgent(RECIPE, {"main": backend})
    collect(agent, env, [0], 2, seed=1)  # warms up
    llm.reset_prefix_cache()
    generate = llm.generate
    llm.generate = watched = Watched(generate)
    start = time.perf_counter()
    rollout = collect(agent, env, range(EPISODES), GROUP_SIZE, seed=0)
    seconds = time.perf_counter() - start
    tokens = int(rollout["response_mask"].sum())
    prompts, params = ([item for call in watched.calls for item in call[part]] for part in (0, 1))
    llm.reset_prefix_cache()
    start = time.perf_counter()
    outputs = generate(prompts, params, use_tqdm=False)  # with all of them known from the start
    direct_seconds = time.perf_counter() - start
    direct_tokens = sum(len(output.outputs[0].token_ids) for output in outputs)

    speed, slow, direct = tokens / seconds, slow_tokens / slow_seconds, direct_tokens / direct_seconds
    rows = len(rollout)
    shape = f"{rows} calls of {rollout['prompt_mask'].sum() / rows:.0f} + {tokens / rows:.0f} tokens"
    report.add(
        f"tokens per second: {speed:.1f} ({shape}) against {slow:.1f} one call at a time ({SLOW_EPISODES} episodes)",
        f"{speed / slow:.1f} x",
        "at least 3 x",
        speed >= 3 * slow,
    )
    report.add(
        f"tokens per second against {direct:.1f} of vLLM fed with the same prompts, all at once",
        f"{speed / direct:.2f} x",
        "at least 0.8 x",
        speed >= 0.8 * direct,
    )
    around = 1 - watched.seconds / seconds
    report.add(f"time outside of vLLM's generate, of {seconds:.0f} s", f"{around:.1%}", "under 5 %", around < 0.05)
    report.print()


if __name__ == "__main__":
    main()
