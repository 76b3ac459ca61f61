"""The recipe that a training run leaves behind: the agent that it trained, with its best weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memgym.errors import ConfigError, DataError

RECORD, MODEL, CHECKPOINTS = "recipe.json", "model", "checkpoints"
"""What a run's folder holds: the training recipe, the language model that was trained, the checkpoints."""


def trained_recipe(folder: Path) -> dict[str, Any]:
    """Return the content of a recipe for what was trained in ``folder``, a run's ``out_dir``.

    Raises:
        ConfigError: the folder holds no run, or one that has not come to its end.
        DataError: its record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        raise ConfigError(f"recipe {folder}: the folder holds no training run (no {RECORD})")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        recipe = {key: content[key] for key in ("agent", "backends", "modules") if key in content}
        trained = [table for table in recipe["modules"].values() if table.get("status") == "trained"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    for table in trained:
        if (folder / MODEL).is_dir():
            backends = recipe["backends"]
            backends[table.get("backend") or next(iter(backends))]["model"] = str(folder / MODEL)
        elif "backends" in recipe:
            raise ConfigError(f"recipe {folder}: the run has not come to its end; 'memagents train --resume' continues")
        else:
            table["weights"] = str(_weights(folder))
    return recipe


def _weights(folder: Path) -> Path:
    """Return the file of the best checkpoint, without validation the newest."""
    from grpo import checkpoints

    known = checkpoints.steps(folder / CHECKPOINTS)
    if not known:
        raise ConfigError(f"recipe {folder}: the run has no checkpoint yet")
    best = checkpoints.best_step(folder / CHECKPOINTS)
    return folder / CHECKPOINTS / f"step-{known[-1] if best is None else best:08d}" / "state.pt"
