"""The recipe that a training run leaves behind: the agent that it trained, with its best weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memagents.backends import KINDS
from memagents.modules import MODULES
from memagents.prompts import prompt_names
from memgym.bank import runs_here
from memgym.errors import ConfigError, DataError

if TYPE_CHECKING:
    from grpo.run_folder import RunFolder


def trained_recipe(folder: Path, *, trust_code: bool = False) -> dict[str, Any]:
    """Return the content of a recipe for what was trained in ``folder``, a run's ``out_dir``.

    A language model plays in the precision in which it was sampled and validated.

    A folder is data, and may be anyone's: what it names is looked up in tables of ours, and a key goes to no host of
    its choosing.

    Args:
        folder: of the run.
        trust_code: whether it may name code of others, hosts, and files as prompts.

    Raises:
        ConfigError: the folder holds no run, or one that has not come to its end.
        DataError: its recipe, or the mark of its best checkpoint, is damaged.
    """
    from grpo.errors import RunFolderError
    from grpo.run_folder import RunFolder

    try:
        return _recipe(RunFolder(folder), trust_code)
    except RunFolderError as error:
        raise DataError(str(error)) from None


def _recipe(run: RunFolder, trust_code: bool) -> dict[str, Any]:
    from memagents.agents import agent_class
    from memagents.modules import module_class

    content = run.recipe()
    if content is None:
        raise ConfigError(f"recipe {run}: the folder holds no training run (no {run.recipe_file.name})")
    try:
        recipe: dict[str, Any] = {key: content[key] for key in ("agent", "backends", "modules") if key in content}
        if not trust_code:
            _check_names(run, recipe)
        own = agent_class(recipe["agent"]).modules
        for phase, table in recipe["modules"].items():
            if table.get("status") == "trained":
                module = module_class(table.get("module") or own[phase]["module"])
                _put_trained(run, table, module.needs_backend, recipe.get("backends"))
    except (KeyError, TypeError, AttributeError, StopIteration, IndexError) as error:
        raise DataError(f"{run.recipe_file} is damaged: {type(error).__name__} {error}".rstrip()) from None
    return recipe


def _check_names(run: RunFolder, recipe: Mapping[str, Any]) -> None:
    """Check that a recipe names what is in our tables alone: no code of others, no host, and no file as a prompt.

    Names are held against what is ours: whatever else can be imported, such as ``os:system`` or what a module of ours
    has imported, is somebody's choice.

    Raises:
        ConfigError: it names something else; the message names the field.
    """
    from memagents.agents import AGENTS

    if recipe["agent"] not in AGENTS:
        raise _foreign(run, "agent", recipe["agent"])
    for phase, table in recipe["modules"].items():
        for name, value in table.items():
            if not _is_ours(name, value):
                raise _foreign(run, f"modules.{phase}.{name}", value)
    for backend, table in recipe.get("backends", {}).items():
        for name, value in table.items():
            if not _asks_ours(name, value):
                raise _foreign(run, f"backends.{backend}.{name}", value)


def _is_ours(option: str, value: Any) -> bool:
    """Say whether an option of a module names something of ours, or nothing."""
    if option == "module":
        return value in MODULES
    if option == "embedder":
        return runs_here(value)
    return option != "prompt" or value in prompt_names()


def _asks_ours(option: str, value: Any) -> bool:
    """Say whether an option of a backend names something of ours, or nothing."""
    if option == "kind":
        return value in KINDS
    if option == "engine":  # classes and commands are strings there
        return all(isinstance(item, int | float) and name != "trust_remote_code" for name, item in value.items())
    return option not in ("base_url", "trust_remote_code") or not value


def _foreign(run: RunFolder, field: str, value: object) -> ConfigError:
    return ConfigError(
        f"{run.recipe_file}: {field} = {value!r:.200} is code, a host or a file of whoever trained there: with "
        "trust_code (--trust-code) it is used"
    )


def _put_trained(run: RunFolder, table: dict[str, Any], asks: bool, backends: Any) -> None:
    """Let a trained module, or the backend that it asks, use what was trained."""
    if not asks:
        if not run.has_checkpoint:
            raise ConfigError(f"recipe {run}: the run has no checkpoint yet")
        table["weights"] = str(run.state_file(run.best_step))  # without validation the newest
    elif not run.model.is_dir():
        raise ConfigError(f"recipe {run}: the run has not come to its end; 'memagents train --resume' continues")
    else:
        backend = backends[table.get("backend") or next(iter(backends))]
        backend["model"] = str(run.model)
        if precision := backend.pop("rollout_dtype", None):
            backend["dtype"] = precision
