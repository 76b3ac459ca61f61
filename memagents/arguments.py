"""What a recipe's table hands to a class or function is checked against its signature before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from memgym.errors import ConfigError, unknown


def check_arguments(
    make: Callable[..., Any], given: Mapping[str, Any], kind: str, what: str, also: Iterable[str] = ()
) -> None:
    """Check that ``make(**given)`` passes arguments that exist, and all that are needed.

    Args:
        make: what is to be called.
        given: its arguments by name.
        kind: what an argument is called in a message, e.g. ``key for Answerer:``.
        what: who takes them, e.g. ``Answerer``.
        also: further names that a table may have.

    Raises:
        ConfigError: one is unknown (the nearest is suggested) or missing.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.kind is not parameter.VAR_POSITIONAL
    }
    named = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
    for name in given:
        if name not in named and len(named) == len(parameters):  # no **kwargs
            raise unknown(kind, name, [*named, *also])
    for name in named:
        if parameters[name].default is inspect.Parameter.empty and name not in given:
            raise ConfigError(f"{what} needs the argument {name!r}")
