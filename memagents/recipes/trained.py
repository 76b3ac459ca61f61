"""The recipe that a training run leaves behind: the agent that it trained, with its best weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memgym.errors import ConfigError, DataError

if TYPE_CHECKING:
    from grpo.run_folder import RunFolder


OURS = ("baselines", "memagents", "memgym")
"""The packages whose classes a run's folder may name."""
_CODE = re.compile(r"([A-Za-z_]\w*)(\.\w+)*:\S+")
"""``module:Class``, and ``api:MODEL`` of embedders and readers."""


def trained_recipe(folder: Path, *, trust_code: bool = False) -> dict[str, Any]:
    """Return the content of a recipe for what was trained in ``folder``, a run's ``out_dir``.

    A language model plays in the precision in which it was sampled and validated.

    A folder is data, and may be anyone's: of what it names, only what is ours is run, and a key goes to no host of its
    choosing.

    Args:
        folder: of the run.
        trust_code: whether it may name code of others, and hosts.

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


def _check_names(run: RunFolder, value: Any, field: str = "") -> None:
    """Check that nothing in a recipe names code of others, a host, or an embedder that asks one.

    Raises:
        ConfigError: something does; the message names the field.
    """
    if isinstance(value, dict):
        for name, item in value.items():
            _check_names(run, item, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for item in value:
            _check_names(run, item, field)
    found = _CODE.fullmatch(value) if isinstance(value, str) else None
    code = found is not None and found[1] not in (*OURS, "hash", "minilm") and not field.endswith(".model")
    host = field.endswith((".base_url", ".trust_remote_code")) and bool(value)
    if code or host:
        raise ConfigError(
            f"{run.recipe_file}: {field} = {value!r:.200} is code or a host of whoever trained there: with "
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
