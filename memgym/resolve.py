"""Names: ours are short, anyone's are ``module:Class``; both are found by the same function.

Our own things stand in tables from short name to ``module:Class``, so that what is not used is not imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from memgym.errors import ConfigError, unknown

FROM_OUTSIDE = "module:Class"
OFFERING = ("baselines", "memagents")
"""Packages beside memgym whose classes are suggested where a name lacks its module; none is needed."""


def check_name(kind: str, name: object, known: Iterable[str] = ()) -> str:
    """Return ``name`` if by its form it can name something: one of ``known``, or ``module:Class``. Nothing is imported.

    Raises:
        ConfigError: it cannot; the nearest name is suggested.
    """
    if not isinstance(name, str) or not (name in set(known) or ":" in name):
        raise unknown(kind, name, [*known, FROM_OUTSIDE])
    return name


def resolve(kind: str, name: object, known: Mapping[str, Any] = {}) -> Any:
    """Return what ``name`` names.

    Args:
        kind: what is looked for, for the message, e.g. ``task``.
        name: a key of ``known``, or ``module:Class`` of what anyone has written (dots after the colon reach inside).
        known: short name to the thing itself, or to its ``module:Class``.

    Raises:
        ConfigError: there is no such name, with the nearest one; or it cannot be imported, with the reason.
    """
    given = check_name(kind, name, known)
    found = known.get(given, given)
    if not isinstance(found, str):
        return found
    module, _, path = found.partition(":")
    try:
        thing = import_module(module)
        for part in path.split("."):
            thing = getattr(thing, part)
    except (ImportError, AttributeError, ValueError, TypeError) as error:  # TypeError: a relative name
        if name in known:  # an extra of ours that is not installed, not a wrong name
            raise
        raise ConfigError(f"cannot load {kind} {name!r} ({FROM_OUTSIDE}): {_reason(error, module, path)}") from error
    return thing


def resolve_class(kind: str, name: object, base: type, known: Mapping[str, Any] = {}) -> Any:
    """Return the class that ``name`` names, a concrete subclass of ``base``.

    Raises:
        ConfigError: as for :func:`resolve`, or it is no such class.
    """
    if isinstance(name, str) and not (name in known or ":" in name):
        raise unknown(kind, name, [*(known or _offered(base)), FROM_OUTSIDE])
    cls = resolve(kind, name, known)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError(f"{kind} {name!r} is not a subclass of {_public_name(base)}")
    if inspect.isabstract(cls):
        methods: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
        lacking = ", ".join(f"{method}()" for method in sorted(methods))
        raise ConfigError(f"{kind} {name!r} is abstract: it lacks {lacking}")
    return cls


def _public_name(cls: type) -> str:
    """Return by what name a user imports a class: from its package where that offers it, else from its module."""
    package = cls.__module__.partition(".")[0]
    offered = getattr(import_module(package), cls.__name__, None) is cls
    return f"{package if offered else cls.__module__}.{cls.__name__}"


def _reason(error: Exception, module: str, path: str) -> str:
    """Say what is wrong; for a name that is missing, with the nearest of those that the module has."""
    if isinstance(error, AttributeError) and "." not in path:
        there = vars(import_module(module)).items()
        names = [name for name, thing in there if not (name.startswith("_") or isinstance(thing, ModuleType))]
        return str(unknown(f"name in module {module}:", path, names))
    return str(error)


def _offered(base: type) -> list[str]:
    """Return the concrete subclasses of a class that the packages beside memgym offer, as ``module:Class``."""
    packages = [import_module(package) for package in OFFERING if find_spec(package)]
    return [
        f"{package.__name__}:{name}"
        for package in packages
        for name, thing in vars(package).items()
        if isinstance(thing, type) and issubclass(thing, base) and not inspect.isabstract(thing)
    ]
