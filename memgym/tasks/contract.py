"""What a class must have to be a task; checked when it is loaded, so that an author learns of it in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass

from memgym.checks import is_int
from memgym.errors import ConfigError
from memgym.tasks.base import Task


def check_class(cls: type[Task], ours: Mapping[str, str]) -> None:
    """Check a concrete subclass of :class:`~memgym.tasks.base.Task`.

    Args:
        cls: the class.
        ours: memgym's own tasks, name to ``module:Class``: nobody else's may have one of these names, which stand for
            known scores.

    Raises:
        ConfigError: something is missing or of another type.
    """
    entry_point = f"{cls.__module__}:{cls.__qualname__}"
    fault = _fault(cls)
    if not fault and ours.get(cls.name, entry_point) != entry_point:
        fault = f"'name' is {cls.name!r}, which is a task of memgym: give yours another"
    if fault:
        raise ConfigError(f"task {entry_point!r}: {fault}")


def _fault(cls: type[Task]) -> str:
    """Return what is wrong, ``""`` if nothing is."""
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not name:
        return f"'name' must be a text, e.g. name = {cls.__name__.lower()!r}, not {name!r}"
    if not isinstance(cls.source, str):
        return f"'source' must be a text, not {cls.source!r}"
    if not is_int(cls.version):
        return f"'version' must be an int, not {cls.version!r}"
    if not isinstance(cls.splits, tuple) or not all(isinstance(split, str) for split in cls.splits):
        return f"'splits' must be a tuple of names, not {cls.splits!r}"
    if cls.default_split not in cls.splits:
        return f"'default_split' must be one of {cls.splits!r}, not {cls.default_split!r}"
    config = getattr(cls, "Config", None)
    if not (isinstance(config, type) and is_dataclass(config) and config.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        return f"'Config' must be a frozen dataclass, not {config!r}"
    for base in cls.__mro__[1:]:
        inherited = vars(base).get("Config", object)
        if not issubclass(config, inherited):
            return f"'Config' must derive from {inherited.__name__}, the Config of {base.__name__}"
    return ""
