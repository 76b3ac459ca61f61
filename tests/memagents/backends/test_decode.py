"""Steps that grow give the logits of each text read alone; lanes, captured or not, sample what they sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from memagents.backends import lanes
from memagents.backends.base import Completion, Sampling
from memagents.backends.board import Board
from memagents.backends.decode import Growing
from memagents.backends.lanes import CHECK_EVERY, Lanes, takes_lanes
from memagents.backends.prefill import Reader
from memagents.backends.transformers_backend import TransformersBackend

PROMPTS = [(5, 6, 7), (8, 9, 10, 11, 12), (4,), (13, 14, 15, 16), (17, 18, 19, 20, 21, 22), (6, 6)]
KEEP = {1: [0, 5, 2, 3, 4], 3: [0, 4, 2], 5: [2, 1], 8: [1]}
"""Step to the rows that go on after it, of those that still run; some fall to half of the rows, some do not."""
STEPS = 11
KINDS = ["llama", "qwen3", "gpt2"]


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_those_of_each_text_alone(make_model: Callable, kind: str) -> None:
    model = make_model(kind)
    reader = Reader(model)
    read = [list(prompt) for prompt in PROMPTS]
    with torch.inference_mode():
        decoder = Growing(reader, reader.prefill(PROMPTS))
        for step in range(STEPS):
            alone = torch.stack([model(torch.tensor([ids])).logits[0, -1] for ids in read])
            torch.testing.assert_close(decoder.logits, alone, atol=2e-4, rtol=1e-4)
            if step in KEEP:
                decoder.keep(torch.tensor(KEEP[step]))
                read = [read[row] for row in KEEP[step]]
            tokens = torch.arange(len(read)) % 20 + 4
            decoder.step(tokens)
            read = [[*ids, token] for ids, token in zip(read, tokens.tolist(), strict=True)]
    assert len(read) == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes of a tiny model's size, so that buckets, refills and passes of prompts are many."""
    monkeypatch.setattr(lanes, "_SLOTS", 16)
    monkeypatch.setattr(lanes, "PASS_TOKENS", 20)


def many(count: int) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Prompts of many lengths, some of them equal and some with a common beginning, and their seeds."""
    draw = torch.Generator().manual_seed(3)
    lengths = torch.randint(1, 24, (count,), generator=draw).tolist()
    prompts = [tuple(torch.randint(4, 24, (length,), generator=draw).tolist()) for length in lengths]
    prompts[::4] = [(5, 6, 7, 8) * 3 + prompt[:3] for prompt in prompts[::4]]
    prompts[::7] = [prompts[0]] * len(prompts[::7])
    return prompts, tuple(range(count))


def same(found: list[Completion], expected: list[Completion]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one.token_ids, one.finish_reason) == (other.token_ids, other.finish_reason)
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=20),
        Sampling(max_tokens=20, temperature=0),
        Sampling(max_tokens=13, temperature=1.5, top_k=9, top_p=0.8, min_tokens=4),
        Sampling(max_tokens=1),
    ],
    ids=["pure", "greedy", "all", "one"],
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("small")
def test_lanes_sample_what_growing_steps_sample(
    make_model: Callable, tiny_dir, in_lanes: Callable, kind: str, sampling: Sampling
) -> None:
    tokenizer = TransformersBackend.from_pretrained(tiny_dir, device="cpu").tokenizer
    backend = TransformersBackend(make_model(kind), tokenizer, batch_tokens=200)
    prompts, seeds = many(30)
    seeded = sampling if sampling.greedy else Sampling(**{**vars(sampling), "seeds": seeds})
    usual = backend.generate(prompts, seeded)
    same(in_lanes(backend, prompts, seeded), usual)
    if sampling.max_tokens > 1 and kind != "gpt2":
        assert len({len(completion.token_ids) for completion in usual}) > 2  # rows end at different steps
    same(in_lanes(backend, prompts[3:9], Sampling(**{**vars(seeded), "seeds": seeds[3:9]})), usual[3:9])


class Card:
    """Stands for CUDA, whose graphs call again what was called while they were captured, on the same tensors.

    The current device is another one than the model's."""

    def __init__(self, device: torch.device):
        self.device = device
        self.current: torch.device | None = None
        self.captured = self.replayed = 0
        self.first = True

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Replace what PyTorch offers for CUDA by what works on any device."""
        card = self

        class Graph(_Graph):
            def __init__(self) -> None:
                super().__init__(card)

        for name, value in {
            "device_of": self.device_of,
            "CUDAGraph": Graph,
            "graph": self.graph,
            "Stream": self.stream,
            "current_stream": self.stream,
            "stream": self.on_stream,
        }.items():
            patch.setattr(torch.cuda, name, value)

    @contextmanager
    def device_of(self, tensor: Tensor) -> Iterator[None]:
        before, self.current = self.current, tensor.device
        try:
            yield
        finally:
            self.current = before

    def check(self) -> None:
        assert self.current == self.device, f"the current device is {self.current}, the model's is {self.device}"

    def stream(self) -> SimpleNamespace:
        return SimpleNamespace(device=self.current, wait_stream=lambda other: None)

    @contextmanager
    def on_stream(self, stream: SimpleNamespace) -> Iterator[None]:
        assert stream.device == self.device
        self.check()
        yield

    @contextmanager
    def graph(self, graph: _Graph, pool: object = None, stream: SimpleNamespace | None = None) -> Iterator[None]:
        # PyTorch's own capture stream is one for all graphs of the process, on the device of the first.
        assert stream is not None
        assert stream.device == self.device
        self.check()
        assert (pool is None) == self.first  # one pool for all that are captured
        self.first = False
        self.captured += 1
        with graph:
            yield


class _Graph(TorchDispatchMode):
    def __init__(self, card: Card):
        super().__init__()
        self._card = card
        self._calls: list[tuple[Any, tuple, dict, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, _tensors(result)))
        return result

    def pool(self) -> object:
        return "the first graph's"

    def replay(self) -> None:
        self._card.check()
        self._card.replayed += 1
        for func, args, kwargs, results in self._calls:
            for kept, fresh in zip(results, _tensors(func(*args, **kwargs)), strict=True):
                if kept.data_ptr() != fresh.data_ptr():
                    kept.copy_(fresh)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def replay_of(backend: TransformersBackend, monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card(backend.model.device)
    card.install(monkeypatch)
    backend.model.register_forward_pre_hook(lambda *_: card.check())
    return card


@pytest.mark.usefixtures("small")
def test_graphs_are_captured_once_for_each_bucket_on_the_models_device(
    tiny_dir, in_lanes: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu", batch_tokens=200)
    prompts, seeds = many(30)
    sampling = Sampling(max_tokens=20, seeds=seeds)
    usual = backend.generate(prompts, sampling)
    card = replay_of(backend, monkeypatch)
    boards: list[Board] = []
    step = Board.step

    def stepped(board: Board, width: int) -> None:
        before = addresses(board)
        step(board, width)
        assert addresses(board) == before  # a graph reads and writes where it was captured
        boards.append(board)

    monkeypatch.setattr(Board, "step", stepped)
    same(in_lanes(backend, prompts, sampling, replay=True), usual)
    captured, replayed = card.captured, card.replayed
    assert replayed == len(boards)
    assert captured == sum(len(board._captured) for board in set(boards)) < replayed / 5
    same(in_lanes(backend, prompts, sampling, replay=True), usual)
    assert (card.captured, card.replayed) == (captured, 2 * replayed)  # kept from call to call
    backend.sleep()
    card.first = True
    same(in_lanes(backend, prompts, sampling, replay=True), usual)
    assert card.captured == 2 * captured


def addresses(board: Board) -> list[int]:
    """Return where everything lies that a step reads and writes."""
    held = [*board._state.values(), *(part for layer in board._memory for part in layer)]
    return [tensor.data_ptr() for tensor in held]


@pytest.mark.usefixtures("small")
def test_ended_rows_make_room_for_prompts_that_wait(tiny_dir, in_lanes: Callable, monkeypatch) -> None:
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu", batch_tokens=8 * 32)
    sampling = Sampling(max_tokens=26, seeds=tuple(range(64)))
    prompts = [(5, 6, 7, token % 20 + 4) for token in range(64)]
    widths: list[int] = []
    step = Board.step
    monkeypatch.setattr(Board, "step", lambda board, width: widths.append(width) or step(board, width))
    replies = [len(completion.token_ids) for completion in in_lanes(backend, prompts, sampling)]
    assert max(widths) == 8
    in_batches = sum(max(replies[start : start + 8]) for start in range(0, 64, 8))
    assert len(widths) < 0.8 * in_batches
    assert sum(widths) < 2 * sum(replies)  # lanes are seldom empty, and few at the end


@pytest.mark.usefixtures("small")
def test_memory_is_taken_for_what_is_asked_not_for_what_may_be(make_model: Callable) -> None:
    sampler = Lanes(make_model(), [2], 10_000, replay=False)
    uniforms = torch.rand(40, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def room(prompts: list, count: int) -> int:
        sampler.sample(prompts, uniforms[: len(prompts)], Sampling(max_tokens=count))
        return sampler._arena[0][0].shape[0]

    first = room([(5, 6)], 10)
    assert first <= 2 * 16
    assert 40 * 16 <= (second := room([(5, 6)] * 40, 10)) <= 80 * 16
    assert room([(5, 6)], 10) == second  # and kept
    assert room([(5,) * 40] * 40, 10) == 40 * 64 * 2


class Syncs(TorchDispatchMode):
    """Counts what makes the host wait for a card."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))

    @property
    def waits(self) -> int:
        return self.counts["_local_scalar_dense"] + self.counts["nonzero"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_never_waits_for_the_card_and_the_loop_only_now_and_then(
    make_model: Callable, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = reads = 0
    step, tolist = Board.step, torch.Tensor.tolist

    def watched(board: Board, width: int) -> None:
        nonlocal steps
        steps += 1
        with Syncs() as inner:
            step(board, width)
        assert inner.waits == 0

    def read(tensor: Tensor) -> list:
        nonlocal reads
        reads += 1
        return tolist(tensor)

    monkeypatch.setattr(Board, "step", watched)
    sampler = Lanes(make_model(kind), [2], 4096, replay=False)
    uniforms = torch.rand(6, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), Syncs() as outer:
        sampler.sample(PROMPTS, uniforms[:, :2], Sampling(max_tokens=2))  # what is made at first
        outer.counts.clear()
        monkeypatch.setattr(torch.Tensor, "tolist", read)
        steps = 0
        sampler.sample(PROMPTS, uniforms, Sampling(max_tokens=64, min_tokens=63))  # all end together
        assert steps == 63
        assert outer.waits + reads < steps / CHECK_EVERY + 10


def test_what_cannot_be_captured_is_not(make_model: Callable) -> None:
    assert all(takes_lanes(make_model(kind)) for kind in KINDS)
    assert not takes_lanes(make_model("mistral"))  # sliding windows
    assert not takes_lanes(make_model("gemma3"))
    for kind in ("dynamic", "longrope"):  # rotations that change with the length
        changes = {"rope_type": kind, "rope_theta": 1e4, "factor": 2.0, "original_max_position_embeddings": 48}
        if kind == "longrope":
            changes |= {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
        assert not takes_lanes(make_model("llama", rope_parameters=changes))
    static = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    assert takes_lanes(make_model("llama", rope_parameters=static))


def test_a_reply_in_a_lane_is_told_token_by_token(tiny_dir, in_lanes: Callable) -> None:
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu")
    heard: list[str] = []
    backend.listener = heard.append
    (completion,) = in_lanes(backend, [PROMPTS[0]], Sampling(max_tokens=12, min_tokens=9, seeds=(3,)))
    assert len(heard) == len(completion.token_ids) > 1
    assert heard[-1] == completion.text
