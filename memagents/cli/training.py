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

from memgym.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from memagents.training import Run


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
    from grpo.distributed import leave
    from grpo.run_folder import RunFolder
    from memagents.training import Run
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
        _run(Run(read), resume)
    leave()


def _run(run: Run, resume: bool) -> None:
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


def settings_table() -> Table:
    """Return the settings of training recipes, with their defaults."""
    from memagents.training_recipes import settings

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name, least in (("table", None), ("setting", None), ("default", 8), ("meaning", 24)):
        table.add_column(name, no_wrap=least is None, min_width=least, overflow="fold")
    for row in settings():
        table.add_row(*map(Text, row))
    return table
