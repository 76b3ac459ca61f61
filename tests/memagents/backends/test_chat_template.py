from __future__ import annotations

import pytest
import transformers

from memagents.backends.chat_template import encode_chat
from memgym.errors import ConfigError

CHAT = [
    {"role": "system", "content": "the cat is red"},
    {"role": "user", "content": "what colour"},
    {"role": "assistant", "content": "blue"},
    {"role": "user", "content": "not blue"},
]


@pytest.fixture
def tokenizer(tiny_dir):
    return transformers.AutoTokenizer.from_pretrained(tiny_dir)


def test_a_models_own_template_is_used(tokenizer):
    ids = encode_chat(tokenizer, CHAT[1:2])
    assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", "<unk>", "what", "colour", "</s>", "<s>"]


def test_a_model_without_a_template_gets_the_plain_one(plain_dir):
    tokenizer = transformers.AutoTokenizer.from_pretrained(plain_dir)
    expected = "<s>System: the cat is red\n\nUser: what colour\n\nAssistant: blue\n\nUser: not blue\n\nAssistant:"
    assert encode_chat(tokenizer, CHAT) == tokenizer(expected, add_special_tokens=False).input_ids
    assert encode_chat(tokenizer, CHAT)[0] == tokenizer.bos_token_id
    tokenizer.bos_token = None
    assert encode_chat(tokenizer, CHAT) == tokenizer(expected[3:], add_special_tokens=False).input_ids


def test_the_plain_template_keeps_content_as_it_is(smollm2):
    tokenizer = transformers.AutoTokenizer.from_pretrained(smollm2)
    tokenizer.chat_template = None
    content = "  {{ braces }} {% if %}\n\n<tag> é \t"
    shown = tokenizer.decode(encode_chat(tokenizer, [{"role": "user", "content": content}]))
    assert shown == f"<|im_start|>User: {content}\n\nAssistant:"


def test_a_refusal_of_the_template_is_one_clear_error(tokenizer):
    tokenizer.chat_template = "{{ raise_exception('no system messages') }}"
    with pytest.raises(ConfigError, match=r"refuses messages of the roles system, user.*: no system messages"):
        encode_chat(tokenizer, CHAT)
