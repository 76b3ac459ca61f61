"""The commands of ``memgym`` that read result files, whoever wrote them.

They do not import modules of the present folder, but with ``--trust-code``. Each imports what it needs when it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memgym.cli.common import check_beside, check_text, parse_settings, use_data_folder
from memgym.cli.options import AllowApi, BaseUrl, DataFolder, Files, JudgePrompt, RoundFile, Score, Setting, TrustCode
from memgym.cli.terminal import admit_present_folder, at_least
from memgym.errors import ConfigError

if TYPE_CHECKING:
    from memgym.cli.results import Terms


def _terms(settings: list[str], on_round: Path | None, trust_code: bool, allow_api: bool) -> Terms:
    """Return on what terms files of others are replayed; code of theirs may lie in the present folder."""
    from memgym.cli.results import Terms
    from memgym.leaderboard.rounds import read_round
    from memgym.leaderboard.trust import Trust

    if trust_code:
        admit_present_folder()
    round_ = None if on_round is None else read_round(on_round)
    return Terms(Trust(trust_code, allow_api), parse_settings(settings), round_)


def table(
    files: Files,
    score: Score = "answer",
) -> None:
    """Print the leaderboard table of result files."""
    from memgym.cli.results import show_table

    show_table(files, score)


def compare(
    before: Annotated[Path, typer.Argument(help="Result file, or a folder of them.")],
    after: Annotated[Path, typer.Argument(help="Result file of the same entries, or a folder with the same names.")],
    score: Score = "answer",
) -> None:
    """Print by how much a score rose between two result files, with 95 % intervals over the same episodes."""
    from memgym.cli.results import compare_files

    compare_files(before, after, score)


def leaderboard(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Result files, or folders of them.")] = [],  # noqa: B006
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page that needs nothing else.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a Markdown table.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a CSV file.")] = None,
    init: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Begin a board: a folder with a README and a CI file.")
    ] = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="Heading of the page.")] = "memgym leaderboard",
    episodes: Annotated[
        int,
        typer.Option(metavar="N", callback=at_least(0), help="Episodes of each entry to step through on the page."),
    ] = 2,
    runs: Annotated[
        list[Path], typer.Option("--run", metavar="FOLDER", help="Training run whose curve the page shows; repeat.")
    ] = [],  # noqa: B006
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Make a leaderboard of result files: a page, a Markdown table, a CSV file; or begin a board of your own."""
    use_data_folder(data)
    from memgym.cli.board import Outputs, begin_board, make_leaderboard

    if init is not None:
        check_beside(context, "--init", ["init"])
        begin_board(init)
    elif not files or not (html or markdown or csv):
        raise ConfigError("give result files, and at least one of --html, --markdown and --csv; or --init FOLDER")
    else:
        if html is None:
            everything = {parameter.name or "" for parameter in context.command.params}
            check_beside(context, "a board without --html", everything - {"title", "episodes", "runs"})
        outputs = Outputs(html, markdown, csv, check_text("--title", title), episodes, runs)
        make_leaderboard(files, outputs, _terms(settings, on_round, trust_code, allow_api))


def diagnose(
    files: Files,
    shown: Annotated[
        int, typer.Option("--show", metavar="N", callback=at_least(0), help="Wrong answers to show of each file.")
    ] = 0,
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Tell where wrong answers were lost: never extracted, overwritten, not retrieved, or retrieved and not used."""
    use_data_folder(data)
    from memgym.cli.diagnose import diagnose_files

    diagnose_files(files, _terms(settings, on_round, trust_code, allow_api), shown)


def replay(
    file: Annotated[Path, typer.Argument(help="A result file.")],
    entry: Annotated[str | None, typer.Option(metavar="NAME", help="Which entry; by default the first.")] = None,
    index: Annotated[int, typer.Option(metavar="N", help="Index of the episode.")] = 0,
    trial: Annotated[int, typer.Option(metavar="N", help="Which trial.")] = 0,
    whole: Annotated[bool, typer.Option("--all", help="Print all steps at once.")] = False,
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Step through a recorded episode, and see the memory change."""
    use_data_folder(data)
    from memgym.cli.replay import replay_file

    replay_file(file, (entry, trial, index), _terms(settings, on_round, trust_code, allow_api), whole)


def verify(
    files: Files,
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Replay result files: every reward and score must come out the same, to the last digit.

    A file of anyone's is safe to verify: no code that it names is run, no host asked, no path followed, unless a flag
    says so. Who played, by which seed and versions, stays its claim.
    """
    use_data_folder(data)
    from memgym.cli.results import verify_files

    if not verify_files(files, _terms(settings, on_round, trust_code, allow_api)):
        raise typer.Exit(1)


def reproduce(
    files: Files,
    share: Annotated[float, typer.Option(metavar="X", help="Of each entry's episodes, above 0 and up to 1.")] = 0.1,
    seed: Annotated[
        int | None, typer.Option(metavar="N", callback=at_least(0), help="Seed of the choice; by default another.")
    ] = None,
    policy_options: Annotated[
        list[str], typer.Option("--policy-set", metavar="KEY=VALUE", help="Argument of the policy, instead of its own.")
    ] = [],  # noqa: B006
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Play the policies of result files again on a random part: they must do what the files say.

    A policy that draws nothing must act the same; one that samples must score the same, within the interval.
    """
    use_data_folder(data)
    from secrets import randbits

    from memgym.cli.results import reproduce_files

    terms = _terms(settings, on_round, trust_code, allow_api)
    draw = randbits(31) if seed is None else seed
    if not reproduce_files(files, terms, share, draw, parse_settings(policy_options)):
        raise typer.Exit(1)


def rejudge(
    files: Files,
    judge: Annotated[str, typer.Option(metavar="MODEL", help="The judging model's name at the endpoint.")],
    prompt: JudgePrompt = "benchmark",
    base_url: BaseUrl = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for the new result files; by default that of the old ones."),
    ] = None,
    settings: Setting = [],  # noqa: B006
    on_round: RoundFile = None,
    data: DataFolder = None,
    trust_code: TrustCode = False,
    allow_api: AllowApi = False,
) -> None:
    """Score the answers of result files anew by a judge, without playing; each gives a new file.

    Where verdicts could not be had, the same command, run again, goes on.
    """
    use_data_folder(data)
    from memgym.cli.results import rejudge_files

    given = {"model": judge, "prompt": None if prompt == "benchmark" else prompt, "base_url": base_url}
    spec = {name: value for name, value in given.items() if value is not None}
    if ":" in prompt:
        admit_present_folder()
    if rejudge_files(files, spec, out, _terms(settings, on_round, trust_code, allow_api)):
        raise typer.Exit(1)


def merge(
    files: Files,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The new result file, ….jsonl or ….jsonl.gz.")],
) -> None:
    """Join result files that are parts of one evaluation."""
    from memgym.cli.results import merge_files

    merge_files(files, out)


COMMANDS = (table, compare, leaderboard, diagnose, replay, verify, reproduce, rejudge, merge)
