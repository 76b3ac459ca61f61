"""The README does what it says: its commands and snippets are run, in its order, from its own text.

All in one folder, as a reader would: a block that begins with a file's name is written there, other Python is run, and
every command line is given to the shell.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from memagents.agents import PromptedAgent, load_agent
from memgym.errors import DataError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]

NOT_RUN = {
    "pip install .": "the package is there: tests/test_packaging.py builds it",
    "pip install '.[train]'": "the same, with what it needs from an index",
    "pip install tox && tox run -e demo": "minutes; tests/memagents/test_demo.py runs it, smaller",
    "pip install tox && tox run": "it runs this test",
}
SHORTENED = {
    "memagents train reranker": "iterations=1 groups=2 group_size=2 validation.episodes=2",
    "memagents train linear_manager": "iterations=1 groups=2 group_size=2 validation.episodes=2",
    "memagents train tiny_reader": "iterations=1 groups=2 group_size=2 validation.episodes=2",
    "memgym evaluate memagents:MemoryRMMAgent --recipe runs/reranker --env memgym/RMMReranker-v1 "
    "--set difficulty=easy": "--episodes 2",
    **{line: "--episodes 1" for line in COMMANDS if "--recipe smollm2" in line or "recipe=mine.toml" in line},
}
"""Commands of a minute or more, and the settings that make them short."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader is."""
    return tmp_path_factory.mktemp("reader")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell in which the commands are found, those of the code under test."""
    commands = tmp_path_factory.mktemp("bin")
    for name in ("memgym", "memagents"):
        script = commands / name
        script.write_text(
            f"#!{sys.executable}\nfrom {name}.cli import app\nif __name__ == '__main__':\n    app(prog_name={name!r})\n"
        )
        script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("MEMGYM_DATA", "FORCE_COLOR")}
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "PYTHONUTF8": "1", "COLUMNS": "100"}


def _run(command: str | list[str], folder: Path, environment: dict[str, str], stdin: str = "") -> str:
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert not re.search("Traceback|Warning", done.stderr), done.stderr
    return done.stdout


def _need_smollm2() -> None:
    from memagents.backends.smollm2 import smollm2_dir

    try:
        smollm2_dir()
    except DataError as error:
        pytest.skip(f"no package index within reach: {error}")


def _cases() -> list[tuple[str, str]]:
    """Return (kind, text) of each file, snippet and command, in order."""
    cases = []
    for kind, text in BLOCKS:
        cases += [(kind, line) for line in text.splitlines()] if kind == "sh" else [(kind, text)]
    return [case for case in cases if case[1] not in NOT_RUN]


@pytest.mark.skipif(os.name == "nt", reason="the README's commands are for a POSIX shell")
@pytest.mark.parametrize(("kind", "text"), _cases(), ids=lambda value: value.splitlines()[0][:60])
def test_what_the_readme_shows(
    kind: str, text: str, folder: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    named = re.match(r"# (\S+\.\w+)", text)
    if named:
        (folder / named[1]).write_text(text, encoding="utf-8")
    elif kind == "python":
        for library in re.findall(r"^(?:from|import) (sb3_contrib|torchrl|mo_gymnasium)", text, re.MULTILINE):
            pytest.importorskip(library, reason="tox run -e integrations has it")
        assert _run([sys.executable, "-W", "error", "-c", text], folder, environment)
    else:
        assert kind == "sh", f"a block of kind {kind} must begin with the name of its file"
        if text.split()[0] == "memagents" or "memagents:" in text:
            pytest.importorskip("torch", reason="needs the extra train")
        if "smollm2" in text or "mine.toml" in text:
            _need_smollm2()
        if "--ray" in text:
            pytest.importorskip("ray", reason="needs the extra ray")
        if "FOLDER" in text:
            text = text.replace("FOLDER", str(request.getfixturevalue("data_dir")))
        _run(f"{text} {SHORTENED.get(text, '')}", folder, environment, stdin="/auto\n" * 20)


def test_the_exceptions_are_commands_of_the_readme() -> None:
    assert {*NOT_RUN, *SHORTENED} <= {*COMMANDS}


def test_links_lead_somewhere() -> None:
    """Files, and headings of this page and of the others."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        path, _, heading = target.partition("#")
        page = ROOT / path if path else ROOT / "README.md"
        assert page.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, target


def test_the_recipes_shown_are_one_that_was_run_before_and_one_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, served = (tomllib.loads(text) for kind, text in BLOCKS if kind == "toml")
    built_in = ROOT / "memagents" / "recipes" / "smollm2.toml"
    assert mine == tomllib.loads(built_in.read_text(encoding="utf-8"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")  # nothing is asked
    assert isinstance(load_agent(served), PromptedAgent)


def test_names_exist() -> None:
    """What the tables call an environment, a task or a suite is one, and every task is named."""
    from memgym.leaderboard.suites import SUITES
    from memgym.registration import ENVIRONMENTS
    from memgym.tasks import TASKS

    quoted = set(re.findall(r"`([^`\n]+)`", README))
    assert {name for name in quoted if re.fullmatch(r"memgym/\w+-v\d+", name)} <= {*ENVIRONMENTS}
    assert {*TASKS} - {"curriculum"} <= quoted
    assert set(re.findall(r"--suite (\S+)", README)) <= {*SUITES}
