"""Learning curves of training runs, drawn from their ``metrics.jsonl``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memgym.errors import ConfigError, DataError, MissingExtraError, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")
_LABELS = {
    "reward/mean": "training reward per episode",
    "loss": "training loss",
    "entropy": "entropy",
    "reference_kl": "KL to the reference",
    "policy_kl": "KL of an update",
}
_STYLE: Any = {  # a dict; matplotlib types every key
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "memagents",  # equal figures give equal files
}

Records = list[dict[str, float]]


def plot_runs(folders: Sequence[Path], out: Path, names: Sequence[str] | None = None, score: str | None = None) -> None:
    """Draw the learning curves of training runs over each other.

    Above, the training reward (its moving mean over a tenth of the run, and faintly as it was; the loss where nothing
    is rewarded) and the main score on the held-out episodes; below, entropy and KL. What no run has is left out.

    Args:
        folders: of the runs, as ``out_dir`` named them.
        out: the picture, ``….svg`` or ``….png``; equal runs give equal files.
        names: of the runs, in the legend; by default their folders'.
        score: which validation score; by default the first run's ``best_metric``, else ``answer``, else ``reward``.

    Raises:
        ConfigError: the picture cannot be written, or no run has the score.
        DataError: a folder holds no run, or a damaged one.
        MissingExtraError: matplotlib is not installed.
    """
    if out.suffix not in FORMATS:
        raise ConfigError(f"the picture must be called … {' or … '.join(FORMATS)}, not {out.name!r}")
    folders = list(map(Path, folders))
    names = [folder.name for folder in folders] if names is None else list(names)
    if len(names) != len(folders) or not folders:
        raise ConfigError(f"there are {len(folders)} runs, but {len(names)} names")
    runs = dict(zip(_distinct(names, folders), map(read_run, folders), strict=True))
    held_out = f"val/{score or _main_score(folders[0], runs)}"
    if score is not None and not any(_has(records, held_out) for records in runs.values()):
        known = {
            name.removeprefix("val/") for run in runs.values() for record in run for name in record if "val/" in name
        }
        raise unknown("validation score", score, known)
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise MissingExtraError("plotting", "train") from None
    with matplotlib.rc_context(_STYLE):
        figure = _draw(runs, held_out)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(out, dpi=150, metadata={"Date": None} if out.suffix == ".svg" else None)
        except OSError as error:
            raise ConfigError(f"{out} cannot be written: {error.strerror}") from None


def read_run(folder: Path) -> Records:
    """Return the metrics of a run, one dict per iteration.

    Raises:
        DataError: there are none, or they are damaged.
    """
    from grpo.errors import RunFolderError
    from grpo.run_folder import RunFolder

    run = RunFolder(folder)
    path = run.metrics_file
    if not path.is_file():
        raise DataError(f"{folder} is no folder of a training run: it has no {path.name}")
    try:
        records = run.metrics()
    except RunFolderError as error:
        raise DataError(str(error)) from None
    if not records:
        raise DataError(f"{path} is empty: the run has not finished an iteration")
    return records


def _distinct(names: list[str], folders: Sequence[Path]) -> list[str]:
    """Return the names, with their folders where two runs are called the same."""
    return names if len({*names}) == len(names) else [str(folder) for folder in folders]


def _main_score(folder: Path, runs: Mapping[str, Records]) -> str:
    from grpo.errors import RunFolderError
    from grpo.run_folder import RunFolder

    run = RunFolder(folder)
    try:
        recipe = run.recipe()
        named = None if recipe is None else recipe["train"].get("best_metric")
    except RunFolderError as error:
        raise DataError(str(error)) from None
    except (KeyError, AttributeError):
        raise DataError(f"{run.recipe_file} is damaged: it holds no training recipe") from None
    if named and named != "none":
        return named
    return "answer" if any(_has(records, "val/answer") for records in runs.values()) else "reward"


def _draw(runs: Mapping[str, Records], held_out: str) -> Figure:
    from matplotlib.figure import Figure

    def some(*metrics: str) -> list[str]:
        """Return the first of the metrics that any run has, in a list."""
        return [name for name in metrics if any(_has(records, name) for records in runs.values())][:1]

    large = some("reward/mean", "loss") + some(held_out)
    small = some("entropy") + some("reference_kl", "policy_kl")
    if not large:
        raise DataError(f"nothing to draw: no run has a reward, a loss or the score {held_out.removeprefix('val/')!r}")
    figure = Figure(figsize=(8, 5), layout="constrained")
    rows = figure.subfigures(2 if small else 1, 1, height_ratios=(3, 2) if small else None, squeeze=False)[:, 0]
    for row, metrics in zip(rows, (large, small), strict=False):
        for axes, metric in zip(row.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
            for name, records in runs.items():
                _draw_run(axes, name, records, metric)
            axes.set_xlabel("iteration")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_title(_LABELS.get(metric, f"held-out {metric.removeprefix('val/')}"), fontsize="medium")
    if len(runs) > 1:
        handles, labels = rows[0].axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(runs), 4), frameon=False)
    return figure


def _draw_run(axes: Axes, name: str, records: Records, metric: str) -> None:
    steps, values = np.array([(r["step"], r[metric]) for r in records if metric in r] or np.empty((0, 2))).T
    if metric.startswith("val/"):
        axes.plot(steps, values, marker="o", markersize=3, label=name)
        return
    (line,) = axes.plot(steps, _moving_mean(values), label=name)
    axes.plot(steps, values, color=line.get_color(), alpha=0.25, linewidth=0.8)


def _moving_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean around each value, over about a tenth of them."""
    window = np.ones(len(values) // 20 * 2 + 1)
    if not len(values):
        return values
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _has(records: Records, metric: str) -> bool:
    return any(metric in record for record in records)
