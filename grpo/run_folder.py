"""The folder of a training run: what lies where.

::

    recipe.json                          what was trained, as whoever started the run wrote it down
    metrics.jsonl, samples.jsonl         a line per iteration: figures; sampled trajectories as text
    checkpoints/step-00000012/state.pt   see :mod:`grpo.checkpoints`
    checkpoints/step-00000012/best.json  which checkpoint had the best validation when this one was saved
    model/                               the language model that was trained, once the run has ended
    swanlab/                             SwanLab's own files, if it was asked for
    .lock                                locked while a process trains here
    .….partial                           what is being written, or what a killed process has left

Nothing here needs torch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grpo.errors import RunFolderError
from grpo.files import partial_of, read_lines, read_object, remove_partials, write_whole, written

_STEP = re.compile(r"step-(\d{8})")


class RunFolder:
    """A run's folder, which need not exist yet.

    Args:
        path: of the folder, a run's ``out_dir``; a tilde is the user's home.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(os.path.expanduser(path))
        self.metrics_file = self.path / "metrics.jsonl"
        self.samples_file = self.path / "samples.jsonl"
        self.recipe_file = self.path / "recipe.json"
        self.checkpoints = self.path / "checkpoints"
        self.model = self.path / "model"
        self.swanlab = self.path / "swanlab"

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training here; the folder is made. Within a thread it can be nested.

        The system lets go of the lock when the process ends, however that happens.

        Raises:
            RunFolderError: another process trains here, or nothing can be written here.
        """
        from filelock import FileLock, Timeout  # torch brings it

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(os.path.abspath(self.path / ".lock"), timeout=0, is_singleton=True)
            lock.acquire()
        except Timeout:
            raise RunFolderError(
                f"another process trains in {self}: wait for its end, or choose another out_dir"
            ) from None
        except (OSError, ValueError) as error:
            raise self._unusable(error) from None
        try:
            yield
        finally:
            lock.release()

    def check(self, resume: bool) -> None:
        """Check that a run can begin here, or go on.

        Raises:
            RunFolderError: there is none to resume, one that would be lost, or the folder cannot be looked into.
        """
        try:
            if resume and not self.exists:
                raise RunFolderError(f"there is no run to resume in {self}")
            if not resume and self.has_checkpoint:
                raise RunFolderError(f"{self} holds a run: resume it, or choose another out_dir")
        except OSError as error:
            raise self._unusable(error) from None

    def clean(self) -> None:
        """Remove what killed processes have left unfinished."""
        for folder in (self.path, self.checkpoints):
            remove_partials(folder)

    def _unusable(self, error: OSError | ValueError) -> RunFolderError:
        """Build the error for a folder that cannot be made or used; a ValueError is a name with a null byte."""
        reason = getattr(error, "strerror", None) or error
        name = str(self) if len(str(self)) < 200 else f"{str(self)[:200]}…"
        return RunFolderError(f"out_dir = {name!r} cannot be used: {reason}. Choose another folder")

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
        """The step with the best validation, if any: the newest checkpoint knows, as it was saved together with it.

        Raises:
            RunFolderError: the mark is damaged.
        """
        if not self.has_checkpoint:
            return None
        file = self.best_file(self.steps[-1])
        step = read_object(file).get("step", "")
        if not isinstance(step, int | None) or isinstance(step, bool):
            raise RunFolderError(f"{file} is damaged: it names no step")
        return step

    def best_file(self, step: int) -> Path:
        """Return the file in a step's checkpoint that says which one is the best."""
        return self.checkpoint(step) / "best.json"

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
        """Write down what is trained, atomically; the folder is made.

        Raises:
            RunFolderError: it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.recipe_file, json.dumps(content, indent=1))

    def write_model(self, save: Callable[[Path], None]) -> None:
        """Write the folder ``model`` by ``save(folder)``, in place of an earlier one; a kill leaves no half of one.

        Raises:
            RunFolderError: it cannot be written.
        """
        old = partial_of(self.path / "model.old")
        with written(self.model, mend=". What was trained is in the newest checkpoint: make room, and resume"):
            try:
                save(partial_of(self.model))
            except Exception as error:  # the writers of weights and tokenizers have errors of their own
                raise OSError(
                    getattr(error, "errno", None) or 0, getattr(error, "strerror", None) or str(error)
                ) from error
            if self.model.exists():
                self.model.rename(old)
            partial_of(self.model).rename(self.model)
        self.clean()
