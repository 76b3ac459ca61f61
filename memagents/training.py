"""The training entry point: from a recipe to a trained policy.

A training recipe is a recipe (:mod:`memagents.recipes`) with three more tables::

    [env]                       # what is played: the id, and any of its arguments
    id = "memgym/RMMReranker-v0"
    difficulty = "easy"

    [train]                     # flat settings: :class:`RunConfig` and grpo's TrainerConfig, or a preset of grpo
    preset = "dr_grpo"
    groups = 8
    lr = 1e-3

    [validation]                # :class:`ValidationConfig`; how often is validate_every in [train]
    episodes = 50

Settings on the command line are those of ``[train]`` by their name (``lr=1e-4``), and any other by its path
(``env.difficulty=hard``, ``modules.retrieve.picks=3``).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from torch import nn

from grpo import checkpoints, distributed
from grpo.causal_lm import CausalLM, add_lora
from grpo.config import TrainerConfig
from grpo.options import build, check, option, parse_overrides, read_toml
from grpo.presets import PRESETS
from grpo.trainer import Request, Trainer
from memagents.agents import Agent, load_agent
from memagents.agents.base import Part
from memagents.backends.base import TokenBackend
from memagents.backends.local import find_model
from memagents.collect import collect
from memagents.recipes import KEYS
from memagents.validation import Scores, gain, means, play
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError, unknown
from memgym.observation import PHASES
from memgym.registration import make

_FOLDER = Path(__file__).parent / "recipes" / "training"
_TABLES = ("env", "train", "validation")
_ENDLESS = 2**31  # episodes of a procedural split
_RECIPE = "recipe.json"

Report = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class RunConfig:
    """What a run collects, and how the policy is made; the trainer's own settings are flat beside these."""

    groups: int = option(8, "episodes per iteration, over all ranks")
    group_size: int = option(8, "how often each is played")
    train_episodes: int = option(0, "use only so many episodes of the split, its first ones; 0 is all")
    lora_rank: int = option(0, "train LoRA adapters of this rank instead of a language model's weights; 0 is off")
    gradient_checkpointing: bool = option(False, "recompute a language model's layers to save memory")
    threads: int = option(0, "PyTorch's CPU threads; 0 is its own choice. For small policies 1 is fastest")
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self):
        check(self)
        for name, least in (("groups", 1), ("group_size", 1), ("train_episodes", 0), ("lora_rank", 0), ("threads", 0)):
            _check_least(self, name, least)


@dataclass(frozen=True)
class ValidationConfig:
    """Which held-out episodes are played, with every module as it is used in inference."""

    split: str = option("validation", "split of the task")
    episodes: int = option(32, "how many, the first ones of the split")
    repeats: int = option(1, "how often each is played; only useful where inference samples")

    def __post_init__(self):
        check(self)
        for name in ("episodes", "repeats"):
            _check_least(self, name, 1)


@dataclass(frozen=True)
class TrainingRecipe:
    """A training recipe as it was read, overrides included."""

    content: Mapping[str, Any]
    run: RunConfig
    validation: ValidationConfig

    @property
    def agent(self) -> dict[str, Any]:
        """What :func:`memagents.agents.load_agent` takes."""
        return {key: value for key, value in self.content.items() if key in KEYS}

    def make_env(self, split: str | None = None) -> MemoryEnv:
        """Make the environment, of another split if one is named."""
        arguments = dict(self.content["env"])
        env_id = arguments.pop("id")
        return make(env_id, **(arguments if split is None else {**arguments, "split": split})).unwrapped


def read_training_recipe(source: str, overrides: Sequence[str] = ()) -> TrainingRecipe:
    """Read a training recipe from a TOML file, or a built-in one by name, with ``key=value`` overrides.

    Raises:
        ConfigError: (of memgym or grpo) there is no such recipe, or a table, key or value does not fit.
    """
    path = Path(source)
    if not path.is_file():
        if source not in built_in():
            raise unknown("training recipe", source, [*built_in(), "the path of a TOML file"])
        path = _FOLDER / f"{source}.toml"
    content = read_toml(path)
    for key, value in parse_overrides(overrides).items():
        _set(content, key.split(".") if "." in key else ["train", key], value)
    for key in content:
        if key not in (*KEYS, *_TABLES):
            raise unknown(f"key in {path}:", key, (*KEYS, *_TABLES))
    for table in _TABLES:
        if not isinstance(content.setdefault(table, {}), Mapping):
            raise ConfigError(f"{path}: {table!r} must be a table, [{table}]")
    if not isinstance(content["env"].get("id"), str):
        raise ConfigError(f'{path}: [env] must name its id, e.g. id = "memgym/MemoryBank-v0"')
    return TrainingRecipe(content, _run_config(content["train"]), build(ValidationConfig, content["validation"]))


def built_in() -> list[str]:
    """Return the names of the built-in training recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


class Collector:
    """Brings the trainer its rollouts: a pure function of the request and the policy's weights.

    Episodes are drawn anew, without replacement, for every iteration and attempt; each rank plays its share.

    Args:
        agent: plays.
        env: what is played.
        config: how much.
        sync: called when the weights have changed since the last rollout, for a sampler with weights of its own.

    Raises:
        ConfigError: the split has fewer episodes than ``groups``.
    """

    def __init__(self, agent: Agent, env: MemoryEnv, config: RunConfig, sync: Callable[[], None] | None = None):
        size = env.task.size(env.split) or _ENDLESS
        self.pool = min(size, config.train_episodes or size)
        if self.pool < config.groups:
            raise ConfigError(f"groups = {config.groups}, but there are only {self.pool} episodes to draw from")
        self.agent, self.env, self.config, self.sync = agent, env, config, sync
        self._synced: int | None = None

    def __call__(self, request: Request) -> TensorDict:
        """Play this rank's share of the iteration's groups."""
        if self.sync is not None and self._synced != request.policy_version:
            self.sync()
            self._synced = request.policy_version
        share = self.episodes(request)[request.rank :: request.world_size]
        return collect(self.agent, self.env, share, self.config.group_size, request.seed, request.policy_version)

    def episodes(self, request: Request) -> list[int]:
        """Return the indices of all ranks' groups."""
        rng = np.random.default_rng([self.config.trainer.seed, request.iteration, request.attempt])
        return rng.choice(self.pool, self.config.groups, replace=False).tolist()


class Validation:
    """The trainer's validation: mean scores on the held-out episodes.

    Raises:
        ConfigError: the split does not exist.
    """

    def __init__(self, agent: Agent, env: MemoryEnv, config: ValidationConfig, sync: Callable[[], None] | None = None):
        size = env.task.size(env.split) or config.episodes
        self.agent, self.env, self.sync = agent, env, sync
        self.indices = [*range(min(size, config.episodes))] * config.repeats

    def __call__(self) -> dict[str, float]:
        """Return the means."""
        return means(self.scores())

    def scores(self) -> Scores:
        """Return the scores by episode."""
        if self.sync is not None:
            self.sync()
        return play(self.agent, self.env, self.indices)


class Run:
    """A training run: the trainer and all that it is given.

    Args:
        recipe: what to train.

    Raises:
        ConfigError, MissingExtraError: (of memgym or grpo) the recipe names something that does not exist, or its parts
            do not fit together.
    """

    def __init__(self, recipe: TrainingRecipe):
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        self.recipe = recipe
        self.agent = load_agent(recipe.agent)
        if self.agent.learner is None:
            raise ConfigError("the recipe trains nothing: set status = 'trained' for a module")
        learner, config = self.agent.learner, recipe.run
        self.world = distributed.setup(None if learner.backend else "cpu")
        if config.groups < self.world.size:
            raise ConfigError(f"groups = {config.groups}, but each of the {self.world.size} ranks plays at least one")
        self.policy = make_policy(self.agent, config)
        sync = _weight_sync(self.policy, learner)
        env = recipe.make_env()
        held_out = recipe.make_env(recipe.validation.split)
        self.validation = Validation(self.agent, held_out, recipe.validation, sync)
        self.trainer = Trainer(
            self.policy,
            Collector(self.agent, env, config, sync),
            config.trainer,
            reference=_reference(self.policy, config),
            validate=self.validation,
            decode=lambda row: describe(row, learner, env.reward_names),
            reward_names=env.reward_names,
            world=self.world,
        )

    @property
    def complete(self) -> bool:
        """Whether the run has come to its end, rather than to a Ctrl-C."""
        config = self.recipe.run.trainer
        return self.trainer.iteration >= config.iterations or 0 < config.patience <= self.trainer.stale

    def train(self, resume: bool = False, report: Report | None = None) -> dict[str, float]:
        """Train, and return the last metrics; see :meth:`grpo.trainer.Trainer.train`.

        The run's folder also gets the recipe, overrides included, and at the end the language model that was trained.

        Args:
            resume: continue from the newest checkpoint.
            report: told each iteration's number and metrics, on rank 0.

        Raises:
            ConfigError: what is resumed was started from another recipe.
        """
        folder = self.trainer.folder
        if resume:
            self._check_same(folder / _RECIPE)
        elif self.world.rank == 0 and not checkpoints.steps(folder / "checkpoints"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _RECIPE).write_text(json.dumps(self.recipe.content, indent=1), encoding="utf-8")
        self.trainer.report = report
        metrics = self.trainer.train(resume)
        if self.world.rank == 0 and isinstance(self.policy, CausalLM) and self.recipe.run.trainer.strategy == "ddp":
            self.policy.model.save_pretrained(folder / "model")
            self.agent.learner.backend.tokenizer.save_pretrained(folder / "model")
        return metrics

    def rise(self, before: Scores) -> str:
        """Return in words how the main score on the held-out episodes has changed since ``before``."""
        after = self.validation.scores()
        name = self.recipe.run.trainer.best_metric or ("answer" if "answer" in after else "reward")
        first, last = means(before)[name], means(after)[name]
        change, low, high = gain(before, after, name)
        return f"{name} {first:.3f} → {last:.3f}: {change:+.3f}, 95 % interval [{low:+.3f}, {high:+.3f}]"

    def _check_same(self, path: Path) -> None:
        """Compare all but the settings of the trainer, which compares its own."""
        if not path.is_file():
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        for key in ("agent", "backends", "modules", "env", "validation"):
            if before.get(key) != self.recipe.content.get(key):
                raise ConfigError(f"the run in {path.parent} was started with another {key!r}; see {path}")


def make_policy(agent: Agent, config: RunConfig) -> nn.Module:
    """Return the policy that an agent's trained modules play by: a reranker, or the model of their backend.

    Raises:
        ConfigError: what is trained is no policy, or the settings do not fit it.
    """
    learner = agent.learner
    if learner.backend is None:
        if config.lora_rank or config.gradient_checkpointing:
            raise ConfigError("lora_rank and gradient_checkpointing are for language models, which this recipe has not")
        return learner.module
    model = getattr(learner.backend, "model", None)
    if model is None:  # the sampler has weights of its own
        if config.lora_rank:
            raise ConfigError("lora_rank needs a backend that samples from the trained model: kind = 'transformers'")
        return CausalLM.from_pretrained(find_model(_model_name(agent, learner)), **_memory(config))
    return CausalLM(add_lora(model, config.lora_rank) if config.lora_rank else model, **_memory(config))


def describe(row: TensorDict, learner: Part, reward_names: Sequence[str]) -> str:
    """Return a row of a rollout buffer as text."""
    rewards = zip(reward_names, row["rewards"].tolist(), strict=True)
    paid = ", ".join(f"{name} {value:.3g}" for name, value in rewards if value)
    head = f"[{PHASES[int(row['phase_id'])]}, step {int(row['turn_id'])}; reward {float(row['reward']):.3g}: {paid}]"
    if "prompt_ids" not in row:
        return f"{head}\npicks {row['picks'][row['response_mask']].tolist()}"
    backend: TokenBackend = learner.backend
    prompt, response = (
        backend.decode(row[f"{part}_ids"][row[f"{part}_mask"]].tolist()) for part in ("prompt", "response")
    )
    return f"{head}\n{prompt}\n>>>\n{response}"


def _check_least(settings: RunConfig | ValidationConfig, name: str, least: int) -> None:
    if getattr(settings, name) < least:
        raise ConfigError(f"{name} = {getattr(settings, name)} must be at least {least}")


def _run_config(table: Mapping[str, Any]) -> RunConfig:
    values = dict(table)
    name = values.pop("preset", None)
    if name is not None and name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return build(RunConfig, {**PRESETS.get(name, {}), **values})


def _set(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *tables, key = path
    for table in tables:
        content = content.setdefault(table, {})
        if not isinstance(content, dict):
            raise ConfigError(f"override {'.'.join(path)!r}: {table!r} is no table")
    content[key] = value


def _memory(config: RunConfig) -> dict[str, bool]:
    return {"gradient_checkpointing": config.gradient_checkpointing}


def _model_name(agent: Agent, learner: Part) -> str:
    """Return the name of the model that the learner's backend samples from, as the recipe gives it."""
    phase = next(phase for phase, part in agent.parts.items() if part is learner)
    named = agent.recipe.modules.get(phase, {}).get("backend")
    return agent.recipe.backends[agent.recipe.backend_name(phase, named, ())]["model"]


def _weight_sync(policy: nn.Module, learner: Part) -> Callable[[], None] | None:
    """Return what hands the trained weights to a sampler with weights of its own; None where they are the same."""
    update = getattr(learner.backend, "update_weights", None)
    return None if update is None else lambda: update(policy.model.named_parameters())


def _reference(policy: nn.Module, config: RunConfig) -> nn.Module | None:
    """Return a frozen copy of the policy if a KL refers to one; adapters that are off are a reference themselves."""
    needed = config.trainer.loss.needs_reference and not config.lora_rank
    return copy.deepcopy(policy) if needed else None
