"""The recipe that a training run leaves behind: the agent that it trained, with its best weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memgym.errors import ConfigError, DataError


def trained_recipe(folder: Path) -> dict[str, Any]:
    """Return the content of a recipe for what was trained in ``folder``, a run's ``out_dir``.

    Raises:
        ConfigError: the folder holds no run, or one that has not come to its end.
        DataError: its recipe, or the mark of its best checkpoint, is damaged.
    """
    from grpo.errors import RunFolderError
    from grpo.run_folder import RunFolder

    run = RunFolder(folder)
    try:
        content = run.recipe()
        weights = run.state_file(run.best_step) if run.has_checkpoint else None
    except RunFolderError as error:
        raise DataError(str(error)) from None
    if content is None:
        raise ConfigError(f"recipe {folder}: the folder holds no training run (no {run.recipe_file.name})")
    try:
        recipe = {key: content[key] for key in ("agent", "backends", "modules") if key in content}
        trained = [table for table in recipe["modules"].values() if table.get("status") == "trained"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{run.recipe_file} is damaged: {error}") from None
    for table in trained:
        if run.model.is_dir():
            backends = recipe["backends"]
            backends[table.get("backend") or next(iter(backends))]["model"] = str(run.model)
        elif "backends" in recipe:
            raise ConfigError(f"recipe {folder}: the run has not come to its end; 'memagents train --resume' continues")
        elif weights is None:
            raise ConfigError(f"recipe {folder}: the run has no checkpoint yet")
        else:
            table["weights"] = str(weights)
    return recipe
