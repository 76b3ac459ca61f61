"""grpo: a step against TRL's ``GRPOTrainer``, and a memory rollout with its update against the published way.

``tox run -e bench`` runs it with the peer installed. Each rival is a process of its own: its peak memory is that of all
it holds, model, optimiser and libraries included. Times are CPU seconds of all threads, so that what else runs on the
machine counts little; a step's is the least of those after the first. SmolLM2-135M, the same prompts, generations,
rewards and forced token counts for all. bfloat16 is left out where the CPU does not compute in it.

Then how much of what the cores can do is reached, phase by phase, and the same on a card, with the model that is named
(``python bench_grpo.py ./models/Qwen3-1.7B``; SmolLM2 without).
"""

from __future__ import annotations

import copy
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from arithmetic import add_card, add_phases
from timing import Report

from grpo.precision import computes_in_bfloat16

GROUP = 8
REPLY_TOKENS = 64
PROMPTS = 4
PROMPT_TOKENS = 256
SECTIONS = 3
SECTION_TOKENS = 256
STEPS = 2
STEP_MICRO_TOKENS, ROLLOUT_MICRO_TOKENS = 1024, 2048
"""A micro-batch of ours: a group's calls of one turn, what their prompts begin with once."""

Times = list[tuple[float, float]]
"""CPU seconds to collect and to update, per step."""


def prompts(tokenizer: Any) -> list[str]:
    """Return texts of exactly the wanted number of tokens."""
    words = [" river", " letter", " winter", " garden", " answer", " copper", " village", " sign"]
    rng = np.random.default_rng(0)
    texts = ["The" + "".join(rng.choice(words, PROMPT_TOKENS - 1)) for _ in range(PROMPTS)]
    assert {len(tokenizer(text)["input_ids"]) for text in texts} == {PROMPT_TOKENS}
    return texts


def score(text: str) -> float:
    """Return the reward of a single-turn completion: something cheap that differs."""
    return len(set(text)) / max(1, len(text))


def endless_backend(precision: str) -> Any:
    """Return the backend of a SmolLM2 that never ends a reply by itself; it samples in the given precision."""
    from memagents.backends.transformers_backend import TransformersBackend

    loaded = TransformersBackend.from_pretrained("smollm2", dtype="float32")
    loaded.tokenizer.eos_token = loaded.model.generation_config.eos_token_id = None
    rollout_dtype = "bfloat16" if precision == "bf16" else None
    return TransformersBackend(loaded.model, loaded.tokenizer, rollout_dtype=rollout_dtype)


def memory_agent(backend: Any) -> Any:
    """Return MemAgent with short replies, on the environment that :func:`memory_env` makes."""
    from memagents.agents import MemoryAgent

    trained = {"status": "trained", "backend": "main", "max_tokens": REPLY_TOKENS}
    return MemoryAgent({"agent": "MemoryAgent", "modules": {"read": trained, "answer": trained}}, {"main": backend})


def memory_env() -> Any:
    """Return an environment whose episodes are so many sections, and one question.

    Memories cost what they take, so that no two episodes of a group are paid alike: no row may be left out.
    """
    from memgym.registration import make

    text = SECTIONS * SECTION_TOKENS
    sizes = {"length": text, "section_tokens": SECTION_TOKENS}
    paid = {"answer": 1.0, "memory_share": -1.0}
    env = make("memgym/Longcontext-v1", task="multihop", reward_weights=paid, **sizes).unwrapped
    env.reset(options={"index": 0})
    return env


def train(policy: Any, collector: Callable, settings: dict[str, Any], reference: Any = None) -> Times:
    """Return the times of our trainer's steps."""
    from grpo.config import from_values
    from grpo.trainer import Trainer

    times: Times = []
    collected = 0.0

    def timed(request: Any) -> Any:
        nonlocal collected
        start = time.process_time()
        rollout = collector(request)
        collected = time.process_time() - start
        return rollout

    with tempfile.TemporaryDirectory() as folder:
        config = from_values({"out_dir": folder, **settings})
        trainer = Trainer(policy, timed, config, reference=reference)
        for _ in range(STEPS):
            start = time.process_time()
            figures, _ = trainer.step()
            assert figures["learning_rows"] == 1, "rows that are left out would make it look faster"
            times.append((collected, time.process_time() - start - collected))
    return times


def step_ours(precision: str) -> Times:
    """Our step: TRL's default objective (token mean, no reference) on the same prompts."""
    from grpo.buffer import LENGTH, from_rows
    from grpo.causal_lm import CausalLM
    from memagents.backends import Sampling

    backend = endless_backend(precision)
    ids = [backend.tokenizer(text)["input_ids"] for text in prompts(backend.tokenizer) for _ in range(GROUP)]

    def collect(request: Any) -> Any:
        backend.update_weights()
        seeds = np.random.SeedSequence(request.seed).generate_state(len(ids)).tolist()
        completions = backend.generate(ids, Sampling(max_tokens=REPLY_TOKENS, seeds=tuple(seeds)))
        rows = [
            {
                "prompt_ids": completion.prompt_ids,
                "response_ids": completion.token_ids,
                "sampler_log_prob": completion.log_probs,
                "rewards": [score(completion.text)],
                "reward": score(completion.text),
                "group_id": number // GROUP,
                "episode_id": number,
                "finish_reason": LENGTH,
            }
            for number, completion in enumerate(completions)
        ]
        return from_rows(rows)

    settings = {"aggregation": "token_mean", "precision": precision, "micro_tokens": STEP_MICRO_TOKENS}
    return train(CausalLM(backend.model), collect, settings)


def step_trl(precision: str) -> Times:
    """TRL's step."""
    from transformers import AutoTokenizer
    from trl_step import trl_steps

    from memagents.backends.local import find_model

    path = find_model("smollm2")
    texts = prompts(AutoTokenizer.from_pretrained(path))
    return trl_steps(path, texts, GROUP, REPLY_TOKENS, precision == "bf16", STEPS, score)


def rollout_ours(precision: str) -> Times:
    """Our multi-turn rollout with its update."""
    from grpo.causal_lm import CausalLM
    from memagents.collect import collect

    backend, env = endless_backend(precision), memory_env()
    agent, policy = memory_agent(backend), CausalLM(backend.model)

    def play(request: Any) -> Any:
        backend.update_weights()
        return collect(agent, env, [0], GROUP, request.seed, request.policy_version)

    settings = {"preset": "memagent", "precision": precision, "micro_tokens": ROLLOUT_MICRO_TOKENS}
    return train(policy, play, settings, copy.deepcopy(policy))


def rollout_published(precision: str) -> Times:
    """The published way; its bf16 is that of the weights."""
    from published_rollout import published_steps
    from transformers import AutoTokenizer

    from memagents.backends.local import find_model

    backend = endless_backend("float32")
    agent = memory_agent(backend)
    tokenizer = AutoTokenizer.from_pretrained(find_model("smollm2"))
    model = backend.model.to(torch.bfloat16 if precision == "bf16" else torch.float32)
    return published_steps(model, tokenizer, agent, memory_env(), GROUP, REPLY_TOKENS, STEPS)


RIVALS = {run.__name__: run for run in (step_ours, step_trl, rollout_ours, rollout_published)}


def measure(rival: str, precision: str) -> tuple[float, float, float]:
    """Run a rival in a process of its own; return its best whole step and update in seconds, and its peak in GB."""
    command = [sys.executable, __file__, rival, precision]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    result = json.loads(output.splitlines()[-1])
    later = result["times"][1:]
    return min(map(sum, later)), min(update for _, update in later), result["peak"]


def add_ratios(report: Report, what: str, theirs: tuple, ours: tuple, targets: tuple) -> None:
    """Add speed-ups of whole step and update, and the ratio of peaks, each with its target or None."""
    (step, update, peak), (step_, update_, peak_) = theirs, ours
    (whole, alone, memory), count = targets, PROMPTS * GROUP
    for name, a, b, target in (("whole", step, step_, whole), ("update", update, update_, alone)):
        figure = f"{what}, {name}: {a:.1f} s / {b:.1f} s"
        if name == "whole" and what.startswith("step"):
            figure += f" = {count / b:.2f} against {count / a:.2f} completions/s"
        report.add(figure, f"{a / b:.2f} x", *_verdict(target, a / b, "at least"))
    report.add(
        f"{what}, peak memory: {peak_:.1f} GB / {peak:.1f} GB", f"{peak_ / peak:.2f} x", *_verdict(memory, peak_ / peak)
    )


def _verdict(target: float | None, found: float, bound: str = "at most") -> tuple[str, bool | None]:
    if target is None:
        return "", None
    return f"{bound} {target:g} x", found >= target if bound == "at least" else found <= target


def main(model: str = "smollm2") -> None:
    """Run all and print the table."""
    report = Report("grpo")
    fast = computes_in_bfloat16(torch.device("cpu"))
    precisions = ["float32", *(["bf16"] if fast else [])]
    if not fast:
        report.add("bf16", "this CPU does not compute in it", "", None)
    for precision in precisions:
        add_ratios(
            report,
            f"step, {precision}, TRL / ours",
            measure("step_trl", precision),
            measure("step_ours", precision),
            (4.0, None, 0.5),
        )
    for precision in precisions:
        add_ratios(
            report,
            f"memory rollout, {precision}, published / ours",
            measure("rollout_published", precision),
            measure("rollout_ours", precision),
            (5.0, None, None),
        )
        add_phases(report, endless_backend(precision), precision == "bf16", GROUP, SECTION_TOKENS, REPLY_TOKENS)
    add_card(report, model)
    report.print()


def work(rival: str, precision: str) -> None:
    """Be a rival, and print what it took."""
    times = RIVALS[rival](precision)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"times": times, "peak": peak}))


if __name__ == "__main__":
    work(*sys.argv[1:]) if len(sys.argv) > 2 else main(*sys.argv[1:])
