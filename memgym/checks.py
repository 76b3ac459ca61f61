"""Checks of single arguments, whoever takes them; each returns the value, so that it can stand in an assignment."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from memgym.errors import ConfigError, unknown


def is_int(value: object) -> bool:
    """Return whether ``value`` is an integer; a bool, which Python takes for one, is not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether ``value`` is an int or float that is finite; a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_int(name: str, value: Any, low: int, high: int | None = None, *, optional: bool = False) -> Any:
    """Return ``value`` if it is an int from ``low`` to ``high`` (both included), or None where that is allowed.

    Raises:
        ConfigError: it is not.
    """
    if optional and value is None:
        return None
    if not (is_int(value) and value >= low and (high is None or value <= high)):
        bound = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ConfigError(f"argument {name!r} must be an int {bound}{' or None' * optional}, not {value!r}")
    return value


def check_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Any:
    """Return ``value`` if it is a finite number from ``low`` to ``high``.

    Args:
        name: of the argument.
        value: what was given.
        low, high: the bounds, both included.
        above: whether ``low`` itself is too low.

    Raises:
        ConfigError: it is not.
    """
    if not (is_number(value) and low <= value <= high and not (above and value == low)):
        bounds = [f"{'above' if above else 'of at least'} {low:g}"] if low > -math.inf else []
        bounds += [f"of at most {high:g}"] if high < math.inf else []
        raise ConfigError(
            f"argument {name!r} must be a number{' ' * bool(bounds)}{' and '.join(bounds)}, not {value!r}"
        )
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is a bool; the string "False" would pass for true.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"argument {name!r} must be True or False, not {value!r}")
    return value


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """Return ``value`` if it is one of ``choices``.

    Raises:
        ConfigError: it is not; the nearest is suggested.
    """
    try:
        known = value in choices
    except TypeError:  # a value that cannot be hashed
        known = False
    if not known:
        raise unknown(f"value of argument {name!r}:", value, map(str, choices))
    return value
