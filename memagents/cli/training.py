"""``memagents train``: a run with its progress."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from memgym.checks import check_int, check_number
from memgym.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from memagents.training import Run
    from memagents.training_recipes import TrainingRecipe


@contextmanager
def training_errors() -> Iterator[None]:
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


def train_recipe(recipe: str, settings: Sequence[str], resume: bool) -> None:
    """Train, and say by how much the main score on the held-out episodes rose.

    Raises:
        ConfigError, GrpoError: the recipe does not fit.
    """
    from grpo.run_folder import RunFolder
    from memagents.training_recipes import read_training_recipe

    read = read_training_recipe(recipe, settings)
    folder = RunFolder(read.run.trainer.out_dir)
    with ExitStack() as held:
        if os.environ.get("RANK", "0") == "0":  # all of it before weights are loaded, which takes its time
            folder.check(resume)
            held.enter_context(folder.locked())
            if resume:
                read.check_same(folder)
            if read.needs:
                typer.echo(f"{recipe} needs {read.needs}", err=True)
            _say_plan(recipe, settings, read)
        from grpo.distributed import leave  # torch takes seconds: what is wrong above is said before
        from memagents.training import Run

        _run(Run(read), resume)
    leave()


def _say_plan(recipe: str, settings: Sequence[str], read: TrainingRecipe) -> None:
    """Say what a language model's training will take of the card, if there is one, and what to set if that is more."""
    import torch

    if not torch.cuda.is_available() or not read.content.get("backends"):
        return
    from memagents.planning import GB, plan

    card, ranks = _card_bytes(None), int(os.environ.get("WORLD_SIZE", "1"))
    found = plan(read, ranks, card)
    typer.echo(
        f"reckoned: {found.playing / GB:.0f} GB of the card while it plays, {found.learning / GB:.0f} GB while it "
        f"learns, of {card / GB:.0f} GB; {found.disk / GB:.0f} GB on disk ('memagents plan {recipe}' says of what)",
        err=True,
    )
    if found.peak > card:
        typer.echo(_mend(recipe, settings, ranks, card), err=True)


def plan_recipe(recipe: str, settings: Sequence[str], ranks: int, memory: float | None) -> None:
    """Print what a recipe's training takes, part by part, and what to set where that is more than the card has."""
    from memagents.planning import GB, plan
    from memagents.training_recipes import read_training_recipe
    from memgym.cli.terminal import make_console, print_whole

    card = _card_bytes(memory)
    found = plan(read_training_recipe(recipe, settings), ranks, card)
    if not found.needs:
        typer.echo(f"{recipe} trains no language model: it needs no card")
        return
    table = _table("GB of a card, reckoned", "while it plays", "while it learns")
    for need in found.needs:
        table.add_row(Text(need.what), _gb(need.playing), _gb(need.learning))
    table.add_section()
    table.add_row("together", _gb(found.playing), _gb(found.learning))
    print_whole(make_console(), table)
    typer.echo(f"on disk: {found.disk / GB:.1f} GB of checkpoints and the model")
    fits = f"a card of {card / GB:.0f} GB is enough"
    typer.echo(fits if found.peak <= card else _mend(recipe, settings, ranks, card))


def plan_all(ranks: int, memory: float | None) -> None:
    """Print a line for each built-in training recipe, whose model may not be here."""
    from memagents.planning import plan
    from memagents.training_recipes import read_training_recipe, training_recipe_names
    from memgym.cli.terminal import make_console, print_whole

    check_int("ranks", ranks, 1)
    card = _card_bytes(memory)
    table = _table("GB, reckoned", "model, billions", "card, plays", "card, learns", "disk")
    for name in training_recipe_names():
        try:
            found = plan(read_training_recipe(name), ranks, card)
        except ConfigError:
            table.add_row(name, "not here", "-", "-", "-")
            continue
        size = f"{found.parameters / 1e9:.3f}" if found.needs else "none"
        table.add_row(name, size, _gb(found.playing), _gb(found.learning), _gb(found.disk))
    print_whole(make_console(), table)


def _card_bytes(memory: float | None) -> float:
    import torch

    from memagents.planning import GB

    if memory is not None:
        return check_number("--memory", memory, 0, above=True) * GB
    return torch.cuda.get_device_properties().total_memory if torch.cuda.is_available() else 80.0 * GB


def _mend(recipe: str, settings: Sequence[str], ranks: int, card: float) -> str:
    from memagents.planning import GB, mend

    found = mend(recipe, settings, ranks, card)
    if found is None:
        return (
            f"that is more than the card's {card / GB:.0f} GB, and no settings were found with which it fits: take a "
            "smaller model, or several cards with torchrun and strategy=fsdp"
        )
    return f"that is more than the card's {card / GB:.0f} GB; it fits with {' '.join(found)}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=not number)
    return table


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f}" if count else "-"


def _run(run: Run, resume: bool) -> None:
    from memagents.progress import TrainingProgress

    config = run.recipe.run.trainer
    with TrainingProgress(config.iterations, visible=run.world.rank == 0) as progress:
        progress.say(f"training in {config.out_dir}")
        before = run.scores_before()
        run.train(resume, progress.report)
        if not run.complete:
            progress.say(f"stopped and saved after iteration {run.trainer.iteration}; --resume continues")
        elif before is not None:
            progress.say(f"held-out {run.rise(before)}")


def settings_table() -> Table:
    """Return the settings of training recipes, with their defaults."""
    from memagents.training_recipes import settings

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name, least in (("table", None), ("setting", None), ("default", 8), ("meaning", 24)):
        table.add_column(name, no_wrap=least is None, min_width=least, overflow="fold")
    for row in settings():
        table.add_row(*map(Text, row))
    return table
