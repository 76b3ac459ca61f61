"""``memgym round``: sealed rounds are made, take result files in, and are opened."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from memgym.cli.terminal import App
from memgym.errors import ConfigError

app = App("Sealed rounds: a suite on episodes that nobody can make before the round is opened.")

RoundFile = Annotated[Path, typer.Argument(metavar="ROUND", help="The round's public file, ….round.json.")]


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What the round is called.")],
    suite: Annotated[str, typer.Option(metavar="SUITE", help="A suite of procedural tasks (see 'memgym envs').")],
    opens: Annotated[str, typer.Option(metavar="DATE", help="From when on the seed may be told, e.g. 2027-03-01.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the two files.")] = Path(),
) -> None:
    """Make a round: a file to publish, and one with the secret seed to keep."""
    from memgym.leaderboard.rounds import make_round, sealed, write_round

    round_ = make_round(name, suite, _date(opens), date.today())
    public, secret = out / f"{name}.round.json", out / f"{name}.secret.json"
    for path in (public, secret):
        if path.exists():
            raise ConfigError(f"{path} is there already")
    write_round(round_, secret)
    write_round(sealed(round_), public)
    typer.echo(f"{public}: publish it; it commits to the seed\n{secret}: keep it to yourself until {round_.opens}")


@app.command(present_folder=False)
def add(
    round_file: RoundFile,
    files: Annotated[list[Path], typer.Argument(help="Result files that were handed in, or folders of them.")],
) -> None:
    """Note in the public file which result files are there before the round is opened."""
    from memgym.leaderboard.files import result_files
    from memgym.leaderboard.rounds import read_round, submit, write_round

    before = read_round(round_file)
    after = submit(before, result_files(files), date.today())
    write_round(after, round_file, replace=True)
    new = len(after.submissions) - len(before.submissions)
    typer.echo(f"{round_file}: {new} files were taken in, {len(after.submissions)} are there")


@app.command("open")
def open_round(
    round_file: RoundFile,
    secret: Annotated[Path, typer.Option(metavar="FILE", help="The round's secret file, ….secret.json.")],
) -> None:
    """Write the seed into the public file, once its day has come."""
    from memgym.leaderboard.rounds import opened, read_round, write_round

    write_round(opened(read_round(round_file), read_round(secret), date.today()), round_file, replace=True)
    typer.echo(f"{round_file} is open: 'memgym verify FILE --round {round_file}' checks what was played on it")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--opens takes a day such as 2027-03-01, not {text!r}") from None
