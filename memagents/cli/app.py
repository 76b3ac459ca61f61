"""The commands of ``memagents``; each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgym.cli.terminal import App, make_console, print_whole

app = App("Memory agents: talk, remember, train.")


def _named(path: Path) -> Path:
    if not path.name:
        raise typer.BadParameter("it must name a file")
    return path


RecipeOption = Annotated[
    str, typer.Option("--recipe", metavar="RECIPE", help="A TOML file, or the name of a built-in recipe.")
]
BankOption = Annotated[
    Path,
    typer.Option("--bank", metavar="FILE", callback=_named, help="The memory bank's file; made if there is none."),
]
EmbedderOption = Annotated[
    str, typer.Option(metavar="NAME", help="Of the bank: hash, minilm, api:MODEL or module:Class.")
]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Let a training run's folder name code of others, and hosts.")
]
SeedOption = Annotated[int, typer.Option(metavar="N", help="Seed of the sampling.")]


@app.command()
def chat(
    recipe: RecipeOption,
    bank: BankOption,
    name: Annotated[str, typer.Option(metavar="NAME", help="How you are called in the memories.")] = "User",
    embedder: EmbedderOption = "hash",
    seed: SeedOption = 0,
    trust_code: TrustCode = False,
) -> None:
    """Talk with an agent that remembers you. Ctrl-D or /quit ends the session, which is then remembered."""
    from memagents.cli.talk import talk

    talk(recipe, bank, name, embedder, seed, trust_code)


@app.command()
def ingest(
    dialogues: Annotated[list[Path], typer.Argument(help="Files of sessions (JSON array or lines).")],
    recipe: RecipeOption,
    bank: BankOption,
    embedder: EmbedderOption = "hash",
    seed: SeedOption = 0,
    trust_code: TrustCode = False,
) -> None:
    """Remember the sessions of dialogue files, but those that the bank has had before; it is saved after each."""
    from memagents.cli.talk import ingest_files

    ingest_files(dialogues, recipe, bank, embedder, seed, trust_code)


@app.command()
def ask(
    questions: Annotated[list[str], typer.Argument(help="Questions; - reads them from standard input, one a line.")],
    recipe: RecipeOption,
    bank: BankOption,
    embedder: EmbedderOption = "hash",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per question.")] = False,
    seed: SeedOption = 0,
    trust_code: TrustCode = False,
) -> None:
    """Answer questions from a memory bank, which stays as it is."""
    from memagents.cli.talk import answer

    answer(questions, recipe, bank, embedder, as_json, seed, trust_code)


@app.command()
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
    from memagents.cli.training import train_recipe, training_errors

    with training_errors():
        train_recipe(recipe, settings or (), resume)


@app.command()
def plan(
    recipe: Annotated[
        str | None, typer.Argument(help="A TOML file, or a built-in training recipe; all of these without one.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As for train.")] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="GB", help="Of a card; by default that of the one here, else 80.")
    ] = None,
    ranks: Annotated[int, typer.Option(metavar="N", help="Processes of torchrun, each with a card.")] = 1,
) -> None:
    """Reckon the memory that training takes on a card, and on disk, before anything is loaded."""
    from memagents.cli.training import plan_all, plan_recipe, training_errors

    with training_errors():
        if recipe is None:
            plan_all(ranks, memory)
        else:
            plan_recipe(recipe, settings or (), ranks, memory)


@app.command()
def settings() -> None:
    """List the settings of training recipes, with their defaults."""
    from memagents.cli.training import settings_table, training_errors

    with training_errors():
        table = settings_table()
    print_whole(make_console(), table)


@app.command()
def demo(
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings of both training recipes.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the runs, the pictures and the result files.")
    ] = Path("runs/demo"),
) -> None:
    """Let a tiny language model and a reranker learn, measured before and after. Ctrl-C saves; once more goes on."""
    from memagents.cli.training import training_errors

    with training_errors():
        from memagents.demo import demo

        if not demo(out, settings or ()):
            raise typer.Exit(130)


@app.command()
def plot(
    runs: Annotated[list[Path], typer.Argument(help="Folders of training runs, drawn over each other.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture: ….svg or ….png.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", help="Of a run, in the legend; repeat in the order of the runs."),
    ] = None,
    score: Annotated[
        str | None, typer.Option(metavar="NAME", help="Validation score; by default what the run selects by.")
    ] = None,
) -> None:
    """Draw the learning curves of training runs."""
    from memagents.plot import plot_runs

    plot_runs(runs, out, names, score)
    typer.echo(f"learning curves in {out}")
