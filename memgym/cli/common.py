"""What the commands share: ``key=value`` settings, and the data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import typer

from memgym.errors import ConfigError
from memgym.folders import DATA_FOLDER


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs; a value that is JSON is taken as such, anything else as a string.

    Raises:
        ConfigError: a pair has no ``=``, or bytes that are no text in the encoding of the locale.
    """
    parsed = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set takes KEY=VALUE, not {setting!r}")
        check_text("--set", setting)
        try:
            parsed[key] = json.loads(value)
        except ValueError:
            parsed[key] = value
        except RecursionError:
            raise ConfigError(f"--set {key}: the value is nested too deeply") from None
    return parsed


def check_text(option: str, given: str) -> str:
    """Return what was given to an option, if it is text.

    Raises:
        ConfigError: it has bytes that are no text in the encoding of the locale.
    """
    try:
        given.encode()
    except UnicodeEncodeError:  # Python keeps such bytes as lone surrogates
        raise ConfigError(f"{option} {given!r} is no text in the encoding of this locale; UTF-8 is best") from None
    return given


def use_data_folder(folder: Path | None) -> None:
    """Look data files up in a folder, if one is given."""
    if folder is not None:
        os.environ[DATA_FOLDER] = str(folder)


def check_beside(context: typer.Context, chosen: str, taken: Collection[str]) -> None:
    """Check that nothing was given which a choice leaves without effect.

    Args:
        context: of the command.
        chosen: the option that was chosen, for the message.
        taken: the names of the parameters that count beside it, it among them.

    Raises:
        ConfigError: something was.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in taken:
            raise ConfigError(f"{max(parameter.opts, key=len)} and {chosen} exclude each other")
