"""What a suite is, and how one is read from a TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from memgym.checks import check_int
from memgym.errors import ConfigError, unknown
from memgym.shown import plain

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = {
    "split": "the entry has a field for it",
    "reveal_gold": "whether a policy reads the gold answers is told by the policy",
}


@dataclass(frozen=True)
class SuiteEntry:
    """Some episodes of one environment.

    Args:
        name: how the entry is called in tables.
        env_id: a registered environment id.
        kwargs: make-arguments, JSON-able.
        split: split of the task.
        episodes: how many episodes; those with the first indices are played.
        trials: how often each is played (avg@k).
    """

    name: str
    env_id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    split: str = "test"
    episodes: int = 20
    trials: int = 1


@dataclass(frozen=True)
class Suite:
    """A named list of entries. The suite's score is the mean over its entries.

    Args:
        name: names the suite in result files.
        description: what it is for, in a few words.
        entries: what is played.
        left_out: names of further entries that are not, as their data files are missing.
    """

    name: str
    description: str
    entries: tuple[SuiteEntry, ...]
    left_out: tuple[str, ...] = ()


def read_suite(path: Path) -> Suite:
    """Read a suite from a TOML file such as::

        name = "my-suite"
        description = "what it is for"

        [[entries]]
        name = "easy"
        env_id = "memgym/MemoryBank-v1"
        split = "test"      # this and what follows may be left out
        episodes = 20
        trials = 1
        kwargs = {task = "mypackage.tasks:MyTask", difficulty = "easy"}

    Raises:
        ConfigError: the file cannot be read, or something in it is unknown, missing or does not fit.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"suite {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # TOML, and UTF-8
        raise ConfigError(f"suite {path} is no TOML file: {error}") from None
    _check_keys(content, f"suite {path}", ("name", "description", "entries"), ("name", "entries"))
    written = content["entries"]
    if not isinstance(written, list) or not all(isinstance(entry, dict) for entry in written):
        raise ConfigError(f"suite {path}: 'entries' must be tables, each headed [[entries]]")
    known = tuple(part.name for part in fields(SuiteEntry))
    for number, entry in enumerate(written, 1):
        _check_keys(entry, f"suite {path}, entry {number}", known, ("name", "env_id"))
    entries = tuple(SuiteEntry(**entry) for entry in written)
    suite = Suite(content["name"], content.get("description", ""), entries)
    check_suite(suite, f"suite {path}")
    return suite


def check_suite(suite: Suite, where: str) -> None:
    """Check a suite from outside.

    Args:
        suite: is checked.
        where: how messages call it.

    Raises:
        ConfigError: something does not fit; the message names the entry and the field.
    """
    if not isinstance(suite.name, str) or not _NAME.fullmatch(suite.name):
        raise ConfigError(f"{where}: 'name' must be of letters, digits, '.', '_' and '-', not {suite.name!r}")
    if not isinstance(suite.description, str):
        raise ConfigError(f"{where}: 'description' must be a text, not {suite.description!r}")
    if not suite.entries:
        raise ConfigError(f"{where} has no entries")
    names = set()
    for number, entry in enumerate(suite.entries, 1):
        try:
            _check_entry(entry)
        except ConfigError as error:
            raise ConfigError(f"{where}, entry {number}: {error}") from None
        if entry.name in names:
            raise ConfigError(f"{where}, entry {number}: another entry is called {entry.name!r}, too")
        names.add(entry.name)


def check_kwargs(kwargs: Mapping[str, Any]) -> None:
    """Check that make-arguments are none that an evaluation sets itself.

    Raises:
        ConfigError: one is.
    """
    for name, reason in _RESERVED.items():
        if name in kwargs:
            raise ConfigError(f"'kwargs' must not have {name!r}: {reason}")


def _check_entry(entry: SuiteEntry) -> None:
    for name in ("name", "env_id", "split"):
        value = getattr(entry, name)
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{name!r} must be a text, not {value!r}")
        if plain(value) != value or value.strip() != value:
            raise ConfigError(f"{name!r} has a sign that cannot be seen, or a space at an end: {value!r}")
    check_int("episodes", entry.episodes, 1)
    check_int("trials", entry.trials, 1)
    if not isinstance(entry.kwargs, dict):
        raise ConfigError(f"'kwargs' must be a table of make-arguments, not {entry.kwargs!r}")
    check_kwargs(entry.kwargs)
    try:
        json.dumps(entry.kwargs, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"'kwargs' must be such that JSON can write them: {error}") from None


def _check_keys(table: dict[str, Any], where: str, known: Collection[str], needed: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise unknown(f"field in {where}:", key, known)
    for key in needed:
        if key not in table:
            raise ConfigError(f"{where} needs the field {key!r}")
