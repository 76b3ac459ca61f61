"""Checkpoints that are whole or absent, and that load at any number of ranks.

``state.pt`` of a step (see :mod:`grpo.run_folder`) holds the full (unsharded) state of policy and optimiser by
parameter name, and the trainer's counters. With it goes ``best.json``, which names the checkpoint with the best
validation so far. Both are written into a folder beside, which is then renamed: a killed process leaves the old
checkpoint or the new one, and the newest one's best is always there. There is no random state in it: every iteration
seeds itself from the config's seed and its number.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from grpo import distributed
from grpo.config import resumable
from grpo.distributed import TorchWorld
from grpo.errors import RunFolderError
from grpo.files import partial_of, remove_partials, written
from grpo.run_folder import RunFolder

FORMAT = 1

_ADDED = {"overlap": False}
"""Settings that earlier versions did not write, and what they did."""


def gather_state(policy: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the full states of the trained parameters and the optimiser; a collective call, whole on rank 0 only."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    # Asked for its state before its first step, an optimiser would be stepped to make one.
    moments = get_optimizer_state_dict(policy, optimizer, options=options) if optimizer.state else None
    weights = get_model_state_dict(policy, options=options)
    for name in _parameters(policy, trained=False) & weights.keys():  # frozen ones that are tied come through
        del weights[name]
    return {"policy": weights, "optimizer": moments}


def restore_state(
    policy: nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Any] | None, world: TorchWorld
) -> None:
    """Load what :func:`gather_state` returned, at any number of ranks; a collective call.

    Args:
        policy: gets its weights.
        optimizer: gets its moments, if there are any.
        state: the full state, on rank 0, which hands it out a tensor at a time; what the other ranks pass is not used.
        world: this process's place.

    Raises:
        RunFolderError: the state is of another policy.
    """
    distributed.on_first(lambda: _check_names(policy, state or {}), world)
    weights, moments = (state["policy"], state["optimizer"]) if world.rank == 0 and state else ({}, None)
    trained_before = distributed.from_first(lambda: moments is not None, world)
    options = StateDictOptions(full_state_dict=True, strict=False, broadcast_from_rank0=world.size > 1)
    try:
        set_model_state_dict(policy, weights, options=options)
    except RuntimeError as error:
        raise RunFolderError(f"the checkpoint is of another policy: {error}") from error
    if trained_before:
        set_optimizer_state_dict(policy, optimizer, moments or {}, options=options)


def _check_names(policy: nn.Module, state: Mapping[str, Any]) -> None:
    saved = state["policy"].keys() - {name for name, _ in policy.named_buffers()}
    wrong = saved ^ _parameters(policy, trained=True)
    if wrong:
        raise RunFolderError(f"the checkpoint is of another policy: parameter {min(wrong)!r} is on one side only")


def save(folder: RunFolder, step: int, state: Mapping[str, Any], keep: int, best: int | None) -> None:
    """Write the checkpoint of ``step`` atomically, then :func:`prune`.

    Args:
        folder: the run's.
        step: which is newer than all before.
        state: what is saved.
        keep: how many of the newest remain.
        best: the step with the best validation so far, if any: this one, or one that is still there.

    Raises:
        RunFolderError: it cannot be written; what was there is as it was.
    """
    target = folder.checkpoint(step)
    partial = partial_of(target)
    with written(target, mend=f". {_last_good(folder)}"):
        remove_partials(folder.checkpoints)
        partial.mkdir(parents=True)
        with open(partial / "state.pt", "wb") as file:
            try:
                torch.save({"format": FORMAT, **state}, file)
            except RuntimeError as error:  # PyTorch's writer, on a full disk
                raise OSError(
                    *(error.__context__.args if isinstance(error.__context__, OSError) else [error])
                ) from error
            file.flush()
            os.fsync(file.fileno())
        (partial / "best.json").write_text(json.dumps({"step": best}), encoding="utf-8")
        partial.rename(target)
    prune(folder, keep)


def prune(folder: RunFolder, keep: int) -> None:
    """Remove all checkpoints but the ``keep`` newest and the best."""
    kept = {*folder.steps[-keep:], folder.best_step}
    for old in folder.steps:
        if old not in kept:
            shutil.rmtree(folder.checkpoint(old), ignore_errors=True)


def _last_good(folder: RunFolder) -> str:
    if not folder.has_checkpoint:
        return "There is no earlier checkpoint"
    return f"The last good checkpoint is of iteration {folder.steps[-1]}: make room, and resume from there"


def load(folder: RunFolder, step: int | None = None) -> dict[str, Any]:
    """Return the state of ``step``, by default the newest.

    Raises:
        RunFolderError: none there, a damaged one, or one of another format.
    """
    path = folder.state_file(step)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of whatever kind: the bytes of a damaged file are read as if they meant something
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RunFolderError(f"{path} is no checkpoint of format {FORMAT}")
    return state


def load_newest(folder: RunFolder, counters: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the newest state, if it is one of this run; None where there is none.

    Args:
        folder: the run's.
        counters: what a trainer's state holds besides its settings, policy and optimiser.
        settings: the run's, flat.

    Raises:
        RunFolderError: it is damaged, no trainer's, or one of other settings.
    """
    if not folder.has_checkpoint:
        return None
    state = load(folder)
    lacking = {*counters, "config", "policy", "optimizer"} - state.keys()
    if lacking:
        raise RunFolderError(f"{folder.state_file()} is no checkpoint of a trainer: {min(lacking)!r} is missing")
    before = {**_ADDED, **state["config"]}
    free = resumable(best=state["best"] > -math.inf)
    changed = sorted(key for key in settings if key not in free and before.get(key) != settings[key])
    if changed:
        was = ", ".join(f"{key} = {before.get(key)!r}, now {settings[key]!r}" for key in changed)
        raise RunFolderError(f"the run in {folder} has other settings: {was}")
    return state


def _parameters(policy: nn.Module, trained: bool) -> set[str]:
    """Return the names of the trained or of the frozen parameters; tied ones have several."""
    named = policy.named_parameters(remove_duplicate=False)
    return {name for name, parameter in named if parameter.requires_grad == trained}
