"""Where a run's figures go: always ``metrics.jsonl`` and ``samples.jsonl``, and SwanLab if asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grpo.errors import GrpoError, MissingExtraError

METRICS, SAMPLES = "metrics.jsonl", "samples.jsonl"
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
        self, folder: Path, step: int, swanlab: str = "off", project: str = "grpo", name: str = "", config: Any = None
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for file in (METRICS, SAMPLES):
            cut_back(folder / file, step)
        self._folder = folder
        self._run = None
        if swanlab != "off":
            self._run = _start(_SWANLAB_MODES[swanlab], folder, project, name, config)

    def log(self, step: int, metrics: Mapping[str, float], samples: Sequence[str] = ()) -> None:
        """Write the figures of a step, and its sampled trajectories as text."""
        _append(self._folder / METRICS, {"step": step, **metrics})
        if samples:
            _append(self._folder / SAMPLES, {"step": step, "samples": list(samples)})
        if self._run is not None:
            import swanlab

            texts = {"samples": [swanlab.Text(text) for text in samples]} if samples else {}
            swanlab.log({**metrics, **texts}, step=step)

    def close(self) -> None:
        """Finish the SwanLab run."""
        if self._run is not None:
            self._run.finish()
            self._run = None


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics or samples file; a last line torn by a kill is left out.

    Raises:
        GrpoError: a broken line elsewhere, by number.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    records = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is empty or torn
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise GrpoError(f"{path}, line {number}: not JSON ({error})") from error
    return records


def cut_back(path: Path, step: int) -> None:
    """Drop all lines after ``step``, atomically."""
    if path.exists():
        kept = [record for record in read_jsonl(path) if record["step"] <= step]
        partial = path.with_suffix(".partial")
        partial.write_text("".join(map(_line, kept)), encoding="utf-8")
        partial.replace(path)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _append(path: Path, record: Mapping[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(_line(record))


def _start(mode: str, folder: Path, project: str, name: str, config: Any) -> Any:
    try:
        import swanlab
    except ImportError as error:
        raise MissingExtraError("SwanLab tracking", "swanlab") from error
    log_dir = folder / "swanlab"
    log_dir.mkdir(exist_ok=True)
    return swanlab.init(project=project, name=name, mode=mode, log_dir=str(log_dir), config=config, reinit=True)
