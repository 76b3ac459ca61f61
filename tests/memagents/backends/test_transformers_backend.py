from __future__ import annotations

import logging
import math
from dataclasses import replace

import pytest
import torch

from memagents.agents import MemoryAgent
from memagents.backends import Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memgym.errors import ConfigError

GREEDY = Sampling(max_tokens=6, temperature=0)
PROMPTS = [[4, 5, 6], [4, 5, 6], [9, 8, 7, 6, 5, 4, 10], [11], [4, 5, 6], [4, 5, 7, 12]]
SEEDS = (3, 1, 4, 15, 9, 26)


@pytest.fixture(scope="module")
def backend(tiny_dir) -> TransformersBackend:
    return TransformersBackend.from_pretrained(tiny_dir, device="cpu")


def plain_log_probs(model, completion, temperature: float = 1.0) -> list[float]:
    """The obvious way: the whole sequence, unpadded, without a cache."""
    ids = torch.tensor([completion.prompt_ids + completion.token_ids])
    with torch.no_grad():
        logits = model(ids).logits[0, len(completion.prompt_ids) - 1 : -1] / temperature
    return logits.log_softmax(-1)[range(len(completion.token_ids)), completion.token_ids].tolist()


def test_tokens_come_with_their_log_probs_and_end_where_the_model_ends(backend):
    completions = backend.generate(PROMPTS * 6, Sampling(max_tokens=24, seeds=tuple(range(36))))
    reasons = {"stop": 0, "length": 0}
    for prompt, completion in zip(PROMPTS * 6, completions, strict=True):
        assert completion.prompt_ids == prompt
        assert completion.log_probs == pytest.approx(plain_log_probs(backend.model, completion), abs=1e-4)
        assert not {2, 3} & set(completion.token_ids[:-1])
        assert (completion.finish_reason == "stop") == (completion.token_ids[-1] in (2, 3))
        assert completion.finish_reason == "stop" or len(completion.token_ids) == 24
        assert completion.text == backend.decode(completion.token_ids)
        assert not completion.truncated
        reasons[completion.finish_reason] += 1
    assert {c.token_ids[-1] for c in completions if c.finish_reason == "stop"} == {2, 3}
    assert min(reasons.values()) > 0


def test_a_lossy_tokenizer_is_never_asked_to_encode_what_was_sampled(backend):
    completions = backend.generate(PROMPTS * 3, Sampling(max_tokens=24, seeds=tuple(range(18))))
    texts = [backend.tokenizer(c.text, add_special_tokens=False).input_ids for c in completions]
    assert texts != [c.token_ids for c in completions]  # decoding loses something here
    for completion in completions:
        assert completion.log_probs == pytest.approx(plain_log_probs(backend.model, completion), abs=1e-4)


def test_sampling_is_pure_whatever_the_checkpoint_says(backend):
    assert backend.model.generation_config.top_k == 1
    rows = 4000
    completions = backend.generate([[4, 5, 6]] * rows, Sampling(max_tokens=1, seeds=tuple(range(rows))))
    with torch.no_grad():
        expected = backend.model(torch.tensor([[4, 5, 6]])).logits[0, -1].softmax(-1) * rows
    counts = torch.tensor([c.token_ids[0] for c in completions]).bincount(minlength=len(expected))
    often = expected > 5
    chi_square = ((counts - expected)[often] ** 2 / expected[often]).sum().item()
    degrees = int(often.sum()) - 1
    assert degrees > 5
    assert chi_square < degrees + 4 * math.sqrt(2 * degrees)


def test_greedy_decoding_takes_the_likeliest_token_each_time(backend):
    for completion in backend.generate(PROMPTS, Sampling(max_tokens=12, temperature=0)):
        ids = torch.tensor([completion.prompt_ids + completion.token_ids])
        with torch.no_grad():
            likeliest = backend.model(ids).logits[0, len(completion.prompt_ids) - 1 : -1].argmax(-1)
        assert completion.token_ids == likeliest.tolist()
        assert completion.log_probs == pytest.approx(plain_log_probs(backend.model, completion), abs=1e-4)


def test_temperature_is_part_of_the_distribution(backend):
    for completion in backend.generate(PROMPTS, Sampling(max_tokens=12, temperature=1.7, seeds=SEEDS)):
        assert completion.log_probs == pytest.approx(plain_log_probs(backend.model, completion, 1.7), abs=1e-4)


def test_what_a_prompt_gets_follows_from_its_seed_alone_whatever_the_batches(backend, tiny_dir):
    def tokens(which, rows, seeds=SEEDS):
        sampling = Sampling(max_tokens=16, seeds=tuple(seeds[row] for row in rows))
        return [c.token_ids for c in which.generate([PROMPTS[row] for row in rows], sampling)]

    rows = list(range(len(PROMPTS)))
    whole = tokens(backend, rows)
    one_by_one = TransformersBackend.from_pretrained(tiny_dir, device="cpu", batch_tokens=1)
    assert tokens(one_by_one, rows) == whole
    for part in ([3], [5, 0], rows[::-1], [2, 2, 4, 1], [*rows, *rows]):
        assert tokens(backend, part) == [whole[row] for row in part]
    assert len({tuple(whole[row]) for row in (0, 1, 4)}) == 3  # the same prompt, but each with its own seed
    assert tokens(backend, rows, SEEDS[::-1]) != whole


def test_another_number_of_seeds_than_of_prompts_is_refused(backend):
    for temperature in (0, 1.0):
        with pytest.raises(ConfigError, match="3 seeds for 6 prompts"):
            backend.generate(PROMPTS, Sampling(max_tokens=4, temperature=temperature, seeds=(1, 2, 3)))


def test_without_a_seed_every_call_differs(backend):
    calls = [backend.generate(PROMPTS, Sampling(max_tokens=16)) for _ in range(2)]
    assert [c.token_ids for c in calls[0]] != [c.token_ids for c in calls[1]]


def test_batches_are_bounded_by_tokens_and_sorted_by_length(tiny_dir):
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu", batch_tokens=60)
    shapes = []

    def note(module, args, kwargs):
        mask = kwargs["attention_mask"]  # [N, L], or [N, 1, 1, L] for a step
        shapes.append((mask.shape[0], mask.shape[-1]))

    backend.model.model.register_forward_pre_hook(note, with_kwargs=True)
    prompts = [[4 + i % 20] * length for i, length in enumerate([3, 70, 5, 68, 3, 4, 66, 2])]
    backend.generate(prompts, Sampling(max_tokens=4, seeds=tuple(range(8))))
    assert max(rows * slots for rows, slots in shapes) <= max(60, 70 + 4)
    assert max(rows for rows, slots in shapes) > 1
    assert shapes[0][1] > shapes[-1][1]


def test_nothing_asked_nothing_answered(backend):
    assert backend.generate([], Sampling()) == []


def test_a_prompt_that_is_too_long_is_an_error_that_tells_the_mend(backend):
    assert backend.context == 96
    assert len(backend.generate([[5] * 90], Sampling(max_tokens=6, seeds=(0,)))) == 1
    with pytest.raises(ConfigError, match=r"prompt 1 has 91 tokens.*reads 96 and 6 of.*truncate = true"):
        backend.generate([[5], [5] * 91], Sampling(max_tokens=6))
    with pytest.raises(ConfigError, match="max_tokens = 96 leaves no room"):
        backend.generate([[5]], Sampling(max_tokens=96))
    with pytest.raises(ConfigError, match="prompt 0 has no tokens"):
        backend.generate([[]], Sampling(max_tokens=6))


def test_a_truncated_prompt_loses_its_middle_and_is_flagged(tiny_dir):
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu", truncate=True)
    prompt = [4 + i % 20 for i in range(200)]
    cut, whole = backend.generate([prompt, prompt[:91]], Sampling(max_tokens=5, seeds=(0, 1)))
    assert (cut.truncated, whole.truncated) == (True, False)
    assert cut.prompt_ids == prompt[:45] + prompt[-46:]
    assert cut.log_probs == pytest.approx(plain_log_probs(backend.model, cut), abs=1e-4)


def test_the_trainers_module_is_the_samplers(tiny_dir):
    backend = TransformersBackend.from_pretrained(tiny_dir, device="cpu")
    backend.model.train()
    before = backend.generate(PROMPTS, Sampling(max_tokens=8, temperature=0))
    assert backend.model.training
    with torch.no_grad():
        backend.model.model.norm.weight.mul_(-1)
    after = backend.generate(PROMPTS, Sampling(max_tokens=8, temperature=0))
    assert [c.token_ids for c in before] != [c.token_ids for c in after]
    assert after[0].log_probs == pytest.approx(plain_log_probs(backend.model.eval(), after[0]), abs=1e-4)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in backend.model.parameters())


def test_an_adapter_takes_part(tiny_dir):
    peft = pytest.importorskip("peft", reason="needs the train extra")
    base = TransformersBackend.from_pretrained(tiny_dir, device="cpu")
    plain = base.generate(PROMPTS, Sampling(max_tokens=8, temperature=0))
    model = peft.get_peft_model(base.model, peft.LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    adapted = TransformersBackend(model, base.tokenizer).generate(PROMPTS, Sampling(max_tokens=8, temperature=0))
    assert [c.token_ids for c in adapted] != [c.token_ids for c in plain]
    assert adapted[0].log_probs == pytest.approx(plain_log_probs(model.eval(), adapted[0]), abs=1e-4)


def test_the_choice_of_dtype_device_and_attention_is_logged(tiny_dir, caplog):
    with caplog.at_level(logging.INFO, "memagents"):
        backend = TransformersBackend.from_pretrained(tiny_dir, dtype="bfloat16", device="cpu")
    assert backend.model.dtype == torch.bfloat16
    assert "torch.bfloat16 on cpu with attention sdpa" in caplog.text


def test_dtype_and_device_are_chosen_by_the_machine(tiny_dir):
    model = TransformersBackend.from_pretrained(tiny_dir).model
    expected = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
    assert (model.device.type, model.dtype) == expected


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "fp32"}, "unknown dtype 'fp32'.*bfloat16"),
        ({"device": "gpu"}, "argument 'device' must be 'auto' or"),
        ({"batch_tokens": 0}, "argument 'batch_tokens' must be an int of at least 1"),
        ({"truncate": "yes"}, "argument 'truncate' must be True or False"),
    ],
)
def test_options_that_do_not_fit(tiny_dir, options, told):
    with pytest.raises(ConfigError, match=told):
        TransformersBackend.from_pretrained(tiny_dir, **options)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_model_that_is_no_name(name):
    with pytest.raises(ConfigError, match="argument 'model' must be a built-in name"):
        TransformersBackend.from_pretrained(name)


def test_a_directory_that_holds_no_model(tmp_path):
    with pytest.raises(ConfigError, match=r"the model folder .* lacks its configuration, config\.json"):
        TransformersBackend.from_pretrained(tmp_path)


def test_chat_uses_the_models_template(backend):
    chat = [{"role": "user", "content": "what colour"}]
    (completion,) = backend.chat([chat], Sampling(max_tokens=4, seeds=(0,)))
    assert completion.prompt_ids == backend.encode(chat)


def test_the_real_small_model_answers(smollm2):
    backend = TransformersBackend.from_pretrained(smollm2, dtype="bfloat16", device="cpu")
    chat = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
    (completion,) = backend.chat([chat], Sampling(max_tokens=16, temperature=0))
    assert "Paris" in completion.text
    assert completion.finish_reason == "stop"
    assert "<|im_end|>" not in completion.text
    assert completion.token_ids[-1] == backend.tokenizer.eos_token_id


def test_a_copy_in_another_dtype_is_sampled_from_once_weights_are_updated(tiny_dir):
    backend = TransformersBackend.from_pretrained(tiny_dir, dtype="float32", device="cpu", rollout_dtype="bfloat16")
    cast = TransformersBackend.from_pretrained(tiny_dir, dtype="bfloat16", device="cpu")
    sampling = Sampling(max_tokens=8, seeds=SEEDS)
    backend.update_weights()
    assert {p.dtype for p in backend.model.parameters()} == {torch.float32}
    assert backend.generate(PROMPTS, sampling) == cast.generate(PROMPTS, sampling)
    before = backend.generate(PROMPTS, sampling)
    with torch.no_grad():
        for one in (backend.model, cast.model):
            one.get_input_embeddings().weight[4:12] *= 2  # exact in both
    assert backend.generate(PROMPTS, sampling) == before
    backend.update_weights()
    assert backend.generate(PROMPTS, sampling) == cast.generate(PROMPTS, sampling) != before


@pytest.mark.parametrize("on_a_card", [False, True])
def test_log_probs_of_bfloat16_weights_are_not_rounded_to_bfloat16(tiny_dir, in_lanes, on_a_card):
    sample = in_lanes if on_a_card else TransformersBackend.generate
    backend = TransformersBackend.from_pretrained(tiny_dir, dtype="bfloat16", device="cpu")
    head = backend.model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight * 64)  # logits of real models lie between 16 and 32: 0.125 apart
    states = []
    backend.model.model.register_forward_hook(lambda module, args, out: states.append(out.last_hidden_state[:, -1]))
    sampling = Sampling(max_tokens=12, temperature=8.0, seeds=(0,))
    sample(backend, [[4, 5, 6]], sampling)  # a first pass in lanes looks how large keys are
    states.clear()
    (completion,) = sample(backend, [[4, 5, 6]], sampling)
    logits = torch.cat(states[: len(completion.token_ids)]).float() @ head.weight.float().t()
    assert logits.abs().max() > 16
    expected = (logits / 8).log_softmax(-1)[range(len(completion.token_ids)), completion.token_ids].tolist()
    assert completion.log_probs == pytest.approx(expected, abs=1e-4)


def test_without_a_copy_there_is_nothing_to_update(backend):
    sampling = Sampling(max_tokens=4, seeds=SEEDS)
    before = backend.generate(PROMPTS, sampling)
    backend.update_weights()
    assert backend.generate(PROMPTS, sampling) == before


def test_an_unknown_rollout_dtype_is_an_error(tiny_dir):
    with pytest.raises(ConfigError, match="bfloat16"):
        TransformersBackend.from_pretrained(tiny_dir, device="cpu", rollout_dtype="bfloat17")


@pytest.fixture
def rows_read(backend):
    """The number of rows in each forward pass of the model."""
    rows = []
    hook = backend.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    yield rows
    hook.remove()


def test_greedy_decoding_says_the_same_to_the_same_prompt_and_works_once(backend, rows_read):
    together = backend.generate(PROMPTS, GREEDY)
    assert max(rows_read) == len(set(map(tuple, PROMPTS))) < len(PROMPTS)
    assert [c.token_ids for c in together] == [backend.generate([p], GREEDY)[0].token_ids for p in PROMPTS]


def test_greedy_replies_are_remembered_where_that_is_asked_for(backend, rows_read):
    remembering = TransformersBackend(backend.model, backend.tokenizer, remember=True)
    first = remembering.generate(PROMPTS[:3], GREEDY)
    assert first == backend.generate(PROMPTS[:3], GREEDY)
    rows_read.clear()
    assert remembering.generate(PROMPTS[2::-1], GREEDY) == first[::-1]
    assert not rows_read
    for other in (Sampling(max_tokens=7, temperature=0), Sampling(max_tokens=6, seeds=SEEDS)):
        assert remembering.generate(PROMPTS, other) == backend.generate(PROMPTS, other)
    assert remembering.generate([], GREEDY) == []


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_no_reply_ends_before_min_tokens(backend, temperature):
    free = Sampling(max_tokens=24, temperature=temperature, seeds=tuple(range(36)))
    least = replace(free, min_tokens=8)
    pairs = list(zip(backend.generate(PROMPTS * 6, free), backend.generate(PROMPTS * 6, least), strict=True))
    short = [longer for reply, longer in pairs if len(reply.token_ids) <= 8]
    assert short
    for longer in short:
        assert len(longer.token_ids) > 8
        assert not {2, 3} & set(longer.token_ids[:8])
    if temperature == 0:
        assert all(reply.token_ids == longer.token_ids for reply, longer in pairs if len(reply.token_ids) > 8)


def test_a_backend_that_is_trained_cannot_remember(tiny_dir):
    spec = {"kind": "transformers", "model": str(tiny_dir), "remember": True}
    with pytest.raises(ConfigError, match="remember"):
        MemoryAgent({"agent": "MemoryAgent", "backends": {"main": spec}, "modules": {"read": {"status": "trained"}}})
