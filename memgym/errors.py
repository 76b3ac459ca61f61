"""The exceptions that memgym raises. Each message names the offending argument, file, row or field, and the mend."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class MemgymError(Exception):
    """Base class of all errors raised by memgym."""


class ConfigError(MemgymError, ValueError):
    """A make-argument, option, name or index that does not exist or does not fit."""


class UnexpectedArgumentError(ConfigError, TypeError):
    """A keyword argument that a callable does not take."""


class DataError(MemgymError, ValueError):
    """A data file that is missing, damaged, or not of the expected schema."""


class ActionError(MemgymError, ValueError):
    """An action that does not fit its phase. Environments catch it and report it in ``info["action_error"]``."""


class BankFileError(MemgymError, ValueError):
    """A memory bank file that is damaged, foreign, or written by a newer version."""


class InUseError(MemgymError):
    """A file that another process is writing."""


class MissingExtraError(MemgymError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} needs the extra {extra!r}: pip install '.[{extra}]' in a clone of memgym")


def unknown(kind: str, name: object, known: Iterable[str], of: str = "") -> ConfigError:
    """Build the error for a name that is not among the ``known`` ones ``of`` something, with the nearest of them."""
    where = f" of {of}" if of else ""
    return ConfigError(f"unknown {kind} {name!r}{where}.{_hint(name, sorted(known))}")


def unexpected(where: str, name: str, known: Iterable[str], given: str) -> UnexpectedArgumentError:
    """Build the error for an argument that ``where`` does not take: Python's own wording, with the nearest name."""
    said = f"{where} got an unexpected keyword argument {name!r} (with {given})"
    return UnexpectedArgumentError(f"{said}.{_hint(name, sorted(known))}")


def nearest(name: object, known: Iterable[str]) -> str:
    """Return `` Did you mean …?`` with the known name that is nearest to ``name``, or nothing where none is near.

    Case does not count, nor does what stands before the last ``:`` or ``/`` of a known name.
    """
    names = sorted(known)
    keys = {key.casefold(): whole for whole in names for key in (re.split("[:/]", whole)[-1], whole)}
    near = get_close_matches(str(name).casefold(), keys, n=1)
    return f" Did you mean {keys[near[0]]!r}?" if near else ""


def _hint(name: object, names: list[str]) -> str:
    return f"{nearest(name, names)} Known: {', '.join(names) or 'none'}."
