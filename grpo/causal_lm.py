"""A causal language model as a policy: log-probabilities of the response tokens only, at the least cost.

- The vocabulary projection runs over response positions only, in tiles: logits are never held
  (:mod:`grpo.token_log_probs`).
- What several prompts begin with runs once: of a group's prompts the whole, or all that comes before what an episode
  has made of its own. Its keys and values are repeated for what follows; the gradient flows back through them.
- Logits and log-softmax are float32 even under bfloat16 autocast, or with bfloat16 weights.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Self

import torch
from tensordict import TensorDict
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from grpo.errors import ConfigError, MissingExtraError
from grpo.masks import attention_mask
from grpo.policies import TrainablePolicy
from grpo.prefixes import Prompts
from grpo.projection import projects_only
from grpo.token_log_probs import token_log_probs

logger = logging.getLogger(__name__)

REPEAT_COST = 0.1
"""Of a token in one more row: keys and values by head, against all that a layer keeps of a token for the backward pass
(0.03 to 0.14 of it in Llamas and Qwen3s of any size). Where layers are recomputed, one at a time holds them."""

_ADAPTER = "default"
"""PEFT's name of the adapter that is trained."""


class CausalLM(TrainablePolicy):
    """A Transformers causal language model (or its PEFT wrapper) as a policy.

    Args:
        model: The model; what is trained of it is float32 (for speed set the trainer's ``precision = "bf16"``, which is
            autocast: bfloat16 weights would lose small updates).
        temperature: The sampling temperature, so that log-probabilities are those of the sampler.
        share_prefixes: Whether what prompts have in common at their beginning is computed once.
        gradient_checkpointing: Whether decoder layers are recomputed in the backward pass.

    Raises:
        ConfigError: trained parameters that are not float32, or a model whose logits are more than one projection.
    """

    model: Any  # PreTrainedModel or PeftModel; torch's stubs know nothing of a module's own members

    def __init__(
        self,
        model: nn.Module,
        temperature: float = 1.0,
        share_prefixes: bool = True,
        gradient_checkpointing: bool = False,
    ):
        super().__init__()
        _check_model(model)
        self.model = model
        self.temperature = temperature
        from grpo.wide_attention import widen  # needs Transformers, which is there where a model of its is

        widen(self.base)
        if gradient_checkpointing:
            _recompute_layers(self.base)
        if share_prefixes and _can_share(self.base, gradient_checkpointing):
            self.repeat_cost = 0.0 if gradient_checkpointing else REPEAT_COST

    @classmethod
    def from_pretrained(cls, path: str, lora_rank: int = 0, **kwargs: Any) -> Self:
        """Load a Transformers model directory in float32.

        Args:
            path: The directory, or a hub name.
            lora_rank: If not 0, LoRA adapters of this rank are trained instead of the model's weights.
            kwargs: Arguments of the class.
        """
        try:
            from transformers import AutoModelForCausalLM
        except ImportError as error:
            raise MissingExtraError("a causal LM policy", "transformers") from error
        safely = {"trust_remote_code": False, "weights_only": True}
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **safely)
        return cls(add_lora(model, lora_rank) if lora_rank else model, **kwargs)

    def log_probs(self, batch: TensorDict) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy of every response token: ``[N, R]`` float32, 0 outside the mask."""
        mask = batch["response_mask"]
        hidden = self._shared_hidden(batch) if self.repeat_cost is not None else None
        if hidden is None:
            hidden = self._plain_hidden(batch)
        head = self.base.get_output_embeddings()
        flat = token_log_probs(hidden[mask], head, batch["response_ids"][mask], self.temperature)
        log_prob, entropy = (hidden.new_zeros(mask.shape, dtype=torch.float32).masked_scatter(mask, x) for x in flat)
        return log_prob, entropy

    @property
    def has_reference(self) -> bool:
        """Whether the model has LoRA adapters, which can be switched off."""
        peft = sys.modules.get("peft")  # what has adapters has imported it
        return peft is not None and isinstance(self.model, peft.PeftModel)

    @torch.no_grad()
    def reference_log_probs(self, batch: TensorDict) -> Tensor:
        """Return the log-probabilities ``[N, R]`` with the LoRA adapters off.

        Raises:
            ConfigError: the model has no adapters.
        """
        if not self.has_reference:
            return super().reference_log_probs(batch)
        with self.model.disable_adapter():
            return self.log_probs(batch)[0]

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield what is trained, by its name in the model without a PEFT wrapper: each parameter whole, on every rank.

        All ranks must go through it together, as those that are split among them are gathered, one at a time.
        """
        for name, parameter in self.base.named_parameters():
            if parameter.requires_grad:
                yield name, _whole(parameter)

    @torch.no_grad()
    def merged_weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all parameters, as a model without adapters names them, with the adapters merged into what they adapt.

        Each is whole, on every rank; all ranks must go through it together.
        """
        for name, parameter in self.base.named_parameters():
            module, adapted, _ = name.rpartition(".base_layer.weight")
            if adapted:
                delta = _whole(self.base.get_submodule(module).get_delta_weight(_ADAPTER))
                yield f"{module}.weight", (_whole(parameter).float() + delta.float()).to(parameter.dtype)
            elif f".{_ADAPTER}." not in name:
                yield name.replace(".base_layer.", "."), _whole(parameter)

    def use_flash_attention(self) -> None:
        """Attend by FlashAttention-2 from now on, where it is installed and fits the model; for bfloat16 on a card."""
        from transformers.utils import is_flash_attn_2_available

        if is_flash_attn_2_available():
            try:
                self.base.set_attn_implementation("flash_attention_2")
            except ValueError as error:
                logger.info("no FlashAttention-2 for this model: %s", error)

    def shards(self) -> Iterable[nn.Module]:
        """Return the decoder layers."""
        return self.base.get_decoder().layers

    @property
    def base(self) -> Any:  # PreTrainedModel; torch's stubs know nothing of a module's own members
        """The Transformers model, without its PEFT wrapper."""
        return self.model.get_base_model() if self.has_reference else self.model

    def _decode(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any = None) -> Tensor:
        decoder = self.base.get_decoder()
        seen = attention_mask(self.base, mask.long(), ids.shape[1])
        inputs = {"input_ids": ids, "attention_mask": seen, "position_ids": positions, "use_cache": False}
        if cache is not None:
            from grpo.prefix_cache import cache_name

            inputs[cache_name(decoder)] = cache
        return decoder(**inputs).last_hidden_state

    def _plain_hidden(self, batch: TensorDict) -> Tensor:
        """Return the states ``[N, R, H]`` that predict each response token, from whole rows."""
        ids = torch.cat([batch["prompt_ids"], batch["response_ids"][:, :-1]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["response_mask"][:, :-1]], 1)
        return self._decode(ids, mask, _positions(mask))[:, batch["prompt_ids"].shape[1] - 1 :]

    def _shared_hidden(self, batch: TensorDict) -> Tensor | None:
        """Return the same states with each shared beginning run once; None if that would save nothing."""
        from transformers.cache_utils import Cache

        from grpo.prefix_cache import RecordingLayer, repeat

        prompts = Prompts.cut(batch["prompt_ids"], batch["prompt_mask"])
        if prompts.tokens >= batch["prompt_ids"].numel() and not self.uniform_passes:
            return None
        recorded = [RecordingLayer() for _ in self.shards()]
        seen = prompts.prefix_mask.clone()
        seen[:, -1] = True  # a pass over nothing would be undefined; an empty prefix is masked again below
        unused = self._decode(prompts.prefix_ids, seen, _positions(seen), Cache(layers=[*recorded]))
        ids = torch.cat([prompts.rest_ids, batch["response_ids"][:, :-1]], 1)  # the last token predicts nothing
        mask = torch.cat([prompts.prefix_mask[prompts.group], prompts.rest_mask, batch["response_mask"][:, :-1]], 1)
        positions = _positions(mask)[:, seen.shape[1] :]
        states = self._decode(ids, mask, positions, repeat(recorded, prompts.group))
        if self.uniform_passes:  # sharded layers are gathered when a gradient, here of zeros, comes to their output
            states = states + 0 * torch.where(seen[..., None], unused, 0.0).mean()
        return states[:, prompts.rest_ids.shape[1] - 1 :]


def add_lora(model: nn.Module, rank: int) -> nn.Module:
    """Return ``model`` frozen, with float32 LoRA adapters of ``rank`` to train (Hu et al., arXiv 2106.09685).

    They are on all linear layers; their product is scaled by α / rank = 2.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingExtraError("LoRA", "peft") from error
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config, _ADAPTER)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _positions(mask: Tensor) -> Tensor:
    return (mask.long().cumsum(1) - 1).clamp(min=0)


def _recompute_layers(model: Any) -> None:
    # Transformers 5.23 renamed the method.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def _can_share(model: Any, gradient_checkpointing: bool) -> bool:
    """Return whether prompts can run apart: full attention only, and layers that may be recomputed with a cache."""
    full = set(getattr(model.config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
    full = full and hasattr(model.get_decoder(), "layers")  # GPT-2 and BLOOM name them otherwise
    if getattr(model.config, "sliding_window", None) and not getattr(model.config, "layer_types", None):
        full = False
    if full and gradient_checkpointing:
        layers = model.get_decoder().layers
        # Transformers drops the cache in recomputed layers unless told that reading it twice is harmless.
        full = all(hasattr(layer, "_can_checkpoint_with_cache") for layer in layers)
        for layer in layers if full else ():
            layer._can_checkpoint_with_cache = True
    return full


def _check_model(model: Any) -> None:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and parameter.dtype != torch.float32:
            raise ConfigError(
                f"{name} is trained in {parameter.dtype}, which loses small updates: load the model in float32 and set "
                "the trainer's precision to 'bf16'"
            )
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not projects_only(base):
        raise ConfigError(
            f"{type(base).__name__} is not supported: its logits are more than its head applied to its last states "
            "(they are scaled or capped, say), and their log-probabilities would be others here"
        )
