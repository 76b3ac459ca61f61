"""Any causal language model of Transformers, sampled by a loop of our own.

``model.generate`` would honour the checkpoint's sampling defaults, and give log-probabilities only for a copy of all
logits; here what is sampled from is exactly what the caller asked for.
"""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from grpo.precision import computes_in_bfloat16
from memagents.backends.base import Sampling
from memagents.backends.decode import Growing
from memagents.backends.lanes import Lanes, holds_lanes
from memagents.backends.local import LocalBackend, Sample, cannot_load, find_model, stop_ids
from memagents.backends.prefill import Prompt, Reader
from memagents.backends.sampling import draw, log_distribution, row_uniforms
from memgym.checks import check_int
from memgym.errors import ConfigError, unknown

logger = logging.getLogger(__name__)

BATCH_TOKENS = 32_768
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TransformersBackend(LocalBackend):
    """Samples from a model that is in memory, and that a trainer may train meanwhile.

    What is sampled is up to date, unless it is a copy of the weights (which ``rollout_dtype`` asks for, or a trainer
    that splits the model): that is so after :meth:`update_weights`.

    What a prompt gets depends on its seed alone, whatever the batches (up to rounding: a draw within 1e-6 or so of the
    border between two tokens can fall on either side).

    Args:
        model: a Transformers causal language model, or its PEFT wrapper.
        tokenizer: its tokenizer.
        batch_tokens: the most tokens, prompts and completions together, that are in the key-value cache at once.
        truncate: whether a prompt that leaves no room for ``max_tokens`` loses its middle; else it is an error.
        rollout_dtype: a key of :data:`DTYPES` to sample from a copy of the weights in it, while the model itself is
            trained in float32; half the time in ``bfloat16``, if the device computes in it. ``auto`` is that where it
            does, and None where it does not. None for no copy.
        remember: see :class:`~memagents.backends.local.LocalBackend`.
        template_options: see there.

    Raises:
        ConfigError: an option does not fit.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        batch_tokens: int = BATCH_TOKENS,
        truncate: bool = False,
        rollout_dtype: str | None = None,
        remember: bool = False,
        template_options: Mapping[str, Any] | None = None,
    ):
        check_int("batch_tokens", batch_tokens, 1)
        if rollout_dtype not in (None, "auto", *DTYPES):
            raise unknown("rollout_dtype", rollout_dtype, ("auto", *DTYPES))
        unwrap: Any = getattr(model, "get_base_model", lambda: model)
        base: PreTrainedModel = unwrap()
        limit = getattr(base.config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
        super().__init__(tokenizer, limit, truncate, remember, template_options)
        self.model = model
        self.batch_tokens = batch_tokens
        fast = computes_in_bfloat16(model.device)
        self.rollout_dtype = ("bfloat16" if fast else None) if rollout_dtype == "auto" else rollout_dtype
        sampled = DTYPES[self.rollout_dtype] if self.rollout_dtype else model.dtype
        if sampled == torch.bfloat16 and not fast:
            logger.warning(
                "%s does not compute in bfloat16: replies take many times as long as in float32", model.device
            )
        self._base = self._sampled = base
        self._lanes: Lanes | None = None
        self._stop_ids = stop_ids(tokenizer, getattr(base.generation_config, "eos_token_id", None))

    @classmethod
    def from_pretrained(
        cls,
        model: str | os.PathLike,
        dtype: str = "auto",
        device: str = "auto",
        batch_tokens: int = BATCH_TOKENS,
        truncate: bool = False,
        rollout_dtype: str | None = None,
        remember: bool = False,
        template_options: Mapping[str, Any] | None = None,
    ) -> TransformersBackend:
        """Load a model and its tokenizer.

        Args:
            model: ``smollm2``, a model directory, or a hub name.
            dtype: a key of :data:`DTYPES`; ``auto`` is bfloat16 on a GPU and float32 on a CPU.
            device: what PyTorch calls it; ``auto`` is ``cuda`` if there is one, else ``cpu``. ``cuda`` is the current
                card; where several processes train together, that is each one's own, and none may be numbered.
            batch_tokens: see the class.
            truncate: see the class.
            rollout_dtype: see the class.
            remember: see the class.
            template_options: see the class.

        Raises:
            ConfigError: an option does not fit, or the model cannot be loaded.
        """
        place = _choose_device(device)
        if dtype not in ("auto", *DTYPES):
            raise unknown("dtype", dtype, ("auto", *DTYPES))
        torch_dtype = DTYPES["bfloat16" if place.type == "cuda" else "float32"] if dtype == "auto" else DTYPES[dtype]
        path = find_model(model)
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            found: Any = AutoModelForCausalLM.from_pretrained(
                path, dtype=torch_dtype, output_loading_info=True, trust_remote_code=False, weights_only=True
            )
        except Exception as error:  # of whatever kind: each format of weights and tokenizers has a reader of its own
            raise cannot_load(model, error) from None
        loaded: Any = found[0]
        lacking = sorted(found[1].get("missing_keys", ()))
        if lacking:  # Transformers would make them up
            raise cannot_load(model, ValueError(f"its weights lack {len(lacking)} tensors, {lacking[0]} among them"))
        attention = loaded.config._attn_implementation
        logger.info("model %s: %s on %s with attention %s", model, torch_dtype, place, attention)
        loaded.to(place)
        return cls(loaded, tokenizer, batch_tokens, truncate, rollout_dtype, remember, template_options)

    @torch.no_grad()
    def update_weights(self, named_tensors: Iterable[tuple[str, torch.Tensor]] | None = None) -> None:
        """Bring the copy that is sampled from up to date; where the model itself is, there is nothing to do.

        Args:
            named_tensors: names, without those of a PEFT wrapper, and values of parameters that have changed; by
                default all of the model's.
        """
        if self.rollout_dtype is not None and self._sampled is self._base:
            self.sample_from_copy()
        if self._sampled is self._base:
            return
        mine = dict(self._sampled.named_parameters())
        for name, tensor in self._base.named_parameters() if named_tensors is None else named_tensors:
            mine[name].copy_(tensor)

    def sample_from_copy(self) -> None:
        """Sample from a copy of the weights from now on, in ``rollout_dtype`` if one is set."""
        self._sampled = _copied(self._base, DTYPES[self.rollout_dtype] if self.rollout_dtype else None)
        self._lanes = None

    def sleep(self) -> None:
        """Give up the cache and the captured steps, if there are any."""
        self._lanes = None

    @torch.inference_mode()
    def _sample(self, prompts: list[list[int]], sampling: Sampling) -> list[Sample]:
        keys = [tuple(prompt) for prompt in prompts]
        uniforms = None if sampling.greedy else row_uniforms(len(prompts), sampling)
        samples: list[Any] = [None] * len(prompts)
        training = self._sampled.training
        self._sampled.eval()
        try:
            if holds_lanes(self._sampled):
                self._lanes = self._lanes or Lanes(self._sampled, self._stop_ids, self.batch_tokens)
                return self._lanes.sample(keys, uniforms, sampling, self._teller(prompts))
            for rows in self._batches(keys, sampling.max_tokens):
                batch = self._sample_batch([keys[row] for row in rows], rows, uniforms, sampling)
                for row, sample in zip(rows, batch, strict=True):
                    samples[row] = sample
        finally:
            self._sampled.train(training)
        return samples

    def _batches(self, prompts: list[Prompt], max_tokens: int) -> Iterator[list[int]]:
        """Yield row numbers by falling length, bounded by tokens; prompts that begin alike stay together."""
        order = sorted(range(len(prompts)), key=lambda row: (-(len(prompts[row]) // 64), prompts[row]))
        batch: list[int] = []
        longest = 0
        for row in order:
            longest = max(longest, len(prompts[row]))
            if batch and (len(batch) + 1) * (longest + max_tokens) > self.batch_tokens:
                yield batch
                batch, longest = [], len(prompts[row])
            batch.append(row)
        yield batch

    def _sample_batch(
        self, prompts: list[Prompt], rows: list[int], uniforms: torch.Tensor | None, sampling: Sampling
    ) -> list[Sample]:
        """Sample for prompts that fit into memory together; ``rows`` are their streams' places in ``uniforms``."""
        reader = Reader(self._sampled)
        distinct = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
        state = reader.prefill(list(distinct))
        device = state.logits.device
        stop = torch.tensor(self._stop_ids, dtype=torch.long, device=device)
        streams = None if uniforms is None else uniforms[rows].to(device)
        tokens = torch.zeros(len(rows), sampling.max_tokens, dtype=torch.long, device=device)
        log_probs = torch.zeros(len(rows), sampling.max_tokens, device=device)
        lengths = torch.full((len(rows),), sampling.max_tokens, device=device)
        stopped = torch.zeros(len(rows), dtype=torch.bool, device=device)

        active = torch.arange(len(rows), device=device)
        state = state.select(torch.tensor([distinct[prompt] for prompt in prompts], device=device))
        decoder = Growing(reader, state)
        tell = self._teller(prompts)
        for step in range(sampling.max_tokens):
            logits = decoder.logits
            if step < sampling.min_tokens:
                logits = logits.index_fill(-1, stop, -torch.inf)
            table = log_distribution(logits, sampling)
            token = table.argmax(-1) if streams is None else draw(table, streams[active, step])
            tokens[active, step] = token
            log_probs[active, step] = table.gather(-1, token[:, None]).squeeze(-1)
            if tell is not None:
                tell(tokens[0, : step + 1].tolist())
            ended = torch.isin(token, stop)
            if ended.any():
                lengths[active[ended]] = step + 1
                stopped[active[ended]] = True
                going = _going(ended)
                active, token = active[going], token[going]
                decoder.keep(going)
            if not len(active) or step + 1 == sampling.max_tokens:
                break
            decoder.step(token)
        columns = (tokens.tolist(), log_probs.tolist(), lengths.tolist(), stopped.tolist())
        return [Sample(ids[:n], values[:n], end) for ids, values, n, end in zip(*columns, strict=True)]


def _going(ended: torch.Tensor) -> torch.Tensor:
    """Return the rows that have not ended, the last ones in the places of those that have: so few rows move."""
    count = int((~ended).sum())
    rows = torch.arange(count, device=ended.device)
    rows[ended[:count]] = (~ended[count:]).nonzero().squeeze(-1) + count
    return rows


def _copied(model: PreTrainedModel, dtype: torch.dtype | None) -> PreTrainedModel:
    """Return a copy whose parameters are of ``dtype``, or as they were; buffers, such as rotary frequencies, stay."""
    cast = {id(p): nn.Parameter(p.detach().to(dtype, copy=True), requires_grad=False) for p in model.parameters()}
    return copy.deepcopy(model, cast)


def _choose_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ConfigError(f"argument 'device' must be 'auto' or a PyTorch device such as 'cpu', not {name!r}") from None
    if device.type != "cuda":
        return device
    if device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    if dist.is_initialized() and dist.get_world_size() > 1:
        raise ConfigError(f"device = {name!r} would put the models of all processes on one card: write 'cuda'")
    return device
