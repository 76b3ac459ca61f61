"""Typed, flat, documented settings: frozen dataclasses read from TOML files and ``key=value`` overrides.

A settings class is a frozen dataclass whose fields are made by :func:`option`. A field whose type is itself a settings
class is a *section* of the code only: in files and on the command line all keys are flat, so no two sections may share
a name. TOML has no None: the text ``none`` is it, where a field's type has None.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import operator
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from grpo.errors import ConfigError, unknown
from grpo.resolve import FROM_OUTSIDE, resolve

_BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "most": ("at most", operator.le),
    "below": ("less than", operator.lt),
}
_TOO_LARGE = 2**63


def option(
    default: Any, help: str, known: Mapping[str, str | Callable[..., Any]] | None = None, **bounds: float
) -> Any:
    """Return a dataclass field with a line of help; what is a number must be finite, an integer of 64 bits.

    Args:
        default: its value where none is given.
        help: the line.
        known: functions by their short names (or their ``module:function``), of which the value names one, or one from
            outside.
        **bounds: what a number must be as well: ``least``, ``above``, ``most`` or ``below`` a value.
    """
    return dataclasses.field(default=default, metadata={"help": help, "known": known, "bounds": bounds})


def check(settings: Any) -> None:
    """Check every field's value against its declared type and its bounds, and that what it names is there.

    To be called from ``__post_init__``.

    Raises:
        ConfigError: naming the field, its value and what is allowed.
    """
    hints = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value, known = getattr(settings, field.name), field.metadata.get("known")
        _check_value(field.name, value, hints[field.name])
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool):
                _check_number(field.name, number, field.metadata.get("bounds", {}))
        if known is not None and value not in known:  # ours are there, and would bring torch, which takes seconds
            resolve(field.name, value, known)


def build(cls: type, values: Mapping[str, Any]) -> Any:
    """Return a ``cls`` from flat ``values``; what is not given keeps its default.

    Raises:
        ConfigError: an unknown key (with the nearest known one), or a value of the wrong type.
    """
    known = {name for name, _, _ in flat_fields(cls)}
    for key in values:
        if key not in known:
            raise unknown("setting", key, known)
    return _build(cls, values)


def read_toml(path: str | Path | None) -> dict[str, Any]:
    """Return the keys of a TOML file (none without a path).

    Raises:
        ConfigError: a missing or broken file, by name.
    """
    if path is None:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read the config file {path}: {error.strerror}") from error
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number too long to be read
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Return the values of ``key=value`` strings, e.g. ``["lr=1e-4", "kl=none"]``."""
    values = {}
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(f"override {item!r} is not of the form key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
            # No setting is a date or a time: what looks like one is a name.
            values[key.strip()] = text if isinstance(value, datetime.date | datetime.time) else value
        except tomllib.TOMLDecodeError:
            values[key.strip()] = text
        except (RecursionError, ValueError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise ConfigError(f"override {key.strip()}: {reason}") from None
    return values


def flatten(settings: Any) -> dict[str, Any]:
    """Return the flat ``{key: value}`` of a settings object; :func:`build` is the inverse."""
    flat = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        flat.update(flatten(value) if dataclasses.is_dataclass(value) else {field.name: value})
    return flat


def flat_fields(cls: type) -> Iterator[tuple[str, Any, str]]:
    """Yield ``(key, default, help)`` of every flat key; the help ends with the choices where there are a few."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint, known = hints[field.name], field.metadata.get("known")
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from flat_fields(hint)
            continue
        choices = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
        if known is not None:
            choices = (*known, FROM_OUTSIDE)
        help = field.metadata.get("help", "")
        yield field.name, field.default, f"{help} ({', '.join(choices)})" if choices else help


def _build(cls: type, values: Mapping[str, Any]) -> Any:
    arguments, hints = {}, typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = _build(hints[field.name], values)
        elif field.name in values:
            value = values[field.name]
            if value == "none" and _fits(None, hints[field.name]):
                value = None
            arguments[field.name] = tuple(value) if isinstance(value, list) else value
    return cls(**arguments)


def _check_value(name: str, value: Any, hint: Any) -> None:
    if _fits(value, hint):
        return
    if typing.get_origin(hint) is typing.Literal:
        raise unknown(f"value of {name}:", value, typing.get_args(hint))
    raise ConfigError(f"{name} = {value!r} is not of type {getattr(hint, '__name__', None) or hint}")


def _check_number(name: str, number: float, bounds: Mapping[str, float]) -> None:
    if not (abs(number) < _TOO_LARGE if isinstance(number, int) else math.isfinite(number)):
        raise ConfigError(f"{name} = {number} must be a finite number{' of 64 bits' * isinstance(number, int)}")
    if not all(_BOUNDS[bound][1](number, limit) for bound, limit in bounds.items()):
        allowed = " and ".join(f"{_BOUNDS[bound][0]} {limit}" for bound, limit in bounds.items())
        raise ConfigError(f"{name} = {number} must be {allowed}")


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if hint is types.NoneType:
        return value is None
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is tuple:
        parts = typing.get_args(hint)
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(_fits(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if hint is float:  # an int is a fine float, a bool is neither
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
