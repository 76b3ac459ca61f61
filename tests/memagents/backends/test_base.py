from __future__ import annotations

import json

import pytest

from memagents.backends import Completion, Sampling, TokenBackend
from memgym.errors import ConfigError
from memgym.protocol.actions import ACTION_SCHEMAS


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "1"),
        ("top_p", 0),
        ("top_p", 1.1),
        ("top_p", True),
        ("top_k", -1),
        ("min_tokens", 513),
        ("seeds", (-1,)),
        ("seeds", (3, "x")),
        ("seeds", [3]),
        ("seeds", 3),
    ],
)
def test_a_sampling_out_of_range_is_refused_at_construction(option, value):
    with pytest.raises(ConfigError, match=option):
        Sampling(**{option: value})


def test_every_prompt_has_the_seed_given_or_a_fresh_one():
    assert Sampling(seeds=(7, 0, 7)).seeds_of(3) == [7, 0, 7]
    fresh = [*Sampling().seeds_of(500), *Sampling().seeds_of(500)]
    assert len(set(fresh)) > 990
    assert all(0 <= seed < 2**32 for seed in fresh)
    assert Sampling().seeds_of(0) == Sampling(seeds=()).seeds_of(0) == []
    with pytest.raises(ConfigError, match="2 seeds for 3 prompts"):
        Sampling(seeds=(7, 0)).seeds_of(3)


@pytest.mark.parametrize("phase", ACTION_SCHEMAS)
def test_a_grammar_is_told_all_of_a_schema_but_that_items_are_unique(phase):
    schema = ACTION_SCHEMAS[phase]
    told = json.dumps(Sampling(json_schema=schema).grammar_schema)
    assert told == json.dumps(schema).replace(', "uniqueItems": true', "")
    assert "uniqueItems" not in told


def test_a_chat_is_encoded_once_and_generated():
    class Letters(TokenBackend):
        def encode(self, messages):
            return [ord(letter) for letter in messages[-1]["content"]]

        def decode(self, token_ids):
            return "".join(map(chr, token_ids))

        def demonstrate(self, messages, text):
            return Completion(text, self.encode(messages), [ord(letter) for letter in text], [], "stop")

        def generate(self, prompts, sampling):
            return [Completion(self.decode(p), p, p, [0.0] * len(p), "stop") for p in prompts]

    batch = [[{"role": "user", "content": text}] for text in ("ab", "c")]
    assert [completion.prompt_ids for completion in Letters().chat(batch, Sampling())] == [[97, 98], [99]]
