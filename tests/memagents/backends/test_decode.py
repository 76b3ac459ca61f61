"""Steps that grow and steps of fixed shape give the logits of each text read alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from memagents.backends.base import Sampling
from memagents.backends.decode import Fixed, Growing, make_decoder
from memagents.backends.prefill import Reader, State
from memagents.backends.transformers_backend import TransformersBackend

PROMPTS = [(5, 6, 7), (8, 9, 10, 11, 12), (4,), (13, 14, 15, 16), (17, 18, 19, 20, 21, 22), (6, 6)]
KEEP = {1: [0, 5, 2, 3, 4], 3: [0, 4, 2], 5: [2, 1], 8: [1]}
"""Step to the rows that go on after it, of those that still run; some fall to half of the rows, some do not."""
STEPS = 11
SEEDS = (3, 1, 4, 15, 9, 26)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def growing(model: torch.nn.Module, reader: Reader, state: State) -> Growing:
    return Growing(reader, state)


def fixed(model: torch.nn.Module, reader: Reader, state: State) -> Fixed:
    return Fixed(model, state, STEPS, replay=False)


def replayed(model: torch.nn.Module, reader: Reader, state: State) -> Fixed:
    made = make_decoder(model, reader, state, STEPS)
    assert isinstance(made, Fixed)
    return made


@pytest.mark.parametrize(
    ("make", "device"), [(growing, "cpu"), (fixed, "cpu"), pytest.param(replayed, "cuda", marks=needs_gpu)]
)
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_logits_equal_those_of_each_text_alone(make_model: Callable, kind: str, make: Callable, device: str) -> None:
    model = make_model(kind).to(device)
    reader = Reader(model)
    read = [list(prompt) for prompt in PROMPTS]
    with torch.inference_mode():
        decoder = make(model, reader, reader.prefill(PROMPTS))
        for step in range(STEPS):
            alone = torch.stack([model(torch.tensor([ids], device=device)).logits[0, -1] for ids in read])
            torch.testing.assert_close(decoder.logits, alone, atol=2e-4, rtol=1e-4)
            if step in KEEP:
                decoder.keep(torch.tensor(KEEP[step], device=device))
                read = [read[row] for row in KEEP[step]]
            tokens = torch.arange(len(read), device=device) % 20 + 4
            decoder.step(tokens)
            read = [[*ids, token] for ids, token in zip(read, tokens.tolist(), strict=True)]
    assert len(read) == 1


class Card:
    """Stands for CUDA, whose graphs call again what was called while they were captured, on the same tensors.

    The current device is another one than the model's."""

    def __init__(self, device: torch.device):
        self.device = device
        self.current: torch.device | None = None
        self.captured = self.replayed = 0

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
    def graph(self, graph: _Graph, stream: SimpleNamespace | None = None) -> Iterator[None]:
        # PyTorch's own capture stream is one for all graphs of the process, on the device of the first.
        assert stream is not None
        assert stream.device == self.device
        self.check()
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

    def replay(self) -> None:
        self._card.check()
        self._card.replayed += 1
        for func, args, kwargs, results in self._calls:
            for kept, fresh in zip(results, _tensors(func(*args, **kwargs)), strict=True):
                if kept.data_ptr() != fresh.data_ptr():
                    kept.copy_(fresh)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_graphs_are_captured_and_replayed_on_the_models_device(
    make_model: Callable, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(kind)
    card = Card(model.device)
    card.install(monkeypatch)
    model.register_forward_pre_hook(lambda *_: card.check())
    reader = Reader(model)
    read = [list(prompt) for prompt in PROMPTS]
    with torch.inference_mode():
        decoder = Fixed(model, reader.prefill(PROMPTS), STEPS, replay=True)
        for step in range(STEPS):
            with card.device_of(decoder.logits):
                alone = torch.stack([model(torch.tensor([ids])).logits[0, -1] for ids in read])
            torch.testing.assert_close(decoder.logits, alone, atol=2e-4, rtol=1e-4)
            if step in KEEP:
                decoder.keep(torch.tensor(KEEP[step]))
                read = [read[row] for row in KEEP[step]]
            tokens = torch.arange(len(read)) % 20 + 4
            before = addresses(decoder)
            decoder.step(tokens)
            assert addresses(decoder) == before  # a graph reads and writes where it was captured
            read = [[*ids, token] for ids, token in zip(read, tokens.tolist(), strict=True)]
    assert (card.captured, card.replayed) == (3, STEPS)


def addresses(decoder: Fixed) -> list[int]:
    """Return where everything lies that a step reads and writes."""
    held = [value for value in vars(decoder).values() if isinstance(value, torch.Tensor)]
    held += [states for layer in decoder._layers for states in (layer.keys, layer.values)]
    return [tensor.data_ptr() for tensor in held]


def test_a_cpu_takes_the_steps_that_grow(make_model: Callable) -> None:
    model = make_model()
    reader = Reader(model)
    assert isinstance(make_decoder(model, reader, reader.prefill(PROMPTS), STEPS), Growing)


def test_a_backend_samples_the_same_either_way(tiny_dir, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu")
    sampling = Sampling(max_tokens=20, seeds=SEEDS)
    usual = backend.generate(PROMPTS, sampling)
    assert len({len(completion.token_ids) for completion in usual}) > 2  # rows end at different steps
    monkeypatch.setattr(
        "memagents.backends.transformers_backend.make_decoder",
        lambda model, reader, state, room: Fixed(model, state, room, replay=False),
    )
    for one, other in zip(usual, backend.generate(PROMPTS, sampling), strict=True):
        assert one.token_ids == other.token_ids
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4)
