"""Running on one process or many under torchrun: the same steps either way.

Every rank collects its share of episodes, all ranks hold the gathered rollout, and each works on its share of every
optimiser step's micro-batches. Sums are normalised over the whole step, so one rank and two give the same update.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from tensordict import TensorDict
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from grpo.buffer import concatenate, micro_batches
from grpo.errors import ConfigError, GrpoError
from grpo.policies import PolicyForward, TrainablePolicy

T = TypeVar("T")


@dataclass(frozen=True)
class TorchWorld:
    """This process's place among its peers; the default is one process alone on the CPU."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def setup(device: str | None = None, patience: timedelta = timedelta(hours=2)) -> TorchWorld:
    """Join the process group that torchrun's environment describes, if any, and return this process's place.

    Call it before any model or engine is built: what is put on ``"cuda"`` from then on is on this rank's own card, and
    an engine that finds no process group makes one of its own, in which this process is alone. Tensors on the CPU are
    exchanged by gloo, those on a card by NCCL.

    Args:
        device: The kind of device, by default ``"cuda"`` where there is one.
        patience: How long a rank waits for the others, whose episodes may take longer, before it gives up.

    Raises:
        ConfigError: a rank without a card, or a process group that is not the one which torchrun's environment
            describes.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    place = _own_card() if kind == "cuda" else torch.device(kind)
    if "RANK" not in os.environ:
        return TorchWorld(device=place)
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo", timeout=patience)
    world = TorchWorld(dist.get_rank(), dist.get_world_size(), place)
    if (str(world.rank), str(world.size)) != (os.environ["RANK"], os.environ["WORLD_SIZE"]):
        raise ConfigError(
            f"this process is rank {world.rank} of {world.size} in its process group, but torchrun started it as rank "
            f"{os.environ['RANK']} of {os.environ['WORLD_SIZE']}: something made a group before grpo.distributed.setup"
        )
    return world


def _own_card() -> torch.device:
    """Make the card of this rank the current one, and return it."""
    index, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if index >= count:
        raise ConfigError(
            f"LOCAL_RANK = {index}, but PyTorch sees {count} CUDA devices here: start one process for each "
            "(with CUDA_VISIBLE_DEVICES= they run on the CPU)"
        )
    if "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(index)
    return torch.device("cuda", torch.cuda.current_device())


def leave() -> None:
    """Leave the process group, if there is one, once all ranks are here; the last thing that a process does."""
    if dist.is_initialized():
        dist.barrier()
        gloo = "gloo" in dist.get_backend()
        dist.destroy_process_group()
        if gloo:
            # FSDP's caches keep the group's threads alive. One of them may still be about to let go of the last
            # collective's tensors, for which it needs the GIL: without it by the end, it would abort the process.
            time.sleep(1)


def wrap(policy: TrainablePolicy, strategy: str, world: TorchWorld) -> nn.Module:
    """Move the policy to its device and return its callable ``forward(batch, reference=False)``.

    With several ranks the policy is replicated (``"ddp"``) or its parameters are sharded in place (``"fsdp"``, FSDP2).
    """
    forward = PolicyForward(policy.to(world.device))
    if world.size == 1:
        return forward
    if strategy == "ddp":
        trained = any(parameter.requires_grad for parameter in policy.parameters())
        return DistributedDataParallel(forward, gradient_as_bucket_view=True) if trained else forward
    mesh = dist.init_device_mesh(world.device.type, (world.size,))
    policy.uniform_passes = True
    for shard in policy.shards():
        fully_shard(shard, mesh=mesh)
    fully_shard(forward, mesh=mesh)  # in place
    return forward


def accumulate(forward: nn.Module, exchange: bool) -> AbstractContextManager:
    """Return the context of a micro-batch's backward pass, in which replicas exchange their gradients or do not.

    An update's first and last should: from the first exchange on, gradients lie where they are exchanged. Without it
    there would be two sets of them until the last.
    """
    return nullcontext() if exchange or not isinstance(forward, DistributedDataParallel) else forward.no_sync()


def shares(
    buffer: TensorDict, rows: Tensor, max_tokens: int, repeat_cost: float | None, world: TorchWorld
) -> list[tuple[Tensor, bool]]:
    """Return this rank's micro-batches of the given ``rows`` as ``(row indices, idle)``, equally many on every rank.

    Batches are cut in two until every rank has as many; where single rows are left, a rank runs an idle batch, which is
    computed (sharded parameters need every rank's call) but counts for nothing.
    """
    batches = [rows[part] for part in micro_batches(buffer[rows], max_tokens, repeat_cost)]
    while len(batches) % world.size and max(map(len, batches)) > 1:
        largest = max(range(len(batches)), key=lambda index: len(batches[index]))
        batches[largest : largest + 1] = batches[largest].tensor_split(2)
    work = [(batch, False) for batch in batches]
    work += [(batches[0], True)] * (-len(work) % world.size)
    return work[world.rank :: world.size]


def gather_rollouts(buffer: TensorDict, world: TorchWorld) -> TensorDict:
    """Return all ranks' rollouts as one, in order of rank, with ids that do not collide."""
    if world.size == 1:
        return buffer
    return concatenate(gather(buffer.cpu(), world), renumber=True)


def gather(value: T, world: TorchWorld) -> list[T]:
    """Return what every rank gave, in order of rank."""
    values: list[Any] = [value] * world.size
    if world.size > 1:
        dist.all_gather_object(values, value)
    return values


def sum_over_ranks(values: Tensor, world: TorchWorld) -> Tensor:
    """Return the elementwise sum over ranks."""
    if world.size > 1:
        values = values.to(world.device)
        dist.all_reduce(values)
    return values.cpu()


def any_rank(flag: bool, world: TorchWorld) -> bool:
    """Return whether the flag is set on some rank."""
    return bool(sum_over_ranks(torch.tensor(float(flag)), world) > 0)


def from_first(make: Callable[[], T], world: TorchWorld) -> T:
    """Return what ``make()`` returns on rank 0; every rank calls it, as it may run the policy."""
    box = [make()]
    if world.size > 1:
        dist.broadcast_object_list(box, src=0)
    return box[0]


def on_first(make: Callable[[], T], world: TorchWorld) -> T | None:
    """Return what ``make()`` returns on rank 0, which alone calls it; None on the others.

    Raises:
        Exception: what ``make`` raised; on the other ranks, a GrpoError that says it.
    """
    made, error = None, None
    if world.rank == 0:
        try:
            made = make()
        except Exception as raised:
            error = raised
    reason = from_first(lambda: None if error is None else str(error), world)
    if error is not None:
        raise error
    if reason is not None:
        raise GrpoError(reason)
    return made


def barrier(world: TorchWorld) -> None:
    """Wait for all ranks."""
    if world.size > 1:
        dist.barrier()
