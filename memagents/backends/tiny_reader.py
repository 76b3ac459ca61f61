"""``tiny_reader``, a word-level Llama of 0.7 million parameters for the task ``whereabouts``, shipped with the package.

It is small enough to be trained on two CPU cores in minutes. ``tiny_blank`` is the same model before it has learnt
anything. The shipped weights come from it by ``memagents train tiny_reader_imitation``: the
run's folder ``model`` is copied to ``memagents/assets/tiny_reader``.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from memagents.backends.smollm2 import build_once
from memgym.folders import cache_folder

MAX_TOKENS = 256
_SHIPPED = Path(__file__).parents[1] / "assets" / "tiny_reader"
_SIZES: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
}
_END, _UNKNOWN = "<end>", "<unknown>"
_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
_WORD = re.compile(r"\w+|[^\w\s]")


def tiny_reader_dir() -> Path:
    """Return the directory of the shipped model."""
    return _SHIPPED


def tiny_blank_dir() -> Path:
    """Return the directory of the model with random weights; on first use, make it in the cache folder."""
    identity = hashlib.sha256(json.dumps([vocabulary(), _SIZES]).encode()).hexdigest()
    return build_once(cache_folder() / f"tiny-blank-{identity[:12]}", build_blank)


def build_blank(folder: Path) -> None:
    """Save the untrained model, the same every time, and its tokenizer as a Transformers directory."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate([_END, _UNKNOWN, *vocabulary()])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()  # no space before punctuation
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=_END,
        pad_token=_END,
        unk_token=_UNKNOWN,
        chat_template=_TEMPLATE,
        model_max_length=MAX_TOKENS,
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(words),
        max_position_embeddings=MAX_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        **_SIZES,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)


def vocabulary() -> list[str]:
    """Return every word of the task and of the model's prompts, sorted."""
    from memagents.prompts import NO_MEMORY, load_prompt
    from memgym.tasks.procedural.whereabouts import MOVE, PLACES, QUESTIONS, QUIET, THINGS

    prompts = [load_prompt(name).template for name in ("tiny_read", "tiny_answer")]
    texts = [MOVE, QUIET, *QUESTIONS, *THINGS, *PLACES, *prompts, NO_MEMORY]
    return sorted({word for text in texts for word in _WORD.findall(re.sub(r"\{\w+\}|\$\w+", "", text))})
