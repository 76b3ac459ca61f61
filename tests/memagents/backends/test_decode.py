"""Steps that grow and steps of fixed shape give the logits of each text read alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

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
