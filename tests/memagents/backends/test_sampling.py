from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memagents.backends import sampling as module
from memagents.backends.base import Sampling
from memagents.backends.sampling import draw, log_distribution, row_uniforms

LOGITS = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=2, max_size=12)
INF = float("inf")


def brute_force(logits: list[float], sampling: Sampling) -> list[float]:
    """Probabilities by the definitions, one token at a time."""
    scaled = [x / sampling.temperature for x in logits]
    if sampling.top_k:
        least = sorted(scaled, reverse=True)[: sampling.top_k][-1]
        scaled = [x if x >= least else -INF for x in scaled]
    weights = [torch.tensor(x, dtype=torch.float64).exp().item() for x in scaled]
    probs = [w / sum(weights) for w in weights]
    if sampling.top_p < 1:
        held, nucleus = 0.0, set()
        for i in sorted(range(len(probs)), key=lambda i: -probs[i]):
            if held < sampling.top_p - 1e-6:
                nucleus.add(i)
            held += probs[i]
        probs = [p if i in nucleus else 0.0 for i, p in enumerate(probs)]
    return [p / sum(probs) for p in probs]


@settings(deadline=None, max_examples=150)
@given(
    LOGITS.filter(lambda x: len(set(x)) == len(x)),
    st.floats(0.2, 3),
    st.sampled_from([1.0, 0.9, 0.53, 0.21]),
    st.integers(0, 14),
)
def test_the_distribution_is_that_of_the_definitions(logits, temperature, top_p, top_k):
    sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k)
    probs = log_distribution(torch.tensor([logits]), sampling).exp()[0].tolist()
    assert probs == pytest.approx(brute_force(logits, sampling), abs=1e-5)


@pytest.mark.parametrize("likely", [1, 3, 50])
def test_the_nucleus_is_the_same_however_many_tokens_are_looked_through_at_first(likely, monkeypatch):
    monkeypatch.setattr(module, "LIKELY", likely)
    logits = 3 * torch.randn(4, 40, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(top_p=0.8)
    for row, found in zip(logits.tolist(), log_distribution(logits, sampling).exp().tolist(), strict=True):
        assert found == pytest.approx(brute_force(row, sampling), abs=1e-5)


def test_greedy_decoding_reports_the_models_own_distribution():
    logits = torch.tensor([[1.0, 2.0, 4.0]])
    greedy = log_distribution(logits, Sampling(temperature=0, top_k=1, top_p=0.1))
    assert torch.equal(greedy, logits.log_softmax(-1))


def test_bfloat16_logits_become_a_float32_distribution():
    table = log_distribution(torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).bfloat16(), Sampling())
    assert table.dtype == torch.float32
    assert table.exp().sum(-1) == pytest.approx([1, 1], abs=1e-6)


def test_an_even_grid_of_uniforms_draws_each_token_as_often_as_it_is_likely():
    logits = torch.tensor([[0.0, 2.0, -INF, 1.0, -3.0, -INF]])
    points = 100_000
    uniforms = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    table = log_distribution(logits, Sampling())
    drawn = draw(table.expand(points, -1), uniforms).bincount(minlength=6) / points
    assert drawn.tolist() == pytest.approx(table.exp()[0].tolist(), abs=2 / points)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_the_ends_of_the_unit_interval_draw_possible_tokens(uniform):
    table = torch.tensor([[-INF, -INF, 0.5, 0.1, -INF]]).log_softmax(-1)
    token = draw(table, torch.tensor([uniform], dtype=torch.float64)).item()
    assert token == (2 if uniform == 0 else 3)


def test_rows_have_streams_of_their_own():
    streams = row_uniforms(4, Sampling(seeds=(7, 8, 9, 10), max_tokens=9))
    assert streams.unique().numel() == 36
    assert torch.equal(streams[[3, 1], :5], row_uniforms(2, Sampling(seeds=(10, 8), max_tokens=5)))
    assert torch.equal(streams[[2, 2]], row_uniforms(2, Sampling(seeds=(9, 9), max_tokens=9)))
    assert not torch.equal(row_uniforms(1, Sampling()), row_uniforms(1, Sampling()))
