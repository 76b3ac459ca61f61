"""The commands of ``memagents``; each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from memgym.cli.common import clear_errors
from memgym.errors import ConfigError, MemgymError, MissingExtraError

if TYPE_CHECKING:
    from memagents.agents import Agent
    from memagents.chat import Conversation
    from memagents.memory import Ingested, Reply
    from memagents.training import Run
    from memgym.bank import MemoryBank

app = typer.Typer(
    help="Memory agents: talk, remember, train.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RecipeOption = Annotated[str, typer.Option("--recipe", help="A TOML file, or the name of a built-in recipe.")]
BankOption = Annotated[Path, typer.Option("--bank", help="The memory bank's file; made where there is none.")]
EmbedderOption = Annotated[str, typer.Option(help="Of a new bank: hash, minilm or api:MODEL.")]
SeedOption = Annotated[int, typer.Option(help="Seed of the sampling.")]


@app.callback()
def main() -> None:
    """Let a recipe name a module in the present folder."""
    if "" not in sys.path:
        sys.path.insert(0, "")


@app.command()
@clear_errors
def chat(
    recipe: RecipeOption,
    bank: BankOption,
    name: Annotated[str, typer.Option(help="How you are called in the memories.")] = "User",
    embedder: EmbedderOption = "hash",
    seed: SeedOption = 0,
) -> None:
    """Talk with an agent that remembers you. Ctrl-D or /quit ends the session, which is then remembered."""
    from datetime import datetime

    from memagents.chat import Conversation

    agent, memory = _open(recipe, bank, embedder, seed)
    talk = Conversation(agent, memory, datetime.now().isoformat(timespec="seconds"), name)
    typer.secho(f"{len(memory)} memories in {bank}. /quit (or Ctrl-D) ends and remembers the session.", dim=True)
    try:
        _converse(talk)
        typer.secho("remembering this session …", dim=True)
        _show_ingested(talk.end())
        _save(memory, bank)
    except BaseException:
        _rescue(talk, bank)
        raise


@app.command()
@clear_errors
def ingest(
    dialogues: Annotated[list[Path], typer.Argument(help="Files of sessions (JSON array or lines).")],
    recipe: RecipeOption,
    bank: BankOption,
    embedder: EmbedderOption = "hash",
    seed: SeedOption = 0,
) -> None:
    """Remember the sessions of dialogue files; the bank is saved after each session."""
    from memagents.dialogues import read_sessions
    from memagents.memory import AgentMemory

    sessions = [session for path in dialogues for session in read_sessions(path)]
    agent, memory = _open(recipe, bank, embedder, seed)
    for session in sessions:
        typer.secho(f"session {session.id} {session.time}".rstrip(), bold=True)
        _show_ingested(AgentMemory(agent, memory).ingest(session))
        _save(memory, bank)
    typer.echo(f"{len(sessions)} sessions ingested; {len(memory)} memories in {bank}")


@app.command()
@clear_errors
def ask(
    questions: Annotated[list[str], typer.Argument(help="Questions; - reads them from standard input, one a line.")],
    recipe: RecipeOption,
    bank: BankOption,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per question.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Answer questions from a memory bank, which stays as it is."""
    from memagents.memory import AgentMemory

    if not bank.is_file():
        raise ConfigError(f"there is no memory bank {bank}; 'memagents ingest' and 'memagents chat' make one")
    agent, memory = _open(recipe, bank, "hash", seed)
    asked = [line.strip() for text in questions for line in (sys.stdin if text == "-" else [text])]
    for question in filter(None, asked):
        reply = AgentMemory(agent, memory).ask(question)
        if as_json:
            record = {
                "question": question,
                "answer": reply.text,
                "memories": [{"id": record.id, "text": record.text} for record in reply.used],
                "problems": reply.problems,
            }
            typer.echo(json.dumps(record, ensure_ascii=False))
        else:
            typer.secho(question, bold=True)
            _show_reply(reply)


def _open(recipe: str, bank: Path, embedder: str, seed: int) -> tuple[Agent, MemoryBank]:
    """Load the bank first: it is quick, and a model is not."""
    from memagents.agents import load_agent
    from memgym.bank import MemoryBank

    if not bank.parent.is_dir():
        raise ConfigError(f"--bank {bank}: there is no folder {bank.parent}")
    try:
        memory = MemoryBank.load(bank) if bank.exists() else MemoryBank(embedder)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be read: {error.strerror}") from None
    agent = load_agent(recipe)
    agent.reset(seed)
    return agent, memory


def _save(memory: MemoryBank, bank: Path) -> None:
    try:
        memory.save(bank)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be written: {error.strerror}") from None


def _converse(talk: Conversation) -> None:
    """Talk until the person ends it; where a reply fails, say why and go on."""
    try:
        while (said := _read_line(talk.person)) is not None:
            try:
                if said:
                    _show_reply(talk.say(said))
            except MemgymError as error:
                typer.secho(f"error: {error}", fg="red", err=True)
    except KeyboardInterrupt:
        typer.echo()


def _rescue(talk: Conversation, bank: Path) -> None:
    """Keep a session that could not be remembered."""
    from memagents.dialogues import write_session

    if not talk.session().turns:
        return
    name = f"{bank.name}.{talk.time.replace(':', '')}.json"
    path = bank.with_name(name)
    try:
        write_session(talk.session(), path)
    except OSError:  # the bank's folder cannot be written
        path = Path(tempfile.gettempdir()) / name
        write_session(talk.session(), path)
    typer.secho(f"this session was not remembered; it is kept for 'memagents ingest {path}'", fg="yellow", err=True)


def _read_line(name: str) -> str | None:
    """Return what the person types, None at the end."""
    try:
        said = input(f"{name}> ").strip().encode(errors="replace").decode()  # bytes that are no UTF-8
    except EOFError:
        typer.echo()
        return None
    return None if said == "/quit" else said


def _show_reply(reply: Reply) -> None:
    typer.echo(reply.text)
    for record in reply.used:
        typer.secho(f"  used {record.id} {record.text}", dim=True)
    _show_problems(reply.problems)


def _show_ingested(result: Ingested) -> None:
    for change in result.changes:
        if change.old is None:
            typer.secho(f"  + {change.new.id} {change.new.text}", fg="green")
        elif change.new is None:
            typer.secho(f"  - {change.old.id} {change.old.text}", fg="red")
        else:
            typer.secho(f"  ~ {change.new.id} {change.old.text} → {change.new.text}", fg="yellow")
    if not result.changes:
        typer.secho("  nothing new", dim=True)
    _show_problems(result.problems)


def _show_problems(problems: list[str]) -> None:
    for problem in problems:
        typer.secho(f"  unusable: {problem}", fg="yellow", err=True)


@app.command()
@clear_errors
def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a built-in training recipe.")],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="E.g. lr=1e-4 or env.difficulty=hard.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in out_dir.")] = False,
) -> None:
    """Train what a recipe marks as trained. Ctrl-C finishes the iteration and saves; --resume continues exactly.

    `memagents settings` lists what can be set.
    """
    with _training():
        from memagents.training import Run
        from memagents.training_recipes import read_training_recipe

        _train(Run(read_training_recipe(recipe, settings or ())), resume)


@app.command()
@clear_errors
def settings() -> None:
    """List the settings of training recipes, with their defaults."""
    with _training():
        from memagents.training_recipes import settings

        listed = list(settings())
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("table", "setting", "default", "meaning"):
        table.add_column(name, no_wrap=name != "meaning")
    for row in listed:
        table.add_row(*map(Text, row))
    Console().print(table)


@app.command()
@clear_errors
def demo(
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings of both training recipes.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the runs, the pictures and the result files.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Let a tiny language model and a reranker learn, measured before and after. Ctrl-C saves; once more goes on."""
    with _training():
        from memagents.demo import demo

        if not demo(out, settings or ()):
            raise typer.Exit(130)


@contextmanager
def _training() -> Iterator[None]:
    """Say which extra training needs, and turn the trainer's errors into memgym's."""
    from grpo.errors import GrpoError

    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("matplotlib", "peft", "tensordict", "torch", "transformers"):
            raise
        raise MissingExtraError("training", "train") from None
    except GrpoError as error:
        raise ConfigError(str(error)) from error


def _train(run: Run, resume: bool) -> None:
    from grpo.distributed import leave
    from memagents.progress import TrainingProgress

    config = run.recipe.run.trainer
    with TrainingProgress(config.iterations, visible=run.world.rank == 0) as progress:
        progress.say(f"training in {config.out_dir}")
        before = run.validation.scores() if config.validate_every else None
        run.train(resume, progress.report)
        if not run.complete:
            progress.say(f"stopped and saved after iteration {run.trainer.iteration}; --resume continues")
        elif before is not None:
            progress.say(f"held-out {run.rise(before)}")
    leave()


@app.command()
@clear_errors
def plot(
    runs: Annotated[list[Path], typer.Argument(help="Folders of training runs, drawn over each other.")],
    out: Annotated[Path, typer.Option(help="The picture: ….svg or ….png.")],
    names: Annotated[
        list[str] | None, typer.Option("--name", help="Of a run, in the legend; repeat in the order of the runs.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="Validation score; by default what the run selects by.")] = None,
) -> None:
    """Draw the learning curves of training runs."""
    from memagents.plot import plot_runs

    plot_runs(runs, out, names, score)
    typer.echo(f"learning curves in {out}")
