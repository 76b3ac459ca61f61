"""The recipe that a training run leaves behind: the agent that it trained, with its best weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from memgym.errors import ConfigError, DataError

if TYPE_CHECKING:
    from grpo.run_folder import RunFolder


def trained_recipe(folder: Path) -> dict[str, Any]:
    """Return the content of a recipe for what was trained in ``folder``, a run's ``out_dir``.

    Raises:
        ConfigError: the folder holds no run, or one that has not come to its end.
        DataError: its recipe, or the mark of its best checkpoint, is damaged.
    """
    from grpo.errors import RunFolderError
    from grpo.run_folder import RunFolder

    try:
        return _recipe(RunFolder(folder))
    except RunFolderError as error:
        raise DataError(str(error)) from None


def _recipe(run: RunFolder) -> dict[str, Any]:
    content = run.recipe()
    if content is None:
        raise ConfigError(f"recipe {run}: the folder holds no training run (no {run.recipe_file.name})")
    try:
        recipe: dict[str, Any] = {key: content[key] for key in ("agent", "backends", "modules") if key in content}
        trained = [table for table in recipe["modules"].values() if table.get("status") == "trained"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{run.recipe_file} is damaged: {error}") from None
    for table in trained:
        if run.model.is_dir():
            backends = recipe["backends"]
            backends[table.get("backend") or next(iter(backends))]["model"] = str(run.model)
        elif "backends" in recipe:
            raise ConfigError(f"recipe {run}: the run has not come to its end; 'memagents train --resume' continues")
        elif not run.has_checkpoint:
            raise ConfigError(f"recipe {run}: the run has no checkpoint yet")
        else:
            table["weights"] = str(run.state_file(run.best_step))  # without validation the newest
    return recipe
