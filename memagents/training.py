"""The training entry point: from a recipe (:mod:`memagents.training_recipes`) to a trained policy."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from tensordict import TensorDict

from grpo import distributed
from grpo.causal_lm import CausalLM, add_lora
from grpo.collector import RolloutRequest
from grpo.config import check_best_metric
from grpo.distributed import TorchWorld
from grpo.imitation import Demonstrations
from grpo.policies import TrainablePolicy
from grpo.precision import computes_in_bfloat16, settled
from grpo.run_folder import RunFolder
from grpo.trainer import Trainer
from memagents.agents import Agent, load_agent
from memagents.agents.base import Part
from memagents.backends.base import TrainableBackend
from memagents.backends.local import find_model
from memagents.collect import collect
from memagents.demonstrate import demonstrate
from memagents.training_recipes import RunConfig, TeacherConfig, TrainingRecipe, ValidationConfig
from memagents.validation import Scores, added, gain, means, score_episodes
from memgym.envs.base import MemoryEnv
from memgym.errors import ConfigError
from memgym.policy import load_policy
from memgym.protocol.observation import PHASES

logger = logging.getLogger(__name__)

_ENDLESS = 2**31  # episodes of a procedural split

Report = Callable[[int, Mapping[str, float]], None]


class EpisodeCollector:
    """Brings the trainer its rollouts: a pure function of the request and the policy's weights.

    Episodes are drawn anew, without replacement, for every iteration and attempt, or follow each other, as
    ``config.order`` says; each rank plays its share.

    Args:
        agent: plays.
        env: what is played, wrapped or not.
        config: how much.
        sync: called when the weights have changed since the last rollout, for a sampler with weights of its own.

    Raises:
        ConfigError: the split has fewer episodes than ``groups``.
    """

    def __init__(self, agent: Agent, env: gym.Env[str, str], config: RunConfig, sync: Callable[[], None] | None = None):
        bare: MemoryEnv = env.unwrapped  # type: ignore[assignment]
        size = bare.task.size(bare.split) or _ENDLESS
        self.pool = min(size, config.train_episodes or size)
        if self.pool < config.groups:
            raise ConfigError(f"groups = {config.groups}, but there are only {self.pool} episodes to draw from")
        self.agent, self.env, self.config, self.sync = agent, env, config, sync
        self._synced: int | None = None

    def __call__(self, request: RolloutRequest) -> TensorDict:
        """Play this rank's share of the iteration's groups."""
        return self.begin(request)()

    def begin(self, request: RolloutRequest) -> Callable[[], TensorDict]:
        """Return what plays it with the weights of now, if the sampler has weights of its own."""
        if self.sync is not None and self._synced != request.policy_version:
            self.sync()
            self._synced = request.policy_version
        return partial(self._play, request)

    def _play(self, request: RolloutRequest) -> TensorDict:
        share = self.episodes(request)[request.rank :: request.world_size]
        # The same on every rank: what an episode draws does not depend on how many ranks there are.
        seed = int(np.random.SeedSequence(self._entropy(request)).generate_state(1)[0])
        rollout = collect(self.agent, self.env, share, self.config.group_size, seed, request.policy_version)
        self.agent.sleep()
        return rollout

    def _entropy(self, request: RolloutRequest) -> list[int]:
        return [self.config.trainer.seed, request.iteration, request.attempt]

    def episodes(self, request: RolloutRequest) -> list[int]:
        """Return the indices of all ranks' groups."""
        rng, pool, groups = np.random.default_rng(self._entropy(request)), self.pool, self.config.groups
        if self.config.order == "random":
            return rng.choice(pool, groups, replace=False).tolist()
        first = request.iteration * groups
        if request.attempt:  # what replaces dropped groups is no further in the curriculum
            return rng.choice(min(pool, first + groups), groups, replace=False).tolist()
        return [(first + number) % pool for number in range(groups)]


class Validation:
    """The trainer's validation: mean scores on the held-out episodes, of which each rank plays its share.

    Raises:
        ConfigError: the split does not exist.
    """

    def __init__(
        self,
        agent: Agent,
        env: MemoryEnv,
        config: ValidationConfig,
        sync: Callable[[], None] | None,
        world: TorchWorld,
    ):
        size = env.task.size(env.split) or config.episodes
        self.agent, self.env, self.sync, self.world = agent, env, sync, world
        self.indices = [*range(min(size, config.episodes))] * config.repeats

    def __call__(self) -> dict[str, float]:
        """Return the means."""
        return means(self.scores())

    def scores(self) -> Scores:
        """Return the scores by episode; a collective call."""
        if self.sync is not None:
            self.sync()
        mine = slice(self.world.rank, None, self.world.size)
        scores = score_episodes(self.agent, self.env, self.indices, share=mine)
        self.agent.sleep()
        return added(distributed.gather(scores, self.world))


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
        # Before the weights: files that are missing are found out sooner than those are loaded.
        env = recipe.make_shaped_env()
        held_out = recipe.make_env(split=recipe.validation.split)
        # Before any model or engine: each is then on this rank's own card, and no engine makes a group of its own.
        kind = None if recipe.content.get("backends") else "cpu"
        world = distributed.setup(kind, timedelta(minutes=recipe.run.rank_patience))
        self.agent = load_agent(recipe.agent)
        learner = _learner(self.agent)
        self.agent.check_frozen(held_out.phases)
        self.world = replace(world, device=_device(learner, world))
        self.recipe = recipe = _settled(recipe, _trainable(learner), self.world.device)
        config = recipe.run
        if config.trainer.precision == "bf16" and self.world.device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32, and for sampling
        if recipe.teacher is None and config.groups < self.world.size:
            raise ConfigError(f"groups = {config.groups}, but each of the {self.world.size} ranks plays at least one")
        self.policy = make_policy(self.agent, config)
        backend = _trainable(learner)
        if config.trainer.overlap and backend is None and recipe.teacher is None:
            raise ConfigError("overlap = true needs a language model, which is sampled from a copy while it learns")
        copies = self._splits or config.trainer.overlap
        if backend is not None and backend.model is not None and (copies or backend.rollout_dtype):
            backend.sample_from_copy()
        attend_fast(self.policy, backend, config, self.world.device, copies)
        if config.trainer.precision == "bf16" and not computes_in_bfloat16(self.world.device):
            logger.warning(
                "precision = 'bf16' takes many times as long as 'auto': %s does not compute in it", self.world.device
            )
        sync = _weight_sync(self.policy, backend)
        self.validation = Validation(self.agent, held_out, recipe.validation, sync, self.world)
        self.trainer = Trainer(
            self.policy,
            _demonstrations(self.agent, recipe, recipe.teacher)
            if recipe.teacher
            else EpisodeCollector(self.agent, env, config, sync),
            config.trainer,
            reference=_reference(self.policy, config),
            validate=self.validation,
            decode=lambda row: describe(row, learner, held_out.reward_names),
            reward_names=held_out.reward_names,
            world=self.world,
        )

    @property
    def _splits(self) -> bool:
        """Whether the trained weights are split among the ranks."""
        return self.recipe.run.trainer.strategy == "fsdp" and self.world.size > 1

    @property
    def complete(self) -> bool:
        """Whether the run has come to its end, rather than to a Ctrl-C."""
        config = self.recipe.run.trainer
        return self.trainer.iteration >= config.iterations or 0 < config.patience <= self.trainer.stale

    def train(self, resume: bool = False, report: Report | None = None) -> dict[str, float]:
        """Train, and return the last metrics; see :meth:`grpo.trainer.Trainer.train`.

        The policy then has the weights of the best validation, or the last ones without any. The run's folder also gets
        the recipe, overrides included, and, if the run has come to its end, the language model that was trained.

        Args:
            resume: continue from the newest checkpoint.
            report: told each iteration's number and metrics, on rank 0.

        Raises:
            ConfigError: what is resumed was started from another recipe.
            RunFolderError: as for :meth:`grpo.trainer.Trainer.train`, or the model cannot be written.
        """
        folder, first = self.trainer.folder, self.world.rank == 0
        folder.check(resume)
        with folder.locked() if first else nullcontext():
            if resume:
                self.recipe.check_same(folder)
            if first and folder.best_step is None:  # until then best_metric may change
                folder.write_recipe(self.recipe.content)
            self.trainer.report = report
            metrics = self.trainer.train(resume)
            self.trainer.load_best()
            if self.complete:
                self._save_model(folder)
        return metrics

    def _save_model(self, folder: RunFolder) -> None:
        """Save the language model that was trained, whole or not at all."""
        policy, backend, first = self.policy, _trainable(_learner(self.agent)), self.world.rank == 0
        if backend is None or not isinstance(policy, CausalLM):
            return
        whole = {name: tensor.cpu() if first else None for name, tensor in policy.merged_weights()}

        def save(path: Path) -> None:
            policy.base.save_pretrained(path, state_dict=whole)
            backend.tokenizer.save_pretrained(path)

        if first:
            folder.write_model(save)

    def scores_before(self) -> Scores | None:
        """Return the scores on the held-out episodes before training, None without validation; a collective call.

        Raises:
            ConfigError: ``best_metric`` is none of them.
        """
        config = self.recipe.run.trainer
        if not config.validate_every:
            return None
        scores = self.validation.scores()
        check_best_metric(config, scores)
        return scores

    def rise(self, before: Scores) -> str:
        """Return in words how the main score on the held-out episodes has changed since ``before``."""
        after = self.validation.scores()
        name = self.recipe.run.trainer.best_metric or ("answer" if "answer" in after else "reward")
        first, last = means(before)[name], means(after)[name]
        change, low, high = gain(before, after, name)
        return f"{name} {first:.3f} → {last:.3f}: {change:+.3f}, 95 % interval [{low:+.3f}, {high:+.3f}]"


def _demonstrations(agent: Agent, recipe: TrainingRecipe, settings: TeacherConfig) -> Demonstrations:
    teacher = load_policy(settings.policy, **settings.options)
    env = recipe.make_env(reveal_gold=True) if teacher.privileged else recipe.make_env()
    size = env.task.size(env.split) or settings.episodes
    buffer = demonstrate(agent, env, teacher, range(min(size, settings.episodes)), recipe.run.trainer.seed)
    return Demonstrations(buffer, settings.rows, recipe.run.trainer.seed)


def make_policy(agent: Agent, config: RunConfig) -> TrainablePolicy:
    """Return the policy that an agent's trained modules play by: a reranker, or the model of their backend.

    Raises:
        ConfigError: what is trained is no policy, or the settings do not fit it.
    """
    torch.manual_seed(config.trainer.seed)  # adapters begin at random: the same on every rank, and in every run
    learner = _learner(agent)
    backend = _trainable(learner)
    if backend is None:
        if config.lora_rank or config.gradient_checkpointing:
            raise ConfigError("lora_rank and gradient_checkpointing are for language models, which this recipe has not")
        if not isinstance(learner.module, TrainablePolicy):
            raise ConfigError(f"{type(learner.module).__name__} asks no model and is no policy of grpo's itself")
        return learner.module
    if backend.model is None:
        if backend.model_name is None:
            raise ConfigError(f"{type(backend).__name__} has neither a model nor a model_name to train")
        path = find_model(backend.model_name)
        return CausalLM.from_pretrained(path, config.lora_rank, gradient_checkpointing=config.gradient_checkpointing)
    model = add_lora(backend.model, config.lora_rank) if config.lora_rank else backend.model
    return CausalLM(model, gradient_checkpointing=config.gradient_checkpointing)


def describe(row: TensorDict, learner: Part, reward_names: Sequence[str]) -> str:
    """Return a row of a rollout buffer as text."""
    rewards = zip(reward_names, row["rewards"].tolist(), strict=True)
    paid = ", ".join(f"{name} {value:.3g}" for name, value in rewards if value)
    head = f"[{PHASES[int(row['phase_id'])]}, step {int(row['turn_id'])}; reward {float(row['reward']):.3g}: {paid}]"
    backend = _trainable(learner)
    if backend is None:
        return f"{head}\n{learner.module.describe(row)}"
    prompt, response = (
        backend.decode(row[f"{part}_ids"][row[f"{part}_mask"]].tolist()) for part in ("prompt", "response")
    )
    return f"{head}\n{prompt}\n>>>\n{response}"


def _learner(agent: Agent) -> Part:
    if agent.learner is None:
        raise ConfigError(f"{agent.recipe.name} trains nothing: set status = 'trained' for a module")
    return agent.learner


def _trainable(learner: Part) -> TrainableBackend | None:
    """Return the learner's backend, of which the agent has checked that it can be trained; None if it asks none."""
    assert learner.backend is None or isinstance(learner.backend, TrainableBackend)
    return learner.backend


def attend_fast(
    policy: TrainablePolicy,
    backend: TrainableBackend | None,
    config: RunConfig,
    device: torch.device,
    splits: bool = False,
) -> None:
    """Let a policy attend by FlashAttention-2 where it is worth it: on a card, in bfloat16, while it learns.

    What is sampled from does without: at every token it would gather the cache of all rows, without their padding, and
    no graph could be captured. So where the model that learns is sampled itself, both do.
    """
    samples = backend is not None and backend.model is not None and not (splits or backend.rollout_dtype)
    if isinstance(policy, CausalLM) and device.type == "cuda" and config.trainer.precision == "bf16" and not samples:
        policy.use_flash_attention()


def _settled(recipe: TrainingRecipe, backend: TrainableBackend | None, device: torch.device) -> TrainingRecipe:
    """Return a recipe in which precisions that are ``auto`` are what they mean here, as it is to be written down.

    Resumed or played on another machine, a run keeps its precisions.
    """
    content: dict[str, Any] = copy.deepcopy(dict(recipe.content))
    precision = settled(recipe.run.trainer.precision, device)
    if recipe.run.trainer.precision == "auto":
        content["train"]["precision"] = precision
    for table in content.get("backends", {}).values():
        if backend is not None and table.get("rollout_dtype") == "auto":
            table["rollout_dtype"] = backend.rollout_dtype
    trainer = replace(recipe.run.trainer, precision=precision)
    return replace(recipe, content=content, run=replace(recipe.run, trainer=trainer))


def _device(learner: Part, world: TorchWorld) -> torch.device:
    """Return where the policy is trained: where its backend has put it, else on this rank's card if it is an LLM."""
    backend = _trainable(learner)
    if backend is None:
        return torch.device("cpu")
    return world.device if backend.model is None else next(backend.model.parameters()).device


def _weight_sync(policy: TrainablePolicy, backend: TrainableBackend | None) -> Callable[[], None] | None:
    """Return what hands the trained weights to the sampler; None where no language model is trained."""
    if backend is None or not isinstance(policy, CausalLM):
        return None
    return lambda: backend.update_weights(policy.merged_weights() if backend.model is None else policy.weights())


def _reference(policy: TrainablePolicy, config: RunConfig) -> TrainablePolicy | None:
    """Return a frozen copy of the policy if a KL refers to one; adapters that are off are a reference themselves."""
    needed = config.trainer.loss.needs_reference and not policy.has_reference
    return copy.deepcopy(policy) if needed else None
