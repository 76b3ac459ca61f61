"""What the commands share: errors shown as one line, and ``key=value`` settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from memgym.errors import ConfigError, MemgymError


def clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Show memgym's own errors as one line instead of a traceback, and exit with 2; Ctrl-C exits with 130."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except MemgymError as error:
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.secho("interrupted", fg="yellow", err=True)
            raise typer.Exit(130) from None

    return run


def print_whole(console: Console, *tables: Table) -> None:
    """Print tables; where the console is too narrow for their numbers, wider than it is rather than cut short."""
    for table in tables:
        table.expand = False
        needed = Measurement.get(console, console.options.update(max_width=1000), table).minimum
        console.print(table, width=max(console.width, needed), crop=False)


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs; a value that is JSON is taken as such, anything else as a string.

    Raises:
        ConfigError: a pair has no ``=``.
    """
    parsed = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set takes KEY=VALUE, not {setting!r}")
        try:
            parsed[key] = json.loads(value)
        except ValueError:
            parsed[key] = value
    return parsed
