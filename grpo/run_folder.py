"""The folder of a training run: what lies where.

::

    recipe.json                          what was trained, as whoever started the run wrote it down
    metrics.jsonl, samples.jsonl         a line per iteration: figures; sampled trajectories as text
    checkpoints/step-00000012/state.pt   see :mod:`grpo.checkpoints`
    checkpoints/best.json                which checkpoint had the best validation
    model/                               the language model that was trained, once the run has ended
    swanlab/                             SwanLab's own files, if it was asked for

Nothing here needs torch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grpo.errors import RunFolderError
from grpo.files import read_lines, read_object, write_whole

_STEP = re.compile(r"step-(\d{8})")


class RunFolder:
    """A run's folder, which need not exist yet.

    Args:
        path: of the folder, a run's ``out_dir``.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.metrics_file = self.path / "metrics.jsonl"
        self.samples_file = self.path / "samples.jsonl"
        self.recipe_file = self.path / "recipe.json"
        self.checkpoints = self.path / "checkpoints"
        self.best_file = self.checkpoints / "best.json"
        self.model = self.path / "model"
        self.swanlab = self.path / "swanlab"

    def __str__(self) -> str:
        return str(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self.path.is_dir()

    @property
    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order."""
        if not self.checkpoints.is_dir():
            return []
        return sorted(int(match[1]) for path in self.checkpoints.iterdir() if (match := _STEP.fullmatch(path.name)))

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return bool(self.steps)

    @property
    def best_step(self) -> int | None:
        """The step marked as best, if any.

        Raises:
            RunFolderError: the mark is damaged.
        """
        if not self.best_file.is_file():
            return None
        step = read_object(self.best_file).get("step")
        if not isinstance(step, int):
            raise RunFolderError(f"{self.best_file} is damaged: it names no step")
        return step

    def mark_best(self, step: int) -> None:
        """Mark a step as best, atomically."""
        write_whole(self.best_file, json.dumps({"step": step}))

    def checkpoint(self, step: int) -> Path:
        """Return the folder of a step's checkpoint, whether there is one or not."""
        return self.checkpoints / f"step-{step:08d}"

    def state_file(self, step: int | None = None) -> Path:
        """Return the file of a checkpoint: of a ``step``, by default the newest.

        Raises:
            RunFolderError: there is none.
        """
        known = self.steps
        if not known or (step is not None and step not in known):
            raise RunFolderError(f"{self.checkpoints} holds no checkpoint{'' if step is None else f' of step {step}'}")
        return self.checkpoint(known[-1] if step is None else step) / "state.pt"

    def metrics(self) -> list[dict[str, float]]:
        """Return the figures of each iteration, ``step`` among them; a last line torn by a kill is left out.

        Raises:
            RunFolderError: the file cannot be read, or a line is broken, by number.
        """
        records = read_lines(self.metrics_file)
        for number, record in enumerate(records, 1):
            where = f"{self.metrics_file}, line {number}:"
            if not (isinstance(record, dict) and all(isinstance(value, int | float) for value in record.values())):
                raise RunFolderError(f"{where} not a JSON object of numbers")
            if "step" not in record:
                raise RunFolderError(f"{where} 'step' is missing")
        return records

    def samples(self) -> list[dict[str, Any]]:
        """Return the sampled trajectories: ``step`` and ``samples``, a list of texts; errors as for :meth:`metrics`."""
        return read_lines(self.samples_file)

    def recipe(self) -> dict[str, Any] | None:
        """Return what was written down of the run; None where nothing was.

        Raises:
            RunFolderError: it is damaged.
        """
        return read_object(self.recipe_file) if self.recipe_file.is_file() else None

    def write_recipe(self, content: Mapping[str, Any]) -> None:
        """Write down what is trained, atomically; the folder is made."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.recipe_file, json.dumps(content, indent=1))
