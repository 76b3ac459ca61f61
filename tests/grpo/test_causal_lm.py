"""Shared prompts and checkpointing change neither values nor gradients."""

from __future__ import annotations

import pytest
import torch
from tensordict import TensorDict

from grpo.buffer import from_rows, micro_batches
from grpo.causal_lm import CausalLM, add_lora
from grpo.errors import ConfigError
from grpo.prefix_cache import repeat
from grpo.projection import projects_only
from grpo.token_log_probs import token_log_probs
from tests.attention import unsafe_attention

transformers = pytest.importorskip("transformers")


def tiny(kind: str = "llama", seed: int = 0, **changes):
    common = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
    }
    config_class, model_class = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
        "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM),
        "gpt2": (transformers.GPT2Config, transformers.GPT2LMHeadModel),
        "granite": (transformers.GraniteConfig, transformers.GraniteForCausalLM),
        "gemma2": (transformers.Gemma2Config, transformers.Gemma2ForCausalLM),
        "cohere": (transformers.CohereConfig, transformers.CohereForCausalLM),
        "falcon_h1": (transformers.FalconH1Config, transformers.FalconH1ForCausalLM),
    }[kind]
    if kind == "gpt2":
        changes |= {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 1, "eos_token_id": 2}
    torch.manual_seed(seed)
    model = model_class(config_class(**{**common, **changes}))
    for parameter in model.parameters():  # far from the near-uniform start, so that differences would show
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def plain(model, batch: TensorDict) -> tuple[torch.Tensor, torch.Tensor]:
    """The obvious way: each row alone, unpadded, through the model's own logits."""
    log_prob = torch.zeros(batch["response_mask"].shape)
    entropy = torch.zeros_like(log_prob)
    for n in range(len(batch)):
        prompt = batch["prompt_ids"][n][batch["prompt_mask"][n]]
        response = batch["response_ids"][n][batch["response_mask"][n]]
        logits = model(torch.cat([prompt, response])[None]).logits[0, len(prompt) - 1 : -1]
        table = logits.log_softmax(-1)
        log_prob[n, : len(response)] = table[range(len(response)), response]
        entropy[n, : len(response)] = -(table.exp() * table).sum(-1)
    return log_prob, entropy


def gradient(log_prob, entropy, batch, model):
    """The gradient of a loss that weighs every element differently."""
    weights = torch.randn(log_prob.shape, generator=torch.Generator().manual_seed(1)) * batch["response_mask"]
    loss = (weights * log_prob).sum() + 0.1 * (weights**2 * entropy).sum()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, trained)])


def with_beginnings(batch: TensorDict) -> TensorDict:
    """Put before every other prompt what several share, and leave one prompt of a single token."""
    prompts = [ids[mask].tolist() for ids, mask in zip(batch["prompt_ids"], batch["prompt_mask"], strict=True)]
    prompts = [[8 + n % 4] * 9 + prompt if n % 2 else prompt for n, prompt in enumerate(prompts)]
    prompts[0] = prompts[0][-1:]
    width = max(map(len, prompts))
    longer = batch.exclude("prompt_ids", "prompt_mask")
    longer["prompt_ids"] = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    longer["prompt_mask"] = torch.tensor([[n >= width - len(prompt) for n in range(width)] for prompt in prompts])
    return longer


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_log_probs_and_gradient_equal_the_plain_ones(rollout, kind, share, recompute):
    batch, model = with_beginnings(rollout(11, vocabulary=64)), tiny(kind)
    log_prob, entropy = plain(model, batch)
    expected = gradient(log_prob, entropy, batch, model)
    policy = CausalLM(model, share_prefixes=share, gradient_checkpointing=recompute).train()
    assert (policy.repeat_cost is not None) == share
    policy.uniform_passes = share  # also where it saves nothing
    found, found_entropy = policy.log_probs(batch)
    mask = batch["response_mask"]
    torch.testing.assert_close(found[mask], log_prob[mask], rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(found_entropy[mask], entropy[mask], rtol=1e-5, atol=2e-5)
    got = gradient(found, found_entropy, batch, model)
    assert (got - expected).norm() < 1e-5 * expected.norm()


def test_what_prompts_begin_with_runs_once():
    begin, other = [5] * 20, [6] * 18
    prompts = [begin, begin, [*begin, 1, 2], [*begin, 3], [*other, 1], [*other, 2]]
    rows = [{"prompt_ids": prompt, "response_ids": [7, 8], "rewards": [0.0], "reward": 0.0, "group_id": 0,
             "episode_id": number} for number, prompt in enumerate(prompts)]  # fmt: skip
    policy, shapes = CausalLM(tiny()), []
    policy.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    with torch.no_grad():
        policy.log_probs(from_rows(rows))
    assert shapes == [(2, 19), (6, 3 + 1)]


def test_prompts_that_share_nothing_run_whole():
    rows = [{"prompt_ids": [first, 2, 3], "response_ids": [7, 8], "rewards": [0.0], "reward": 0.0, "group_id": 0,
             "episode_id": first} for first in (4, 5)]  # fmt: skip
    policy, shapes = CausalLM(tiny()), []
    policy.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    with torch.no_grad():
        policy.log_probs(from_rows(rows))
    assert shapes == [(2, 3 + 1)]


def test_one_token_responses_share_prefixes_too():
    rows = [{"prompt_ids": [1, 2, 3], "response_ids": [token], "rewards": [0.0], "reward": 0.0, "group_id": 0,
             "episode_id": token} for token in (5, 6, 7)]  # fmt: skip
    batch, model = from_rows(rows), tiny()
    log_prob, _ = CausalLM(model).log_probs(batch)
    torch.testing.assert_close(log_prob, plain(model, batch)[0], rtol=1e-5, atol=1e-5)


def test_the_vocabulary_is_projected_for_responses_only(rollout, monkeypatch):
    batch, states = rollout(11), []

    def spy(hidden, *args):
        states.append(len(hidden))
        return token_log_probs(hidden, *args)

    monkeypatch.setattr("grpo.causal_lm.token_log_probs", spy)
    CausalLM(tiny()).log_probs(batch)
    assert states == [batch["response_mask"].sum()]


def test_temperature_divides_the_logits(rollout):
    batch, model = rollout(2), tiny()
    cool, _ = CausalLM(model, temperature=0.5).log_probs(batch)
    model.lm_head.weight = torch.nn.Parameter(2 * model.lm_head.weight)
    sharp, _ = CausalLM(model).log_probs(batch)
    torch.testing.assert_close(cool, sharp, rtol=1e-5, atol=1e-5)


def test_sliding_windows_are_computed_plainly(rollout):
    batch, model = rollout(11), tiny("mistral", sliding_window=4)
    policy = CausalLM(model)
    assert policy.repeat_cost is None
    mask = batch["response_mask"]
    torch.testing.assert_close(policy.log_probs(batch)[0][mask], plain(model, batch)[0][mask], rtol=1e-5, atol=2e-5)


def test_lora_trains_adapters_only_and_its_reference_is_the_base(rollout):
    pytest.importorskip("peft")
    batch, model = rollout(11), tiny()
    before = plain(model, batch)[0].detach()
    policy = CausalLM(add_lora(model, rank=4))
    for name, parameter in policy.named_parameters():
        assert parameter.requires_grad == ("lora_" in name)
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    mask = batch["response_mask"]
    moved, _ = policy.log_probs(batch)
    assert (moved - before)[mask].abs().max() > 0.1
    torch.testing.assert_close(policy.reference_log_probs(batch)[mask], before[mask], rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(policy.log_probs(batch)[0], moved)
    with pytest.raises(ConfigError, match="frozen copy"):
        CausalLM(tiny()).reference_log_probs(batch)


def test_autocast_keeps_the_logits_in_float32(rollout):
    batch, policy = rollout(11), CausalLM(tiny())
    exact, _ = policy.log_probs(batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = policy.log_probs(batch)
    mask = batch["response_mask"]
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact)[mask].abs().mean() < 0.2


def test_autocast_leaves_attention_in_float32_on_a_cpu(rollout, monkeypatch, tmp_path):
    attend, seen = torch.nn.functional.scaled_dot_product_attention, []

    def spy(query, key, value, **options):
        seen.extend(states.dtype for states in (query, key, value) if not torch.is_autocast_enabled("cpu"))
        return attend(query, key, value, **options)

    batch, model = rollout(11), tiny("qwen3")
    exact = gradient(*plain(model, batch), batch, model)
    policy = CausalLM(model)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient(*policy.log_probs(batch), batch, model)
    assert set(seen) == {torch.float32}
    assert len(seen) >= 3 * 2  # queries, keys and values of each layer
    assert (found - exact).norm() < 0.2 * exact.norm()
    model.save_pretrained(tmp_path)
    assert "sdpa" not in (tmp_path / "config.json").read_text()  # how it attends is not the model's


def test_frozen_bf16_weights_under_adapters_are_projected_in_float32(rollout):
    pytest.importorskip("peft")
    batch, model = rollout(11), tiny()
    for parameter in model.lm_head.parameters():
        parameter.data.mul_(16)
    policy = CausalLM(add_lora(model.to(torch.bfloat16), rank=2), share_prefixes=False)
    states = []
    policy.base.model.register_forward_hook(lambda module, args, out: states.append(out.last_hidden_state))
    found, _ = policy.log_probs(batch)
    mask, start = batch["response_mask"], batch["prompt_ids"].shape[1] - 1
    logits = states[0][:, start:][mask].float() @ model.lm_head.weight.float().t()
    assert logits.abs().max() > 16
    expected = logits.log_softmax(-1).gather(-1, batch["response_ids"][mask][:, None]).squeeze(-1)
    torch.testing.assert_close(found[mask], expected, rtol=1e-5, atol=1e-4)
    found.sum().backward()
    assert all(value.grad is not None for value in policy.parameters() if value.requires_grad)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral"])
@pytest.mark.parametrize("uniform", [False, True])
def test_attention_that_gives_nan_for_padding_changes_nothing(rollout, monkeypatch, kind, uniform):
    batch, model = with_beginnings(rollout(11, vocabulary=64)), tiny(kind)
    log_prob, entropy = plain(model, batch)
    expected = gradient(log_prob, entropy, batch, model)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", unsafe_attention)
    policy = CausalLM(model)
    policy.uniform_passes = uniform
    found, found_entropy = policy.log_probs(batch)
    mask = batch["response_mask"]
    torch.testing.assert_close(found[mask], log_prob[mask], rtol=1e-5, atol=2e-5)
    got = gradient(found, found_entropy, batch, model)
    assert (got - expected).norm() < 1e-5 * expected.norm()


def test_bf16_weights_are_refused():
    with pytest.raises(ConfigError, match="loses small updates"):
        CausalLM(tiny().to(torch.bfloat16))


SCALED = {
    "granite": {"logits_scaling": 2.0},
    "gemma2": {"final_logit_softcapping": 30.0, "head_dim": 8},
    "cohere": {"logit_scale": 0.0625},
    "falcon_h1": {"lm_head_multiplier": 0.2, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "head_dim": 8},
}
"""Families that make more of their states than one projection, each by a setting of its own name."""


@pytest.mark.parametrize("kind", SCALED)
def test_logits_that_are_more_than_a_projection_are_refused(kind):
    model = tiny(kind, **SCALED[kind])
    with pytest.raises(ConfigError, match=r"ForCausalLM is not supported: its logits are more than its head"):
        CausalLM(model)
    assert not projects_only(model.to(torch.bfloat16))  # which a sampler asks


@pytest.mark.parametrize(("kind", "changes"), [("granite", {"logits_scaling": 1.0}), ("gpt2", {})])
def test_a_model_that_only_projects_is_taken_whatever_its_names(rollout, kind, changes):
    batch, model = with_beginnings(rollout(11, vocabulary=64)), tiny(kind, **changes).eval()
    torch.testing.assert_close(CausalLM(model).log_probs(batch)[0], plain(model, batch)[0], rtol=1e-5, atol=2e-5)


def test_a_saved_model_loads(rollout, tmp_path):
    model, batch = tiny(), rollout(2)
    model.save_pretrained(tmp_path)
    policy = CausalLM.from_pretrained(str(tmp_path), temperature=1.0)
    torch.testing.assert_close(policy.log_probs(batch)[0], CausalLM(model).log_probs(batch)[0])


def saved_bytes(policy: CausalLM, batch: TensorDict) -> int:
    """What a micro-batch's forward pass keeps for the backward pass, weights aside."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in policy.parameters()}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        policy.log_probs(batch)
    sizes = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    return sum(size for place, size in sizes.items() if place not in weights)


BYTES_PER_TOKEN = {False: 11_500, True: 1_100}
"""What four layers of the tiny model keep of a token."""


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("prefix", [0, 60, 400])
def test_micro_tokens_bound_what_is_kept_also_of_long_beginnings(prefix, recompute):
    rows = [{"prompt_ids": [5] * prefix + [6, n], "response_ids": [7] * 6, "rewards": [0.0], "reward": 0.0,
             "group_id": 0, "episode_id": n} for n in range(60)]  # fmt: skip
    buffer, bound = from_rows(rows), 960
    policy = CausalLM(tiny(num_hidden_layers=4, max_position_embeddings=512), gradient_checkpointing=recompute).train()
    batches = list(micro_batches(buffer, bound, policy.repeat_cost))
    assert len(batches) < 2 + 60 * (8 + 0.2 * prefix) / bound  # a beginning is not counted in full for each row
    most = max(saved_bytes(policy, buffer[rows]) for rows in batches)
    assert most < bound * BYTES_PER_TOKEN[recompute]


def test_keys_of_beginnings_are_kept_as_attention_reads_them(rollout):
    batch, kept = with_beginnings(rollout(11)), []

    def grown(share: bool) -> torch.Tensor:
        model = tiny("qwen3")
        policy = CausalLM(model, share_prefixes=share)
        with torch.autocast("cpu", torch.bfloat16), pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "grpo.prefix_cache.repeat", lambda layers, owner: kept.extend(layers) or repeat(layers, owner)
            )
            return gradient(*policy.log_probs(batch), batch, model)

    model = tiny("qwen3")
    exact = gradient(*plain(model, batch), batch, model)
    shared, alone = (float((grown(share) - exact).norm() / exact.norm()) for share in (True, False))
    assert {layer.states[0].dtype for layer in kept} == {torch.float32}
    assert shared < 1.2 * alone  # what is repeated adds its gradients up in float32
