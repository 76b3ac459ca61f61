"""What a setting names: a function of ours by its short name, or anyone's as ``module:function``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from grpo.errors import ConfigError, unknown

FROM_OUTSIDE = "module:function"


def resolve(setting: str, name: str, known: Mapping[str, str | Callable[..., Any]]) -> Callable[..., Any]:
    """Return the function that the value ``name`` of a ``setting`` names.

    Args:
        setting: for the message.
        name: a key of ``known``, or ``module:function``.
        known: short name to the function itself, or to its ``module:function``.

    Raises:
        ConfigError: there is no such name, with the nearest one; or it cannot be imported, with the reason.
    """
    found = known.get(name, name)
    if not isinstance(found, str):
        return found
    module, colon, path = found.partition(":")
    if not colon:
        raise unknown(setting, name, [*known, FROM_OUTSIDE])
    try:
        there = vars(import_module(module))
    except (ImportError, ValueError, TypeError) as error:  # a ValueError or TypeError: an empty or relative name
        raise ConfigError(f"cannot load {setting} {name!r} ({FROM_OUTSIDE}): {error}") from error
    functions = {key: value for key, value in there.items() if callable(value) and not key.startswith("_")}
    if path not in functions:
        raise unknown(f"{setting} {name!r}: function in {module}:", path, functions)
    return functions[path]
