"""``memagents demo``: two policies learn on a CPU, measured on held-out episodes before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from grpo.run_folder import RunFolder
from memagents.plot import plot_runs
from memagents.progress import TrainingProgress
from memagents.training_recipes import TrainingRecipe, read_training_recipe
from memgym.cli.terminal import make_console, print_whole
from memgym.envs.base import MemoryEnv
from memgym.errors import MemgymError
from memgym.leaderboard.compare import compare
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, write_result
from memgym.leaderboard.records import EpisodeRecord
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.summary import summarize
from memgym.protocol.observation import Observation

SPLIT = "test"
_BATCH = 256


@dataclass(frozen=True)
class Lesson:
    """What is taught.

    Args:
        name: of the training recipe, and of the recipe that plays as it was before.
        what: who learns what.
    """

    name: str
    what: str


LESSONS = (
    Lesson("tiny_reader", "a language model learns to keep what is news"),
    Lesson("reranker", "a linear reranker learns to find what is asked for"),
)


@dataclass(frozen=True)
class Outcome:
    """A lesson's results on held-out episodes."""

    lesson: Lesson
    recipe: TrainingRecipe
    before: Result
    after: Result

    @property
    def score(self) -> str:
        """The score by which the run chose its best policy."""
        return self.recipe.run.trainer.best_metric or "answer"


def demo(out: Path, settings: Sequence[str] = ()) -> bool:
    """Train, measure, draw and show; return whether it came to the end, rather than to a Ctrl-C.

    What an earlier, stopped demo has trained is not trained again.

    Args:
        out: folder of the runs (a folder for each), the learning curves and the result files.
        settings: ``key=value`` settings of both training recipes.

    Raises:
        ConfigError, RunFolderError: the folder holds something else, or a setting does not fit.
    """
    recipes = [read_training_recipe(lesson.name, [f"out_dir={out / lesson.name}", *settings]) for lesson in LESSONS]
    from transformers.utils import logging  # it takes seconds, as torch does: a wrong setting is told before

    logging.disable_progress_bar()  # of loading a model, in the midst of what is shown here
    console = make_console(markup=True)
    outcomes = []
    for number, (lesson, recipe) in enumerate(zip(LESSONS, recipes, strict=True), 1):
        console.print(f"\n[bold]{number}/{len(LESSONS)} {lesson.name}: {lesson.what}[/bold]")
        if not _train(recipe):
            return False
        outcomes.append(_measure(lesson, recipe, out))
    print_whole(console, "", *_trajectory(outcomes[0]), "", _table(outcomes), "")
    runs = ", ".join(str(out / lesson.name) for lesson in LESSONS)
    for line in (
        f"learning curves  {_pictures(outcomes, out)}",
        f"result files     {out}/*.jsonl.gz; memgym verify {out}/*.jsonl.gz replays them",
        f"training runs    {runs}: metrics, sampled trajectories, what was trained",
    ):
        console.print(line, soft_wrap=True)
    return True


def _train(recipe: TrainingRecipe) -> bool:
    """Train or go on training; return whether the run has come to its end."""
    from memagents.training import Run

    run = Run(recipe)
    config = recipe.run.trainer
    started = RunFolder(config.out_dir).has_checkpoint
    with TrainingProgress(config.iterations) as progress:
        progress.say(f"{'going on' if started else 'training'} in {config.out_dir}")
        run.train(started, progress.report)
        if not run.complete:
            progress.say(f"stopped and saved after iteration {run.trainer.iteration}; the same command goes on")
    return run.complete


def _measure(lesson: Lesson, recipe: TrainingRecipe, out: Path) -> Outcome:
    """Play the held-out episodes before and after, and write the result files."""
    kwargs = {name: value for name, value in recipe.content["env"].items() if name not in ("id", "split")}
    entry = SuiteEntry(lesson.name, recipe.content["env"]["id"], kwargs, SPLIT, recipe.validation.episodes)
    suite = Suite(f"demo {lesson.name}", "", (entry,))
    results = []
    for time, played in (("before", lesson.name), ("after", str(out / lesson.name))):
        agent = f"memagents:{recipe.content['agent']}"
        results.append(evaluate(agent, suite, options={"recipe": played}, concurrency=_BATCH))
        for episode in results[-1].failed:
            raise MemgymError(f"{agent} failed in episode {episode.index}: {episode.error}")
        write_result(results[-1], out / f"{lesson.name}.{time}.jsonl.gz")
    return Outcome(lesson, recipe, *results)


def _table(outcomes: Sequence[Outcome]) -> Table:
    """Return the final table: a column for each learner."""
    title = "Held-out episodes before and after training, with 95 % intervals"
    table = Table("", *(outcome.lesson.name for outcome in outcomes), title=title, title_justify="left")
    table.box, table.show_edge = box.SIMPLE_HEAD, False
    names = ("environment", "played", "score", "before", "after", "gain", "relative gain")
    for row in zip(names, *map(_cells, outcomes), strict=True):
        table.add_row(*row)
    return table


def _cells(outcome: Outcome) -> tuple[str, ...]:
    (change,) = compare(outcome.before, outcome.after, outcome.score)
    return (
        outcome.recipe.content["env"]["id"],
        f"{len(outcome.after.episodes)} episodes of the split {SPLIT}",
        outcome.score,
        *(_mean(result, outcome.score) for result in (outcome.before, outcome.after)),
        "{:+.3f} [{:+.3f}, {:+.3f}]".format(*change.difference),
        "–" if change.relative is None else "{:+.0%} [{:+.0%}, {:+.0%}]".format(*change.relative),
    )


def _mean(result: Result, score: str) -> str:
    """Return the mean of a score over the questions, with its interval; episodes are drawn."""
    mean = summarize(result, score).mean
    assert mean is not None
    return f"{mean.mean:.3f}" + ("" if mean.interval is None else " [{:.3f}, {:.3f}]".format(*mean.interval))


def _pictures(outcomes: Sequence[Outcome], out: Path) -> str:
    paths = []
    for outcome in outcomes:
        paths.append(out / f"{outcome.lesson.name}.png")
        plot_runs([out / outcome.lesson.name], paths[-1])
    return ", ".join(map(str, paths))


def _trajectory(outcome: Outcome) -> list[Text | Table]:
    """Return an episode as played before and after: the first that turned from wrong to right, else the first."""
    pairs = list(zip(outcome.before.episodes, outcome.after.episodes, strict=True))
    first, last = next((pair for pair in pairs if _right(pair[0]) < _right(pair[1])), pairs[0])
    env = outcome.recipe.make_env(split=SPLIT)
    table = Table("section", "memory before training", "memory after training", box=box.SIMPLE_HEAD, show_edge=False)
    for section, *steps in zip(_sections(env, first), first.steps, last.steps, strict=True):
        table.add_row(Text(section), *(Text(step.action or "") for step in steps))
    (question,) = env.task.episode(env.split, first.index).questions
    told = f"held-out episode {first.index}: {question.text} The answer is {question.answers[0]}."
    return [Text(f"{told} Not chosen at random: the first that training has turned from wrong to right."), table]


def _sections(env: MemoryEnv, episode: EpisodeRecord) -> list[str]:
    """Return what an agent was shown in each step: a section, or the question."""
    observation, _ = env.reset(options={"index": episode.index})
    shown = []
    for step in episode.steps:
        seen = Observation.parse(observation)
        shown.append("\n".join(seen.section.split("\n\n")).strip() if seen.phase == "read" else f"» {seen.question}")
        observation, *_ = env.step(step.action or "")
    return shown


def _right(episode: EpisodeRecord) -> float:
    return sum(answer.scores["answer"] for step in episode.steps for answer in step.answers)
