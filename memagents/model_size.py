"""How much memory a language model takes, from its configuration alone: no weights are read or made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM

from grpo.causal_lm import CausalLM
from memagents.backends.local import cannot_load

_SHORT, _LONG = 128, 256
"""Tokens of the passes that are compared; how many does not matter, as what is kept of a token is always the same."""


class ModelSize:
    """Sizes of a Transformers causal language model.

    Args:
        config: its configuration.
    """

    def __init__(self, config: Any):  # PretrainedConfig
        self.config = config
        self._kept: dict[tuple[int, bool, bool], int] = {}

    @classmethod
    def of(cls, path: str) -> ModelSize:
        """Read the configuration of a model directory or hub name.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return cls(AutoConfig.from_pretrained(path, trust_remote_code=False))
        except Exception as error:  # of whatever kind: hubs and configurations have errors of their own
            raise cannot_load(path, error) from None

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, tied ones once."""
        return sum(parameter.numel() for parameter in self._empty.parameters())

    def adapters(self, rank: int) -> int:
        """Return the number of parameters of LoRA adapters on all linear layers but the head."""
        head = self._empty.get_output_embeddings()
        linear = [each for each in self._empty.modules() if isinstance(each, nn.Linear) and each is not head]
        return rank * sum(each.in_features + each.out_features for each in linear)

    def cache_bytes(self, element: int) -> int:
        """Return the bytes of keys and values of a token, at so many bytes an element; windows count as full layers."""
        text = self.config.get_text_config()
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        return 2 * text.num_hidden_layers * heads * width * element

    def reading_bytes(self) -> int:
        """Return roughly the bytes of a token in a pass without gradient, in bfloat16: a layer's widest states."""
        text = self.config.get_text_config()
        return 2 * (6 * text.hidden_size + 3 * (getattr(text, "intermediate_size", None) or 4 * text.hidden_size))

    def kept_bytes(self, bf16: bool, recompute: bool) -> int:
        """Return the bytes that a forward pass keeps of each token for the backward pass; adapters make no difference.

        Args:
            bf16: under autocast.
            recompute: with gradient checkpointing; a layer that is recomputed comes on top, once.
        """
        one, two = (self._of_a_token(layers, bf16, recompute) for layers in (1, 2))
        layers = self.config.get_text_config().num_hidden_layers
        kept = one + (layers - 1) * (two - one)
        return kept + self._of_a_token(1, bf16, False) if recompute else kept

    @cached_property
    def _empty(self) -> Any:  # PreTrainedModel
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(self.config)

    def _of_a_token(self, *how: Any) -> int:
        if how not in self._kept:
            self._kept[how] = self._measured(*how)
        return self._kept[how]

    def _measured(self, layers: int, bf16: bool, recompute: bool) -> int:
        """Return what is kept of a token by a model of so many layers."""
        config = self.config.get_text_config()
        shorter = config.to_dict() | {"num_hidden_layers": layers}
        if shorter.get("layer_types"):
            shorter["layer_types"] = shorter["layer_types"][:layers]
        with FakeTensorMode():
            model = AutoModelForCausalLM.from_config(type(config)(**shorter), dtype=torch.float32)
            policy = CausalLM(model, gradient_checkpointing=recompute).train()
            model.set_attn_implementation("sdpa")  # as on a card: grpo.wide_attention keeps more, on a CPU alone
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                short, long = (_kept(policy, tokens) for tokens in (_SHORT, _LONG))
        return (long - short) // (_LONG - _SHORT)


def _kept(policy: CausalLM, tokens: int) -> int:
    """Return the bytes that a pass over so many tokens keeps; the mask, which all layers share, is left out."""
    ids = torch.zeros(1, tokens, dtype=torch.long)
    mask = torch.ones(1, 1, tokens, tokens, dtype=torch.bool)
    with _noted() as kept:
        policy.base.get_decoder()(input_ids=ids, attention_mask=mask, position_ids=ids, use_cache=False)
    sizes = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in kept}
    sizes.pop(mask.untyped_storage()._cdata, None)
    return sum(sizes.values())


@contextmanager
def _noted() -> Iterator[list[torch.Tensor]]:
    """Yield the list of what is kept for the backward pass meanwhile."""
    kept: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield kept
