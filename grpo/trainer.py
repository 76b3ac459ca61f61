"""The trainer: collect, weigh, update, validate, save. Read it from :meth:`Trainer.train` down."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from grpo import buffer as rollouts
from grpo import checkpoints, distributed
from grpo.advantages import advantages, informative_groups
from grpo.ahead import Ahead
from grpo.collector import Collector, RolloutRequest
from grpo.config import TrainerConfig, check_best_metric
from grpo.distributed import TorchWorld
from grpo.errors import ConfigError, GrpoError
from grpo.interrupt import interruptible
from grpo.losses import Totals, learning_rows, loss_totals, policy_loss, reward_penalty
from grpo.metrics import Metrics
from grpo.optimizer import learning_rate, make_optimizer
from grpo.options import flatten
from grpo.policies import TrainablePolicy
from grpo.precision import settled
from grpo.run_folder import RunFolder
from grpo.tracking import Tracker

logger = logging.getLogger(__name__)

_COUNTERS = ("iteration", "updates", "stale", "best")
"""What a checkpoint knows of the run besides its settings and the states of policy and optimiser."""


class Trainer:
    """Trains a policy on what a collector brings.

    Args:
        policy: What is trained.
        collector: Returns a rollout buffer for a :class:`grpo.collector.RolloutRequest`.
        config: The settings; a precision that is ``auto`` is settled by the device, and checkpoints name what it was.
        reference: The policy that a KL refers to; not needed where ``policy`` holds one itself.
        validate: Returns named figures on held-out episodes; called on every rank, so that they can share the work;
            rank 0's figures count.
        decode: Returns a row of a buffer as text, for the samples.
        report: Called on rank 0 with the step and its metrics, e.g. for a progress bar.
        reward_names: Names of the columns of ``rewards``.
        world: This process's place, from :func:`grpo.distributed.setup`.

    Raises:
        ConfigError: a KL without a reference, validation settings without ``validate``, or ``overlap`` with a collector
            that cannot play ahead.
    """

    def __init__(
        self,
        policy: TrainablePolicy,
        collector: Collector,
        config: TrainerConfig,
        *,
        reference: TrainablePolicy | None = None,
        validate: Callable[[], Mapping[str, float]] | None = None,
        decode: Callable[[TensorDict], str] | None = None,
        report: Callable[[int, Mapping[str, float]], None] | None = None,
        reward_names: tuple[str, ...] = (),
        world: TorchWorld | None = None,
    ):
        self.world = world or TorchWorld()
        config = replace(config, precision=settled(config.precision, self.world.device))
        self.forward = distributed.wrap(policy, config.strategy, self.world)
        if config.loss.needs_reference and reference is None and not policy.has_reference:
            raise ConfigError(f"kl = {config.loss.kl!r} needs a reference: pass a frozen copy of the policy")
        if config.validate_every and validate is None:
            raise ConfigError("validate_every is set, but the trainer was given no `validate`")
        self.policy, self.collector, self.config = policy, collector, config
        self.validate, self.decode, self.report, self.reward_names = validate, decode, report, reward_names
        self.folder = RunFolder(config.out_dir)
        self.iteration = self.updates = self.stale = 0
        self.best, self.best_now = -math.inf, False
        self.best_step: int | None = None
        self.ahead = Ahead(collector) if config.overlap else None
        self.pending: TensorDict | None = None  # the next iteration's rollout of all ranks, played ahead
        self._collecting = False
        self.reference = None
        if reference is not None:
            self.reference = distributed.wrap(reference.requires_grad_(False).eval(), config.strategy, self.world)
        self.optimizer = make_optimizer(policy, config)

    def train(self, resume: bool = False) -> dict[str, float]:
        """Run to the last iteration, an early stop, or Ctrl-C, and return the last metrics.

        The first Ctrl-C finishes the running iteration, saves and returns; a second one raises KeyboardInterrupt. Under
        torchrun, which kills 30 s after Ctrl-C (``--shutdown-timeout``), what came before the running iteration is
        saved at once if that iteration still collects; sharded weights cannot be, since that needs every rank.

        Args:
            resume: Continue from the newest checkpoint in ``out_dir`` (from the start if the run was killed before its
                first); the metrics are cut back to it.

        Raises:
            ConfigError: the validation has no ``best_metric``.
            RunFolderError: nothing to resume, other settings than the checkpoint's, a run that would be lost, another
                process that trains there, or a file that cannot be written.
        """
        self.folder.check(resume)
        with self.folder.locked() if self.world.rank == 0 else nullcontext():
            return self._train(resume)

    def _train(self, resume: bool) -> dict[str, float]:
        if self.world.rank == 0:
            self.folder.clean()
        if resume:
            self._restore()
        metrics: dict[str, float] = {}
        with self._tracker() as tracker, interruptible(self._interrupted) as interrupted:
            while self.iteration < self.config.iterations and not self._exhausted:
                metrics, samples = self.step()
                if tracker is not None:
                    tracker.log(self.iteration, metrics, samples)
                    if self.report is not None:
                        self.report(self.iteration, metrics)
                self._note_best(metrics)
                stop = distributed.any_rank(interrupted.is_set(), self.world)
                if stop or self._due(self.config.save_every) or self.best_now or self._exhausted:
                    self._save()
                if stop:
                    break
        return metrics

    def load_best(self) -> None:
        """Give the policy the weights of its best validation so far, if there was one."""
        step = distributed.from_first(lambda: self.folder.best_step, self.world)
        if step is not None:
            state = distributed.on_first(lambda: {**checkpoints.load(self.folder, step), "optimizer": None}, self.world)
            checkpoints.restore_state(self.policy, self.optimizer, state, self.world)

    def step(self) -> tuple[dict[str, float], list[str]]:
        """Run one iteration: return its metrics and its sampled trajectories as text."""
        start = time.perf_counter()
        torch.manual_seed(self._seed(self.world.rank))
        self._collecting = self.pending is None  # weights and counters are those of the last whole iteration
        buffer, statistics = self._collect()
        self._collecting = False
        collected = time.perf_counter()
        measured = Metrics()
        if self.ahead is not None and self.iteration + 1 < self.config.iterations:
            self.ahead.begin(self._request(self.iteration + 1))
        if buffer is not None:
            self._update_on(buffer, measured)
        if self.ahead is not None and (ahead := self.ahead.wait()) is not None:
            self.pending = self._gathered(ahead)
        if self.world.size > 1:
            measured.all_reduce(self.world.device)
        self.iteration += 1
        updated = time.perf_counter()
        metrics = {**statistics, **measured.values(), "updates": float(self.updates), **self._validate()}
        metrics["time/collect"], metrics["time/update"] = collected - start, updated - collected
        metrics["time/tokens_per_second"] = statistics["tokens"] / (updated - start)
        return metrics, self._samples(buffer)

    def _collect(self) -> tuple[TensorDict | None, dict[str, float]]:
        """Return the rollout to learn from (None if nothing in it teaches) and statistics of all that was collected."""
        everything: list[TensorDict] = []
        useful: list[TensorDict] = []
        wanted = kept = 0
        for attempt in range(1 + self.config.max_resamples if self.config.dynamic_sampling else 1):
            fresh, self.pending = self.pending, None
            if fresh is None:
                fresh = self._gathered(self.collector(self._request(self.iteration, attempt)))
            everything.append(fresh)
            wanted = wanted or len(fresh["group_id"].unique())
            self._weigh(fresh)
            if self.config.dynamic_sampling:
                groups = informative_groups(fresh, fresh["advantage"])[: wanted - kept]
                if not groups:
                    continue
                fresh = rollouts.select(fresh, "group_id", groups)
            useful.append(fresh)
            kept += len(fresh["group_id"].unique())
            if kept >= wanted:
                break
        statistics = rollouts.statistics(rollouts.concatenate(everything, renumber=True), self.reward_names)
        statistics["groups_kept"] = float(kept)
        if not useful:
            return None, statistics
        buffer = rollouts.concatenate(useful, renumber=True)
        # Again over all that is kept: a scale by the rollout's standard deviation spans every attempt.
        buffer["advantage"] = advantages(buffer, self.config.advantage, buffer.get("penalty", None))
        if self.config.loss.kl_in == "loss":
            self._add_reference(buffer, learning_rows(buffer, self.config.loss))
        return buffer, statistics

    def _request(self, iteration: int, attempt: int = 0) -> RolloutRequest:
        rank, size = self.world.rank, self.world.size
        return RolloutRequest(iteration, attempt, self._seed(rank, attempt, iteration), self.updates, rank, size)

    def _gathered(self, rollout: TensorDict) -> TensorDict:
        return distributed.gather_rollouts(rollouts.validate(rollout.cpu()), self.world)

    def _weigh(self, buffer: TensorDict) -> None:
        """Add the advantage, and before it the penalty that it takes into account, if any."""
        if self.config.loss.kl_in == "reward":
            every = torch.ones(len(buffer), dtype=torch.bool)
            buffer["old_log_prob"] = self._evaluate(buffer, every, lambda batch: self.forward(batch)[0])
            self._add_reference(buffer, every)
        penalty = reward_penalty(buffer, self.config.loss)
        if penalty is not None:
            buffer["penalty"] = penalty
        buffer["advantage"] = advantages(buffer, self.config.advantage, penalty)

    def _add_reference(self, buffer: TensorDict, which: Tensor) -> None:
        """Add the reference's log-probabilities of the rows ``which`` (``[N]`` bool), if they are needed."""
        reference = self.reference
        if not self.config.loss.needs_reference:
            return
        if reference is not None:
            buffer["ref_log_prob"] = self._evaluate(buffer, which, lambda batch: reference(batch)[0])
        else:
            buffer["ref_log_prob"] = self._evaluate(buffer, which, lambda batch: self.forward(batch, reference=True))

    @torch.no_grad()
    def _evaluate(self, buffer: TensorDict, which: Tensor, log_probs: Callable[[TensorDict], Tensor]) -> Tensor:
        """Return ``[N, R]`` log-probabilities of the rows ``which``, else 0; each rank computes its share."""
        out = torch.zeros(buffer["response_mask"].shape)
        self.policy.eval()
        for rows, idle in self._shares(buffer, which.nonzero().squeeze(-1)) if which.any() else ():
            batch = rollouts.trim(buffer[rows])
            with self._autocast():
                found = log_probs(batch.to(self.world.device))
            if not idle:
                out[rows, : found.shape[1]] = torch.where(batch["response_mask"], found.float().cpu(), 0.0)
        return distributed.sum_over_ranks(out, self.world)

    def _update_on(self, buffer: TensorDict, measured: Metrics) -> None:
        """Run all epochs and mini-batches over a rollout."""
        config = self.config
        count = min(config.mini_batches, len(buffer))
        whole = loss_totals(buffer, config.loss)
        average = Totals(whole.elements / count, whole.sequences / count)
        # In the buffer's order one mini-batch is cut as `_evaluate` cuts: under bfloat16, the same rows beside others
        # have other log-probabilities (a KL of 1e-4 between equal weights).
        orders = [self._shuffled(len(buffer), epoch).tensor_split(count) for epoch in range(config.epochs)]
        parts = [part.sort().values for order in orders for part in order]
        learning = learning_rows(buffer, config.loss)
        old = buffer.pop("old_log_prob", None)  # the first update takes its own
        if len(parts) > 1 and old is None:
            later = learning.index_fill(0, parts[0], False)
            old = self._evaluate(buffer, later, lambda batch: self.forward(batch)[0])
        self.policy.train()
        for number, rows in enumerate(parts):
            norm = average if config.loss.scope == "rollout" else loss_totals(buffer[rows], config.loss)
            rows = rows[learning[rows]]
            found = torch.zeros(buffer["response_mask"].shape) if number == 0 and old is not None else None
            self._update(buffer, rows, norm, measured, found)
            if found is not None and old is not None:
                old[rows] = distributed.sum_over_ranks(found, self.world)[rows]
                buffer["old_log_prob"] = old
        measured.mean("advantage_size", buffer["advantage"].abs(), torch.ones_like(learning))
        measured.mean("learning_rows", learning.double(), torch.ones_like(learning))

    def _shuffled(self, rows: int, epoch: int) -> Tensor:
        return torch.randperm(rows, generator=torch.Generator().manual_seed(self._seed(0, epoch)))

    def _update(
        self, buffer: TensorDict, rows: Tensor, norm: Totals, measured: Metrics, found: Tensor | None = None
    ) -> None:
        """Take one optimiser step on some rows, in micro-batches.

        Without any row gradients are 0, and momentum moves the weights all the same. ``found`` (``[N, R]``) takes this
        rank's part of the log-probabilities, as `_evaluate` would have found them before.
        """
        work = self._shares(buffer, rows) if len(rows) else [(torch.tensor([0]), True)]
        total = torch.zeros((), dtype=torch.float64)
        for index, (part, idle) in enumerate(work):
            batch = rollouts.trim(buffer[part]).to(self.world.device)
            with distributed.accumulate(self.forward, exchange=index in (0, len(work) - 1)):
                with self._autocast():
                    log_prob, entropy = self.forward(batch)
                if idle:
                    batch["response_mask"] = torch.zeros_like(batch["response_mask"])
                loss, metrics = policy_loss(log_prob, entropy, batch, self.config.loss, norm)
                # Gradients are averaged over ranks; the loss is normalised over all of them already.
                (loss * self.world.size).backward()
            measured += metrics
            total += loss.detach().double().cpu()
            if found is not None and not idle:
                own = torch.where(batch["response_mask"], log_prob.detach(), 0.0)
                found[part, : own.shape[1]] = own.float().cpu()
        norm_value = self._clip()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.updates, self.config)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.updates += 1
        one = torch.ones(1, dtype=torch.bool)
        measured.mean("loss", total.reshape(1) * self.world.size, one)
        measured.mean("grad_norm", norm_value.reshape(1), one)
        measured.mean("lr", torch.tensor([self.optimizer.param_groups[0]["lr"]], dtype=torch.float64), one)

    def _clip(self) -> Tensor:
        """Clip the gradient and return its norm before; a gradient that is not finite ends the run."""
        trained = [parameter for parameter in self.policy.parameters() if parameter.requires_grad]
        norm = nn.utils.clip_grad_norm_(trained, self.config.max_grad_norm)
        norm = (norm.full_tensor() if isinstance(norm, DTensor) else norm).detach().cpu()
        if not norm.isfinite():
            raise GrpoError(f"the gradient of update {self.updates} is {norm.item()}: lower lr or look at the rewards")
        return norm

    def _validate(self) -> dict[str, float]:
        """Return the validation's figures if it is time for one."""
        if self.validate is None or not self._due(self.config.validate_every):
            return {}
        figures = distributed.from_first(self.validate, self.world)
        return {f"val/{key}": float(value) for key, value in figures.items()}

    def _note_best(self, metrics: Mapping[str, float]) -> None:
        """Note whether an iteration's policy is the best so far, if it was validated.

        Raises:
            ConfigError: the validation has no ``best_metric``; what was trained is saved.
        """
        self.best_now = False
        if self.config.best_metric is None or not self._due(self.config.validate_every):
            return
        figures = {key.removeprefix("val/"): value for key, value in metrics.items() if key.startswith("val/")}
        try:
            check_best_metric(self.config, figures)
        except ConfigError as error:
            self._save()
            raise ConfigError(f"{error} (iteration {self.iteration} is saved: resume with another)") from None
        found = figures[self.config.best_metric]
        self.best_now = found > self.best
        if self.best_now:
            self.best, self.best_step, self.stale = found, self.iteration, 0
        else:
            self.stale += 1

    def _due(self, every: int) -> bool:
        return bool(every) and (self.iteration % every == 0 or self.iteration == self.config.iterations)

    @property
    def _exhausted(self) -> bool:
        return 0 < self.config.patience <= self.stale

    def _samples(self, buffer: TensorDict | None) -> list[str]:
        if self.decode is None or buffer is None:
            return []
        picks = np.linspace(0, len(buffer) - 1, min(self.config.log_samples, len(buffer))).astype(int)
        return [self.decode(buffer[int(row)]) for row in picks]

    def _save(self) -> None:
        state = checkpoints.gather_state(self.policy, self.optimizer)
        if self.world.rank == 0:
            self._write(state)
        distributed.barrier(self.world)

    def _write(self, state: dict[str, Any]) -> None:
        counters = {name: getattr(self, name) for name in _COUNTERS}
        state |= {**counters, "config": flatten(self.config)}
        if self.pending is not None:
            state["pending"] = dict(self.pending.items())
        checkpoints.save(self.folder, self.iteration, state, self.config.keep, self.best_step)

    def _interrupted(self) -> None:
        """Save at once where torchrun may kill this process before the running iteration ends."""
        told = "stopping after this iteration, unless torchrun kills before, 30 s after Ctrl-C or by --shutdown-timeout"
        whole = self._collecting and self.iteration and (self.world.size == 1 or self.config.strategy == "ddp")
        if self.world.rank == 0 and whole and self.iteration not in self.folder.steps:
            self._write(checkpoints.gather_state(self.policy, self.optimizer))
            told += f" (saved: iteration {self.iteration})"
        if self.world.rank == 0:
            logger.warning(told)

    def _restore(self) -> None:
        mine = flatten(self.config)
        state = distributed.on_first(lambda: checkpoints.load_newest(self.folder, _COUNTERS, mine), self.world)
        counters = distributed.from_first(lambda: state and {name: state[name] for name in _COUNTERS}, self.world)
        if counters is None:
            return
        checkpoints.restore_state(self.policy, self.optimizer, state, self.world)
        for name, value in counters.items():
            setattr(self, name, value)
        ahead = distributed.from_first(lambda: state and state.get("pending"), self.world)
        self.pending = TensorDict(ahead, batch_size=[len(ahead["reward"])]) if ahead else None
        self.best_step = self.folder.best_step
        if self.world.rank == 0:
            checkpoints.prune(self.folder, self.config.keep)

    @contextmanager
    def _tracker(self) -> Iterator[Tracker | None]:
        if self.world.rank > 0:
            yield None
            return
        config = self.config
        name = config.run_name or self.folder.path.name
        tracker = Tracker(self.folder, self.iteration, config.swanlab, config.project, name, flatten(config))
        try:
            yield tracker
        finally:
            tracker.close()

    def _shares(self, buffer: TensorDict, rows: Tensor) -> list[tuple[Tensor, bool]]:
        return distributed.shares(buffer, rows, self.config.micro_tokens, self.policy.repeat_cost, self.world)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _seed(self, rank: int, number: int = 0, iteration: int | None = None) -> int:
        iteration = self.iteration if iteration is None else iteration
        return int(np.random.SeedSequence([self.config.seed, iteration, number, rank]).generate_state(1)[0])
