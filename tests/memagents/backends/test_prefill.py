"""Prompts read together, with shared parts read once, give the logits of each prompt read alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memagents.backends import prefill
from memagents.backends.prefill import Reader, prefix_stages
from tests.attention import unsafe_attention

PROMPTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), min_size=1, max_size=8, unique=True)


def tree(seed: int = 0) -> list[tuple[int, ...]]:
    """Prompts of three groups: 20 tokens that all share, 0 to 15 that a group shares, 1 to 12 of their own."""
    draw = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(4, 24, (count,), generator=draw).tolist())

    common = tokens(20)
    groups = [common + tokens(shared) for shared in (15, 9, 0)]
    return [(*group, own, *tokens(own - 1)) for group in groups for own in (1, 5, 12)]


@settings(deadline=None)
@given(PROMPTS)
def test_every_stage_extends_the_one_before_and_leaves_something_to_read(prompts):
    before = [()]
    for stage in prefix_stages(prompts):
        assert len(set(stage)) == len(stage)
        assert all(any(prefix[: len(p)] == p for p in before) for prefix in stage)
        before = stage
    for prompt in prompts:
        assert any(len(p) < len(prompt) and prompt[: len(p)] == p for p in before)


def test_what_all_and_what_groups_share_is_read_once():
    prompts = tree()
    common, groups = prefix_stages(prompts)
    assert common == [prompts[0][:20]]
    assert sorted(map(len, groups)) == [20, 29, 35]
    assert prefix_stages([(1, 2, 3), (1, 2, 4)]) == []


@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral", "gemma3", "gpt2"])
def test_logits_equal_those_of_each_prompt_alone(make_model, kind):
    model = make_model(kind)
    prompts = tree()
    reader = Reader(model)
    with torch.inference_mode():
        state = reader.prefill(prompts)
        rows = torch.tensor([4, 0, 0, 7, 2, 4, 8, 1, 3, 3, 5, 6])
        state = state.select(rows)
        read = [list(prompts[row]) for row in rows]
        for step in range(6):
            alone = torch.stack([model(torch.tensor([ids])).logits[0, -1] for ids in read])
            torch.testing.assert_close(state.logits, alone, atol=2e-4, rtol=1e-4)
            if step == 3:  # rows end, and the last ones take their places
                keep = torch.tensor([0, 11, 2, 10, 4])
                state, read = state.select(keep), [read[row] for row in keep]
            tokens = torch.arange(len(read)) % 20 + 4
            state = reader.step(state, tokens)
            read = [[*ids, token] for ids, token in zip(read, tokens.tolist(), strict=True)]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_many_prompts_are_read_a_few_at_a_time(make_model, monkeypatch, kind):
    model, prompts = make_model(kind), [*tree(), (5,), (6, 7)]
    shapes = []
    decoder = model.get_decoder()
    decoder.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple([*args, kwargs.get("input_ids")][0].shape)), with_kwargs=True
    )
    tokens = torch.arange(len(prompts)) % 20 + 4
    with torch.inference_mode():
        reader = Reader(model)
        whole = reader.prefill(prompts)
        widest = [count * width for count, width in shapes]
        then = reader.step(whole, tokens)
        shapes.clear()
        monkeypatch.setattr(prefill, "PASS_TOKENS", 60)
        state = reader.prefill(prompts)
        assert max(count * width for count, width in shapes) <= 60 < max(widest)
        torch.testing.assert_close(state.logits, whole.logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(reader.step(state, tokens).logits, then.logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral", "gemma3", "gpt2"])
def test_attention_that_gives_nan_for_padding_changes_nothing(make_model, monkeypatch, kind):
    model, prompts = make_model(kind), [*tree(), (5,), (6, 7)]
    tokens = torch.arange(len(prompts)) % 20 + 4
    with torch.inference_mode():
        alone = torch.stack([model(torch.tensor([prompt])).logits[0, -1] for prompt in prompts])
        texts = [[*prompt, token] for prompt, token in zip(prompts, tokens.tolist(), strict=True)]
        then = torch.stack([model(torch.tensor([text])).logits[0, -1] for text in texts])
        monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", unsafe_attention)
        reader = Reader(model)
        state = reader.prefill(prompts)
        torch.testing.assert_close(state.logits, alone, atol=2e-4, rtol=1e-4)
        torch.testing.assert_close(reader.step(state, tokens).logits, then, atol=2e-4, rtol=1e-4)


def test_shared_parts_pass_the_model_once(make_model):
    model, prompts = make_model(), tree()
    widths = []
    model.model.register_forward_pre_hook(
        lambda module, args, kwargs: widths.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    Reader(model).prefill(prompts)
    assert widths == [(1, 20), (3, 15), (9, 12)]


def test_a_cache_that_outgrows_its_buffers(make_model, monkeypatch):
    monkeypatch.setattr("memagents.backends.kv_cache.SPARE", 2)
    model, ids = make_model(), [5, 6, 7]
    reader = Reader(model)
    with torch.inference_mode():
        state = reader.prefill([tuple(ids)])
        for token in range(4, 16):
            state = reader.step(state, torch.tensor([token]))
            ids.append(token)
        torch.testing.assert_close(state.logits[0], model(torch.tensor([ids])).logits[0, -1], atol=1e-4, rtol=1e-4)


def test_small_savings_are_no_extra_pass():
    assert prefill.MIN_SAVED > 2
    assert prefix_stages([(1,) * 5 + (i,) for i in range(3)]) == []
