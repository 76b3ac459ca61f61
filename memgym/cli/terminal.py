"""What lies between the commands and the terminal: streams, colours, errors in one line, help."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

import memgym
from memgym.errors import MemgymError
from memgym.shown import plain

PLAIN = {
    "…": "...",
    "→": "->",
    "»": ">",
    **dict.fromkeys("‐‑‒–—−─━", "-"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”„", '"'),
}
"""What is written in place of signs that a terminal's encoding lacks; all others become ``?``."""
LONGEST_ERROR = 2000

_Function = TypeVar("_Function", bound=Callable[..., Any])


def prepare_streams() -> None:
    """Let no sign that an encoding lacks end a command: it is replaced, as it is read and as it is written."""
    codecs.register_error("memgym.plain", _plain)
    if sys.stdin is None:  # closed, as a service may have it: nothing is to be read
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "memgym.plain"), (sys.stderr, "memgym.plain")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def make_console(**options: Any) -> Console:
    """Return a console on standard output that takes text as it is, and whose tables fit the encoding."""
    return Console(**{"file": sys.stdout, "markup": False, "highlight": False, "emoji": False, **options})


def print_whole(console: Console, *parts: RenderableType) -> None:
    """Print texts and tables; where the console is too narrow for a table's numbers, they go beyond it, uncut."""
    for part in parts:
        if not isinstance(part, Table):
            console.print(part)
            continue
        part.expand = False
        needed = Measurement.get(console, console.options.update(max_width=1000), part).minimum
        if needed > console.width:  # rich itself goes no further than the console
            part.width = needed
        console.print(part, crop=False)


def say_error(error: object, colour: str = "red") -> None:
    """Write one line to standard error; an error may quote a file."""
    line = plain(" ".join(str(error).splitlines()))
    typer.secho(line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…", fg=colour, err=True)


def to_int(digits: str) -> int:
    """Return the number that decimal digits of a person say; any that is longer than all of ours is as good as one."""
    return int(digits) if len(digits) <= 18 else 10**18


def at_least(least: int) -> Callable[[int | None], int | None]:
    """Return a callback for an option that is refused below ``least``."""

    def check(value: int | None) -> int | None:
        if value is not None and value < least:
            raise typer.BadParameter(f"it must be at least {least}, not {value}")
        return value

    return check


class App(typer.Typer):
    """A command with subcommands, each of which ends in one line where it fails; ``--version`` says memgym's version.

    A name ``module:Class`` may be of a module in the present folder, as under ``python -m``; but not where a command
    reads what others wrote.
    """

    def __init__(self, help: str):
        super().__init__(
            help=help,
            cls=_Commands,
            no_args_is_help=True,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode=None,  # help of plain text: it fits any width and encoding
        )
        self.callback()(_begin)

    def command(
        self, name: str | None = None, *, present_folder: bool = True, **options: Any
    ) -> Callable[[_Function], _Function]:
        """Make a subcommand of a function.

        Args:
            name: of the subcommand.
            present_folder: whether modules of the present folder can be imported.
            **options: of Typer.
        """
        return super().command(name, **{"cls": _Command if present_folder else _ReadingCommand, **options})


def admit_present_folder() -> None:
    """Let modules of the present folder be imported."""
    if "" not in sys.path:
        sys.path.insert(0, "")


class _ReadingCommand(TyperCommand):
    def format_options(self, ctx: Any, formatter: Any) -> None:
        _format_options(self, ctx, formatter)


class _Command(_ReadingCommand):
    def invoke(self, ctx: Any) -> Any:
        admit_present_folder()
        return super().invoke(ctx)


class _Commands(TyperGroup):
    def main(self, *args: Any, **options: Any) -> Any:
        prepare_streams()
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what goes wrong outside of our code is one line, too.

        It ends with 2 after an error, and with 130 after Ctrl-C.
        """
        if os.environ.get("NO_COLOR"):
            ctx.color = False  # see https://no-color.org
        try:
            return super().invoke(ctx)
        except MemgymError as error:
            say_error(f"error: {error}")
        except KeyboardInterrupt:
            say_error("interrupted", "yellow")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # whoever read the output has seen enough
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            say_error(f"error: {where}{error.strerror or error or type(error).__name__}")
        raise typer.Exit(2)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _format_options(self, ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_paragraph(command)) for name, command in self.commands.items()])


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(memgym.__version__)
        raise typer.Exit


def _begin(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def _format_options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write the arguments and options as people read them, without Python's types."""
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        records = [param.get_help_record(ctx) for param in command.get_params(ctx) if param.param_type_name == kind]
        rows = [(re.sub(r" <.*>$", "", name), text) for name, text in filter(None, records)]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _first_paragraph(command: Any) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())
