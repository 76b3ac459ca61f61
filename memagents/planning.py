"""What a training recipe needs of a card and of the disk, reckoned from its settings before anything is loaded.

Sizes follow from the model's configuration (:mod:`memagents.model_size`); nothing here is measured on a card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grpo.token_log_probs import TILE
from memagents.agents import agent_class
from memagents.backends import check_backend
from memagents.backends.local import find_model
from memagents.backends.prefill import PASS_TOKENS
from memagents.backends.transformers_backend import BATCH_TOKENS
from memagents.model_size import ModelSize
from memagents.modules import module_class
from memagents.recipes import read_recipe
from memagents.training_recipes import TrainingRecipe, maker_name, read_training_recipe
from memgym.checks import check_choice, check_int, check_number
from memgym.errors import ConfigError

GB = 10**9
_CUDA = 1.5 * GB
"""CUDA's context, the kernels' workspaces, and what the allocator cannot use."""
_ELEMENT = {"float32": 4, "bfloat16": 2, "float16": 2}
_ADAM = 2  # moments, float32
_VLLM_SHARE = 0.9  # of the card, unless gpu_memory_utilization says otherwise
_LOGITS = 4  # copies of a tile's logits in float32, in the backward pass
_SAMPLED = 24  # bytes that sampling takes of each logit of a row: float32 tables and a float64 sum


@dataclass(frozen=True)
class Need:
    """A part of what a run takes.

    Args:
        what: in words, with the setting that it follows from.
        playing: bytes while episodes are collected and validated.
        learning: bytes while the policy is updated.
    """

    what: str
    playing: float
    learning: float


@dataclass(frozen=True)
class Plan:
    """What a run takes of one card, part by part, and of the disk.

    Args:
        needs: the parts; none where no language model is trained.
        parameters: of the trained model.
        trained: how many of them are trained, or of adapters beside them.
        disk: bytes of checkpoints and of the saved model.
    """

    needs: tuple[Need, ...]
    parameters: int = 0
    trained: int = 0
    disk: float = 0

    @property
    def playing(self) -> float:
        """Bytes while episodes are collected and validated."""
        return sum(need.playing for need in self.needs)

    @property
    def learning(self) -> float:
        """Bytes while the policy is updated."""
        return sum(need.learning for need in self.needs)

    @property
    def peak(self) -> float:
        """Bytes that the card must have."""
        return max(self.playing, self.learning)


def plan(recipe: TrainingRecipe, ranks: int = 1, card: float = 80 * GB) -> Plan:
    """Reckon what a recipe takes of each of so many cards.

    Args:
        recipe: what is to be trained.
        ranks: processes, each with a card of its own.
        card: bytes of a card, of which a vLLM engine takes its share.

    Raises:
        ConfigError: a model's configuration cannot be read, or the recipe's parts do not exist or do not fit.
    """
    check_int("ranks", ranks, 1)
    check_number("card", card, 0, above=True)
    return _plan(recipe, ranks, card, {})


def _plan(recipe: TrainingRecipe, ranks: int, card: float, known: dict[str, ModelSize]) -> Plan:
    trained, asked = _backends(recipe)
    if trained is None:
        return Plan(())
    tables = recipe.content["backends"]
    for name in asked:
        _check_table(name, tables[name])
    sizes = {name: _size(tables[name]["model"], known) for name in asked}
    run, size, overlap = recipe.run, sizes[trained], recipe.run.trainer.overlap
    learned = size.adapters(run.lora_rank) if run.lora_rank else size.parameters
    needs = [Need("CUDA itself", _CUDA, _CUDA)]
    needs += _weights(recipe, tables[trained], size, learned, ranks)
    for name in asked:
        mine = name == trained
        table = (
            {"rollout_dtype": tables[name].get("dtype", "auto"), **tables[name]} if mine and overlap else tables[name]
        )
        sampler = _sampler(name, table, sizes[name], mine, run.groups * run.group_size, card)
        needs += (replace(need, learning=max(need.playing, need.learning)) if overlap else need for need in sampler)
    needs += _activations(recipe, size)
    checkpoints = run.trainer.keep + 1 + bool(run.trainer.best_metric)  # one is written before another goes
    disk = checkpoints * learned * 4 * (1 + _ADAM) + size.parameters * 4
    return Plan(tuple(need for need in needs if need.playing or need.learning), size.parameters, learned, disk)


def mend(source: str, settings: Sequence[str], ranks: int, card: float) -> list[str] | None:
    """Return the settings, in words for the command line, with which a recipe fits a card; None where none are found.

    Each is tried on top of those before it, if it makes what does not fit smaller.
    """
    chosen: list[str] = []
    known: dict[str, ModelSize] = {}
    now = _plan(read_training_recipe(source, settings), ranks, card, known)
    for setting in _smaller(read_training_recipe(source, settings)):
        if now.peak <= card:
            break
        then = _plan(read_training_recipe(source, [*settings, *chosen, setting]), ranks, card, known)
        phase = "learning" if now.learning > card else "playing"
        if getattr(then, phase) < 0.95 * getattr(now, phase):
            key = setting.split("=")[0]
            chosen, now = [*(old for old in chosen if not old.startswith(f"{key}=")), setting], then
    return chosen if now.peak <= card else None


def _smaller(recipe: TrainingRecipe) -> Iterator[str]:
    """Yield settings that need less, those that cost least first."""
    tables = recipe.content.get("backends", {})
    trained, asked = _backends(recipe)
    if trained is not None and tables[trained].get("kind") == "transformers":
        yield f"backends.{trained}.rollout_dtype=bfloat16"
    yield "gradient_checkpointing=true"
    for part in (2, 4, 8):
        for name in asked:
            if tables[name].get("kind") == "transformers":
                yield f"backends.{name}.batch_tokens={_batch_tokens(tables[name]) // part}"
        yield f"micro_tokens={recipe.run.trainer.micro_tokens // part}"
    yield "lora_rank=32"


def _backends(recipe: TrainingRecipe) -> tuple[str | None, list[str]]:
    """Return the name of the backend that is trained, and those of all local ones that are asked."""
    read = read_recipe(recipe.agent)
    own = agent_class(read.agent).modules
    trained, asked = None, []
    for phase in {**own, **read.modules}:
        assignment = read.assign(phase, own.get(phase, {}))
        if not module_class(assignment.module).needs_backend:
            continue
        name = read.backend_name(phase, assignment.backend, [])
        if "model" in read.backends[name] and read.backends[name].get("kind") != "openai":
            asked.append(name)
            trained = name if assignment.status == "trained" else trained
    return trained, list(dict.fromkeys(asked))


def _check_table(name: str, table: Mapping[str, Any]) -> None:
    """Check what is reckoned with of a backend's table.

    Raises:
        ConfigError: naming what does not fit.
    """
    check_backend(table)
    where = f"backends.{name}."
    if not isinstance(engine := table.get("engine", {}), Mapping):
        raise ConfigError(f"{where}engine = {engine!r} must be a table, such as {{ gpu_memory_utilization = 0.4 }}")
    check_number(f"{where}engine.gpu_memory_utilization", engine.get("gpu_memory_utilization", _VLLM_SHARE), 0, 1)
    check_int(f"{where}batch_tokens", _batch_tokens(table), 1)
    for key in ("dtype", "rollout_dtype"):
        check_choice(f"{where}{key}", table.get(key, "auto"), ("auto", *_ELEMENT))


def _size(model: str, known: dict[str, ModelSize]) -> ModelSize:
    """Return a model's sizes, reckoned once."""
    if model not in known:
        known[model] = ModelSize.of(_model_path(model))
    return known[model]


def _model_path(name: str) -> str:
    """Return where a model's configuration is; of one that a training run is yet to make, that of what it starts from.

    Raises:
        ConfigError: there is no such model.
    """
    try:
        return find_model(name)
    except ConfigError:
        if not isinstance(name, str):
            raise
        if (Path(name) / "config.json").is_file():  # all that is needed here
            return name
        maker = maker_name(name)
        if maker is None:
            raise
        before = read_training_recipe(maker)
        trained, _ = _backends(before)
        return _model_path(before.content["backends"][trained]["model"])


def _weights(
    recipe: TrainingRecipe, table: Mapping[str, Any], size: ModelSize, learned: int, ranks: int
) -> Iterator[Need]:
    run = recipe.run
    split = ranks if run.trainer.strategy == "fsdp" else 1
    element = 4 if table.get("kind") == "vllm" or not run.lora_rank else _element(table.get("dtype", "auto"))
    held = (size.parameters * element + (4 * learned if run.lora_rank else 0)) / split
    yield Need(f"weights, {size.parameters / 1e9:.2f} billion parameters", held, held)
    yield Need("gradients", 0, 4 * learned / split)
    yield Need("Adam's moments", 4 * _ADAM * learned / split, 4 * _ADAM * learned / split)
    if run.trainer.loss.needs_reference and not run.lora_rank:
        yield Need("reference for the KL", 4 * size.parameters / split, 4 * size.parameters / split)
    if run.trainer.precision != "float32":
        yield Need("weights rounded to bfloat16 for an update", 0, 2 * size.parameters)


def _sampler(
    name: str, table: Mapping[str, Any], size: ModelSize, trained: bool, rows: int, card: float
) -> Iterator[Need]:
    if table.get("kind") == "vllm":
        share = table.get("engine", {}).get("gpu_memory_utilization", _VLLM_SHARE)
        yield Need(f"{name}: vLLM, gpu_memory_utilization = {share}", share * card, 0)
        return
    dtype = table.get("rollout_dtype") or table.get("dtype", "auto") if trained else table.get("dtype", "auto")
    if not trained:
        yield Need(f"{name}: frozen weights", size.parameters * _element(dtype), size.parameters * _element(dtype))
    elif table.get("rollout_dtype"):
        copied = size.parameters * _element(dtype)
        yield Need(f"{name}: copy to sample from, rollout_dtype = {dtype}", copied, copied)
    tokens = _batch_tokens(table)
    yield Need(f"{name}: keys and values, batch_tokens = {tokens:,}", tokens * size.cache_bytes(_element(dtype)), 0)
    reading = min(tokens, PASS_TOKENS) * size.reading_bytes() * _element(dtype) / 2
    yield Need(f"{name}: reading prompts, and sampling", reading + rows * _vocabulary(size) * _SAMPLED, 0)


def _activations(recipe: TrainingRecipe, size: ModelSize) -> Iterator[Need]:
    run = recipe.run
    kept = size.kept_bytes(run.trainer.precision != "float32", run.gradient_checkpointing)
    what = f"activations, micro_tokens = {run.trainer.micro_tokens:,}"
    yield Need(what, 0, kept * run.trainer.micro_tokens)
    yield Need("logits of a tile", 0, _LOGITS * 4 * TILE["cuda"])


def _vocabulary(size: ModelSize) -> int:
    return size.config.get_text_config().vocab_size


def _batch_tokens(table: Mapping[str, Any]) -> int:
    return table.get("batch_tokens", BATCH_TOKENS)


def _element(dtype: str) -> int:
    return _ELEMENT.get(dtype, 2)  # "auto" is bfloat16 on a card, as is a precision that is "auto"
