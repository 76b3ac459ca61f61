"""How much of what a device can compute is reached, phase by phase: FLOP/s against a matrix product of the same run.

Operations are counted by PyTorch, products and attention alike; a product counts two for each multiplication.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from timing import Report
from torch.utils.flop_counter import FlopCounterMode

from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM
from memagents.backends.base import Sampling
from memagents.backends.transformers_backend import TransformersBackend

CARD_ROWS, CARD_PROMPT, CARD_REPLY = 128, 2500, 256
CARD_GROUP = 16


def peak(device: str, dtype: torch.dtype) -> float:
    """Return the FLOP/s of a large matrix product, by the clock of :func:`seconds`."""
    size = 8192 if device == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(seconds(device, lambda: a @ b) for _ in range(5))


def seconds(device: str, work: Callable[[], Any]) -> float:
    """Return what some work takes: CPU seconds of each thread, or a card's by the wall clock."""
    if device == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    work()
    return (time.process_time() - start) / torch.get_num_threads()


def operations(work: Callable[[], Any]) -> float:
    """Return the floating-point operations of some work, which it does."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def prompts_of(group: int, groups: int, shared: int, own: int) -> list[list[int]]:
    """Return prompts of which those of a group begin alike, with so many tokens each in common and of their own."""
    draw = torch.Generator().manual_seed(0)
    ids = lambda count: torch.randint(1000, 40_000, (count,), generator=draw).tolist()  # noqa: E731
    return [beginning + ids(own) for beginning in (ids(shared) for _ in range(groups)) for _ in range(group)]


def add_phases(report: Report, backend: TransformersBackend, bf16: bool, group: int, shared: int, reply: int) -> None:
    """Add a line for each phase of a group's turn on the CPU: a section in common, memories of their own."""
    prompts = prompts_of(group, 1, shared, reply)
    backend.update_weights()
    top = peak("cpu", torch.bfloat16 if bf16 else torch.float32)
    threads = torch.get_num_threads()
    report.add(
        f"a matrix product, {'bf16' if bf16 else 'float32'}, {threads} threads", f"{top / 1e9:.0f} GFLOP/s", "", None
    )
    read, decode = (lambda n=n: backend.generate(prompts, Sampling(n, seeds=tuple(range(group)))) for n in (1, reply))
    taken = [seconds("cpu", work) for work in (read, read, decode)]
    counted = [operations(read), operations(decode)]
    _add(report, "sampling: reading the prompts", counted[0], taken[1], top)
    _add(report, f"sampling: {reply - 1} further tokens", counted[1] - counted[0], taken[2] - taken[1], top)
    for name, work in _learning(CausalLM(backend.model), prompts, reply, "cpu", bf16):
        work()
        _add(report, name, operations(work), seconds("cpu", work), top)


def add_card(report: Report, model: str) -> None:
    """Add the lines of a card, or that it needs one: tokens/s and the share of its peak (MFU) by phase and backend."""
    if not torch.cuda.is_available():
        report.add("on a card: tokens/s and MFU of sampling and update", "needs a CUDA device", "", None)
        return
    card_lines(report, model, "cuda", CARD_ROWS, CARD_GROUP, CARD_PROMPT, CARD_REPLY)


def card_lines(report: Report, model: str, device: str, rows: int, group: int, prompt: int, reply: int) -> None:
    """Add the lines of a device: sampling by Transformers and vLLM, then the update; see :func:`add_card`."""
    torch.set_float32_matmul_precision("high")
    top = peak(device, torch.bfloat16)
    report.add(f"{device}: a matrix product, bf16", f"{top / 1e12:.1f} TFLOP/s", "", None)
    prompts = prompts_of(group, rows // group, prompt, reply)
    sampling = Sampling(reply, min_tokens=reply, seeds=tuple(range(rows)))
    # Two for each parameter and token, attention apart: captured steps cannot be counted.
    backend = TransformersBackend.from_pretrained(
        model, dtype="float32", device=device, batch_tokens=rows * (prompt + 2 * reply), rollout_dtype="bfloat16"
    )
    backend.update_weights()
    size = sum(parameter.numel() for parameter in backend.model.parameters())
    with _vllm(model, device) as vllm:
        for name, sampler in (("Transformers", backend), ("vLLM", vllm)):
            if sampler is None:
                report.add(f"{device}: sampling by {name}", "is not installed", "", None)
                continue
            sampler.generate(prompts, sampling)
            taken = seconds(device, lambda sampler=sampler: sampler.generate(prompts, sampling))
            mfu = f"{rows * reply / taken:,.0f} tokens/s, MFU {2 * size * rows * reply / taken / top:.0%}"
            report.add(f"{device}: sampling by {name}, {rows} prompts of {prompt + reply} tokens", mfu, "", None)
    backend.sleep()
    tokens = group * (prompt + 2 * reply)
    for name, work in _learning(CausalLM(backend.model), prompts[:group], reply, device, True):
        work()
        taken = seconds(device, work)
        figure = f"{tokens / taken:,.0f} tokens/s, MFU {operations(work) / taken / top:.0%}"
        report.add(f"{device}: {name}, a group of {group}", figure, "", None)


@contextmanager
def _vllm(model: str, device: str) -> Iterator[Any]:
    """Yield a vLLM engine beside the model that is trained; None where it is not installed."""
    from importlib.util import find_spec

    if find_spec("vllm") is None:
        yield None
        return
    from memagents.backends.vllm_backend import VllmBackend

    backend = VllmBackend(model, engine={"gpu_memory_utilization": 0.4} if device == "cuda" else {})
    yield backend
    backend.sleep()


def _learning(
    policy: CausalLM, prompts: list[list[int]], reply: int, device: str, bf16: bool
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the phases of an update on some rows."""
    draw = torch.Generator().manual_seed(1)
    rows = [
        {"prompt_ids": prompt, "response_ids": torch.randint(1000, 40_000, (reply,), generator=draw).tolist(),
         "rewards": [0.0], "reward": 0.0, "group_id": 0, "episode_id": number}
        for number, prompt in enumerate(prompts)
    ]  # fmt: skip
    batch = from_rows(rows).to(device)

    def passed() -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            return policy.log_probs(batch)[0]

    def updated() -> None:
        passed().sum().backward()
        policy.zero_grad(set_to_none=True)

    yield "old or reference log-probabilities", torch.no_grad()(passed)
    yield "forward and backward", updated


def _add(report: Report, name: str, count: float, taken: float, top: float) -> None:
    reached = count / taken
    report.add(name, f"{count / 1e9:,.0f} GFLOP, {reached / 1e9:.1f} GFLOP/s = {reached / top:.0%}", "", None)
