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
    from memagents.agents import agent_class
    from memagents.modules import module_class

    content = run.recipe()
    if content is None:
        raise ConfigError(f"recipe {run}: the folder holds no training run (no {run.recipe_file.name})")
    try:
        recipe: dict[str, Any] = {key: content[key] for key in ("agent", "backends", "modules") if key in content}
        own = agent_class(recipe["agent"]).modules
        for phase, table in recipe["modules"].items():
            if table.get("status") == "trained":
                module = module_class(table.get("module") or own[phase]["module"])
                _put_trained(run, table, module.needs_backend, recipe.get("backends"))
    except (KeyError, TypeError, AttributeError, StopIteration, IndexError) as error:
        raise DataError(f"{run.recipe_file} is damaged: {type(error).__name__} {error}".rstrip()) from None
    return recipe


def _put_trained(run: RunFolder, table: dict[str, Any], asks: bool, backends: Any) -> None:
    """Let a trained module, or the backend that it asks, use what was trained."""
    if not asks:
        if not run.has_checkpoint:
            raise ConfigError(f"recipe {run}: the run has no checkpoint yet")
        table["weights"] = str(run.state_file(run.best_step))  # without validation the newest
    elif not run.model.is_dir():
        raise ConfigError(f"recipe {run}: the run has not come to its end; 'memagents train --resume' continues")
    else:
        backends[table.get("backend") or next(iter(backends))]["model"] = str(run.model)
