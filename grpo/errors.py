"""The exceptions that grpo raises. Each message names the offending file, row, key or setting, and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GrpoError(Exception):
    """Base class of all errors raised by grpo."""


class ConfigError(GrpoError, ValueError):
    """A setting that does not exist, has the wrong type, or does not fit the others."""


class RolloutError(GrpoError, ValueError):
    """A rollout buffer with a missing, misshapen or inconsistent entry."""


class RunFolderError(GrpoError, ValueError):
    """A run's folder, or a file or checkpoint in it, that is missing, damaged, or of another run."""


class MissingExtraError(GrpoError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, package: str):
        super().__init__(f"{what} needs the package {package!r}: pip install '.[train]' in a clone of memgym")


def unknown(kind: str, name: object, known: Iterable[str]) -> ConfigError:
    """Build the error for a name that is not among the ``known`` ones, with the nearest as a suggestion."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")
