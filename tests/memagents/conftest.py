"""What the tests of memagents share: a scripted model with a lossy tokenizer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import torch

from memagents.backends.base import Backend, Completion, Messages, Sampling, TrainableBackend
from memgym.errors import ConfigError

torch.set_num_threads(1)

END = 1


class ScriptedBackend(TrainableBackend):
    """A model that plays sensibly, with one token per character and two tokens that decode to the same character.

    What it says depends on the prompt alone. It samples odd tokens where encoding gives even ones, so whoever decodes
    and encodes again gets other tokens.
    """

    def __init__(
        self, reply: Callable[[str], str] | None = None, context: int = 10**9, opening: str = "", truncate: bool = False
    ):
        self.reply = reply or plausible_reply
        self.context = context
        self.opening = opening
        self.truncate = truncate
        self.batches: list[tuple[list[str], Sampling]] = []

    def update_weights(self, named_tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
        """It has none."""

    def encode(self, messages: Messages) -> list[int]:
        text = "".join(f"{message['role']}: {message['content']}\n" for message in messages) + self.opening
        return [2 * ord(character) + 2 for character in text]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(chr((token - 2) // 2) for token in token_ids if token != END)

    def demonstrate(self, messages: Messages, text: str) -> Completion:
        reply = [2 * ord(character) + 2 for character in text] + [END]
        return Completion(text, self.encode(messages), reply, [], "stop")

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Completion]:
        for prompt in prompts:
            if len(prompt) > self.context and not self.truncate:
                raise ConfigError(f"a prompt has {len(prompt)} tokens, the model reads {self.context}")
        self.batches.append(([self.decode(prompt) for prompt in prompts], sampling))
        return [self._complete(list(prompt), sampling) for prompt in prompts]

    def _complete(self, prompt: list[int], sampling: Sampling) -> Completion:
        truncated = len(prompt) > self.context
        prompt = prompt[-self.context :]
        said = self.reply(self.decode(prompt))
        noise = hashlib.sha256(said.encode()).digest()
        tokens = [2 * ord(c) + 2 + (noise[i % 32] & 1) for i, c in enumerate(said)] + [END]
        log_probs = [-(noise[(i + 7) % 32] + 1) / 64 for i in range(len(tokens))]
        tokens, log_probs = tokens[: sampling.max_tokens], log_probs[: sampling.max_tokens]
        finish = "stop" if tokens[-1] == END else "length"
        return Completion(self.decode(tokens), prompt, tokens, log_probs, finish, truncated)


class ApiBackend(Backend):
    """The scripted model behind an API: text only."""

    def __init__(self, reply: Callable[[str], str] | None = None):
        self.model = ScriptedBackend(reply)

    def chat(self, batch: Sequence[Messages], sampling: Sampling) -> list[Completion]:
        return [Completion(c.text, [], [], [], c.finish_reason) for c in self.model.chat(batch, sampling)]


def plausible_reply(prompt: str) -> str:
    """Answer any of the built-in prompts in the right form, with contents and lengths that depend on the prompt."""
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    state = prompt.split("Answer with JSON")[0]
    candidates, memories = (list(dict.fromkeys(re.findall(rf"\[({kind}\d+)\]", state))) for kind in "cm")
    if "<phase>" in prompt or "<candidate" in prompt:
        candidates, memories = (re.findall(rf'id="({kind}\d+)"', prompt) for kind in "cm")
    if "memory_list" in prompt:
        texts = re.findall(r"^\[\S+\] (.+)$", state, re.MULTILINE) or re.findall(r"<turn [^>]*>([^<]+)", prompt)
        kept = [text[:80] for i, text in enumerate(texts) if int(digest[i % 64], 16) < 8][:4]
        return json.dumps({"memory_list": [{"key": digest[:2], "value": text} for text in kept]})
    if '"prune"' in prompt:
        rewrite = [{"id": name, "value": digest[:9]} for name in memories[1:2]]
        return json.dumps({"prune": [*candidates[:1], *memories[:1]], "rewrite": rewrite})
    if '"operations"' in prompt:
        operations = [{"id": name, "op": "ADD"} for name in candidates]
        operations += [{"id": name, "op": "UPDATE", "value": digest[:9]} for name in memories[:1]]
        return json.dumps({"operations": operations})
    if "JSON list" in prompt:
        return "<think>which?</think>" + json.dumps(memories[::-1][:3])
    if "section" in prompt:
        return f"memory {digest[: 4 + int(digest[-1], 16)]}"
    if "cited_ids" in prompt:
        return json.dumps({"answer": digest[:3], "cited_ids": memories[:1]})
    if "Useful memories" in prompt:
        return f"Useful memories: none\nAnswer: {digest[:3]}"
    return f"\\boxed{{{digest[:3]}}}" if "boxed" in prompt else f"the {digest[:3]}"


@pytest.fixture
def scripted() -> type[ScriptedBackend]:
    """The class of the scripted model."""
    return ScriptedBackend


@pytest.fixture
def api() -> type[ApiBackend]:
    """The class of the scripted model behind an API."""
    return ApiBackend


def save_tiny(path: Path, kind: str, context: int, template: str | None = None, **sizes: int) -> Path:
    """Save a random model of a class of Transformers, ``Llama`` or ``Qwen3``, with one token per byte; return where."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, "<eos>"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>")
    fast.chat_template = template
    fast.save_pretrained(path)
    torch.manual_seed(0)
    end = vocabulary["<eos>"]
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, **sizes}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(vocabulary), max_position_embeddings=context, eos_token_id=end, pad_token_id=end, **sizes
    )
    getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory) -> Path:
    """A random Llama with 7 thousand parameters and one token per byte, saved as any model directory."""
    return save_tiny(tmp_path_factory.mktemp("model"), "Llama", 8192)


@pytest.fixture(scope="session")
def qwen3_dir(tmp_path_factory) -> Path:
    """The same of Qwen3's architecture, with its switch for thinking in the chat template."""
    template = """{% for message in messages %}{{ message.role }}: {{ message.content }}
{% endfor %}assistant: {% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}"""
    heads = {"num_key_value_heads": 1, "head_dim": 8}
    return save_tiny(tmp_path_factory.mktemp("qwen3"), "Qwen3", 32_768, template, **heads)
