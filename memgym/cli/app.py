"""The commands of ``memgym``; each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgym.checks import check_choice
from memgym.cli import reading, rounds
from memgym.cli.common import check_beside, parse_settings, use_data_folder
from memgym.cli.options import BaseUrl, DataFolder, JudgePrompt, Setting, TaskSetting
from memgym.cli.terminal import App, at_least, make_console, print_whole
from memgym.errors import ConfigError

app = App("A Gymnasium suite for memory-augmented agents.")
app.add_typer(rounds.app, name="round")


@app.command()
def envs(
    tasks: Annotated[list[str], typer.Option(metavar="MODULE", help="List the tasks of a module of yours, too.")] = [],  # noqa: B006
) -> None:
    """List the environments, tasks and suites."""
    from memgym.cli.listing import listing

    print_whole(make_console(), *listing(tasks))


@app.command()
def play(
    env_id: Annotated[str, typer.Argument(help="A registered id, e.g. memgym/MemoryBank-v1.")],
    index: Annotated[
        int | None, typer.Option(metavar="N", help="Index of the episode; by default one is drawn.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", callback=at_least(0), help="Seed of the draw.")] = None,
    settings: Setting = [],  # noqa: B006 - typer copies it
    data: DataFolder = None,
) -> None:
    """Play an environment yourself in the terminal, by numbered choices."""
    use_data_folder(data)
    from memgym.cli.play import play_in_terminal

    play_in_terminal(env_id, parse_settings(settings), index, seed)


@app.command()
def evaluate(
    policies: Annotated[list[str], typer.Argument(help="Policies as module:Class, e.g. baselines:Lexical.")],
    suite: Annotated[
        str | None,
        typer.Option(metavar="SUITE", help="A suite: its name (see 'memgym envs'), a file ….toml, or module:NAME."),
    ] = None,
    env: Annotated[str | None, typer.Option(metavar="ID", help="Instead of a suite: one environment id.")] = None,
    settings: Setting = [],  # noqa: B006
    split: Annotated[str | None, typer.Option(metavar="SPLIT", help="With --env: split of the task.")] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            callback=at_least(1),
            help="With --env: how many episodes; by default all, or 20 of an endless task.",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", callback=at_least(1), help="With --env: how often each is played; 1 if not said."),
    ] = None,
    policy_options: Annotated[
        list[str], typer.Option("--policy-set", metavar="KEY=VALUE", help="Argument of the policies' class.")
    ] = [],  # noqa: B006
    recipe: Annotated[
        str | None, typer.Option(metavar="RECIPE", help="Recipe of an agent: short for --policy-set recipe=…")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the result files.")] = Path("results"),
    gzip: Annotated[bool, typer.Option("--gzip", help="Write compressed result files, ….jsonl.gz.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", callback=at_least(0), help="Seed of the policies.")] = 0,
    concurrency: Annotated[
        int, typer.Option(metavar="N", callback=at_least(1), help="Episodes played side by side, in each process.")
    ] = 16,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with result files that are there.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: play episodes again that failed.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where a result file is there.")] = False,
    max_failures: Annotated[
        int, typer.Option(metavar="N", callback=at_least(0), help="How many episodes may fail before the run ends.")
    ] = 10,
    workers: Annotated[int, typer.Option(metavar="N", callback=at_least(0), help="Play in so many processes.")] = 0,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Play part I of N; 'memgym merge' joins the parts' files.")
    ] = "1/1",
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Play on a Ray cluster: its address, auto, or local.")
    ] = None,
    on_round: Annotated[
        Path | None, typer.Option("--round", metavar="FILE", help="Instead of a suite: a round, with its seed.")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            metavar="full|none",
            help="What memory is worth: the policies only answer, with the whole text before them or with nothing.",
        ),
    ] = None,
    data: DataFolder = None,
) -> None:
    """Play policies through a suite, or one environment; print the table and write one result file per policy.

    A policy may have options of its own behind commas: memagents:MemoryAgent,recipe=mine.toml. One that is served over
    HTTP is its address: http://127.0.0.1:8000
    """
    from memgym.cli.evaluate import RunOptions, evaluate_policies
    from memgym.leaderboard.contexts import CONTEXTS
    from memgym.leaderboard.rounds import read_round, round_suite
    from memgym.leaderboard.suites import ad_hoc_suite, get_suite

    use_data_folder(data)
    if [suite, env, on_round].count(None) != 2:
        raise ConfigError("give either --suite NAME, or --env ENV_ID, or --round FILE")
    if env is None and (settings or split or episodes or trials):
        raise ConfigError("--set, --split, --episodes and --trials go with --env: a suite fixes them itself")
    played_round = None if on_round is None else read_round(on_round)
    if resume and overwrite:
        raise ConfigError("--resume goes on with a file, --overwrite begins it anew: give one of the two")
    if retry_failed and not resume:
        raise ConfigError("--retry-failed goes with --resume")
    if workers and ray is not None:
        raise ConfigError("--workers and --ray exclude each other")
    if played_round is not None:
        played = round_suite(played_round)
    elif env is None:
        played = get_suite(suite)
    else:
        played = ad_hoc_suite(env, parse_settings(settings), split, episodes, trials or 1)
    options = parse_settings(policy_options) | ({} if recipe is None else {"recipe": recipe})
    run = RunOptions(
        out, concurrency, gzip, resume, retry_failed, overwrite, max_failures, workers, ray, _parse_shard(shard)
    )
    seen = None if context is None else check_choice("context", context, tuple(CONTEXTS))
    if evaluate_policies(policies, played, options, seed, run, played_round, seen):
        raise typer.Exit(1)


def _parse_shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal()):
        raise ConfigError(f"--shard takes I/N, such as 1/3, not {text!r}")
    return int(part), int(parts)


for _reads in reading.COMMANDS:
    app.command(present_folder=False)(_reads)


@app.command("serve-policy")
def serve_policy(
    policy: Annotated[str, typer.Argument(help="A policy as module:Class, e.g. baselines:Lexical.")],
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; others than loopback are open.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", callback=at_least(0), help="0 takes one that is free.")] = 8000,
    policy_options: Annotated[
        list[str], typer.Option("--policy-set", metavar="KEY=VALUE", help="Argument of the policy's class.")
    ] = [],  # noqa: B006
) -> None:
    """Serve a policy over HTTP: 'memgym evaluate http://…' plays it, and a server in any language can do the same."""
    from memgym.policy import load_policy
    from memgym.serving.server import PolicyServer

    with PolicyServer(load_policy(policy, **parse_settings(policy_options)), policy, host, port) as server:
        typer.echo(f"{policy} is served at {server.url}; Ctrl-C ends it")
        server.serve_forever()


@app.command()
def serve(
    context: typer.Context,
    openenv: Annotated[
        str | None, typer.Option(metavar="ENV_ID", help="An environment, for OpenEnv's clients: memgym/Longcontext-v1.")
    ] = None,
    mcp: Annotated[
        Path | None, typer.Option(metavar="BANK", help="A memory bank, as tools for assistants that speak MCP.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="RECIPE", help="With --mcp: the agent that keeps the bank; by default plain rules."),
    ] = None,
    settings: Setting = [],  # noqa: B006
    data: DataFolder = None,
    sessions: Annotated[int, typer.Option(metavar="N", callback=at_least(1), help="Sessions open at once.")] = 64,
    idle: Annotated[float, typer.Option(metavar="S", help="Seconds after which a silent session is closed.")] = 600.0,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; others than loopback are open.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="By default 8000; with --mcp the server speaks over its own standard streams."),
    ] = None,
) -> None:
    """Serve an environment (--openenv) or a memory bank (--mcp) to programs of others."""
    from memgym.cli.serve import serve_bank, serve_environment

    use_data_folder(data)
    if (openenv is None) == (mcp is None):
        raise ConfigError("say what to serve: either --openenv ENV_ID or --mcp BANK")
    beside = ("settings", "data", "sessions", "idle") if mcp is None else ("recipe",)
    check_beside(context, "--openenv" if mcp is None else "--mcp", ["openenv", "mcp", "host", "port", *beside])
    if openenv is not None:
        serve_environment(openenv, parse_settings(settings), sessions, idle, host, 8000 if port is None else port)
    elif mcp is not None:
        serve_bank(mcp, recipe, host, port)


@app.command(present_folder=False)
def schema() -> None:
    """Print the JSON Schema of the lines of a result file."""
    import json

    from memgym.leaderboard.records import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def inspect(
    task: Annotated[str, typer.Argument(help="A task: its name (see 'memgym envs') or module:Class.")],
    index: Annotated[int, typer.Option(metavar="N", help="Index of the episode.")] = 0,
    split: Annotated[str | None, typer.Option(metavar="SPLIT", help="Split of the task.")] = None,
    settings: TaskSetting = [],  # noqa: B006
) -> None:
    """Print an episode with its gold facts and evidence marked."""
    from memgym.cli.inspect import inspect_episode

    # Without a terminal (a pipe, a file) long lines stay whole.
    console = make_console(soft_wrap=not make_console().is_terminal)
    print_whole(console, *inspect_episode(task, parse_settings(settings), split, index))


@app.command("judge-check")
def judge_check(
    model: Annotated[str, typer.Argument(help="The judging model's name at the endpoint.")],
    task: Annotated[str, typer.Option(metavar="TASK", help="Task whose questions are judged.")],
    prompt: JudgePrompt = "benchmark",
    base_url: BaseUrl = None,
    split: Annotated[str | None, typer.Option(metavar="SPLIT", help="Split of the task.")] = None,
    questions: Annotated[int, typer.Option(metavar="N", callback=at_least(1), help="How many questions.")] = 20,
    seed: Annotated[int, typer.Option(metavar="N", help="Which questions.")] = 0,
    settings: Setting = [],  # noqa: B006
) -> None:
    """Measure a judge's false accepts and false rejects on answers known to be right and wrong.

    What was measured is kept in the cache folder; leaderboards show it beside scores of this judge on this task.
    """
    from memgym.cli.judge_check import check_on_task
    from memgym.judging.judge import make_judge
    from memgym.judging.measured import keep_report
    from memgym.tasks import make_task

    played = make_task(task, **parse_settings(settings))
    judge = make_judge({"model": model, "prompt": prompt, "base_url": base_url}, played.name)
    report = check_on_task(judge, played, split or played.default_split, questions, seed)
    keep_report(report, task)
    print_whole(make_console(), report.__rich__())
