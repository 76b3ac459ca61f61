"""Where a run's figures go: always ``metrics.jsonl`` and ``samples.jsonl``, and SwanLab if asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grpo.errors import MissingExtraError
from grpo.files import append_line, cut_back
from grpo.run_folder import RunFolder

_SWANLAB_MODES = {"cloud": "online", "offline": "offline"}


class Tracker:
    """Appends one JSON line per step; a resumed run is first cut back to the step it resumes from.

    Args:
        folder: The run's folder.
        step: The step the run starts from: 0, or that of the checkpoint.
        swanlab: ``"cloud"`` (needs ``swanlab login``), ``"offline"`` (writes ``<folder>/swanlab``; ``swanlab sync``
            uploads it) or ``"off"``. A resumed run is a new SwanLab experiment.
        project: SwanLab project.
        name: SwanLab experiment.
        config: Settings to show in SwanLab.
    """

    def __init__(
        self,
        folder: RunFolder,
        step: int,
        swanlab: str = "off",
        project: str = "grpo",
        name: str = "",
        config: Any = None,
    ):
        for file in (folder.metrics_file, folder.samples_file):
            cut_back(file, step)
        self._folder = folder
        self._run = None
        if swanlab != "off":
            self._run = _start(_SWANLAB_MODES[swanlab], folder, project, name, config)

    def log(self, step: int, metrics: Mapping[str, float], samples: Sequence[str] = ()) -> None:
        """Write the figures of a step, and its sampled trajectories as text."""
        append_line(self._folder.metrics_file, {"step": step, **metrics})
        if samples:
            append_line(self._folder.samples_file, {"step": step, "samples": list(samples)})
        if self._run is not None:
            import swanlab

            texts = {"samples": [swanlab.Text(text) for text in samples]} if samples else {}
            swanlab.log({**metrics, **texts}, step=step)

    def close(self) -> None:
        """Finish the SwanLab run."""
        if self._run is not None:
            self._run.finish()
            self._run = None


def _start(mode: str, folder: RunFolder, project: str, name: str, config: Any) -> Any:
    try:
        import swanlab
    except ImportError as error:
        raise MissingExtraError("SwanLab tracking", "swanlab") from error
    folder.swanlab.mkdir(exist_ok=True)
    return swanlab.init(project=project, name=name, mode=mode, log_dir=str(folder.swanlab), config=config, reinit=True)
