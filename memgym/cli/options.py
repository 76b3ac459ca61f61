"""Arguments that several commands of ``memgym`` have, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Where data files are looked up; by default $MEMGYM_DATA."),
]

Setting = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Make-argument; repeat for more.")]
TaskSetting = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Option of the task; repeat for more. An unknown KEY lists those known."
    ),
]
Files = Annotated[list[Path], typer.Argument(help="Result files, or folders of them.")]
Score = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Any score of the questions or of the final memory, e.g. evidence_recall, memory_recall."
    ),
]
JudgePrompt = Annotated[
    str,
    typer.Option(
        metavar="PROMPT", help="benchmark, strict, lenient, rubric, or rules of your own: a file ….toml or module:NAME."
    ),
]
BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="The endpoint; by default OPENAI_BASE_URL.")]
RoundFile = Annotated[
    Path | None, typer.Option("--round", metavar="FILE", help="The round on which they were played, with its seed.")
]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Import and run code that the files name beside memgym's own.")
]
AllowApi = Annotated[
    bool, typer.Option("--allow-api", help="Ask judges, readers and embedders behind your API, with your key.")
]
