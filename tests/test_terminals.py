"""Every command of memgym and memagents where a terminal, a locale or a home offers little, as a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from memagents.cli import app as memagents
from memgym.bank import MemoryBank
from memgym.cli import app as memgym

APPS = {"memgym": memgym, "memagents": memagents}
RUN = "import sys; from {name}.cli import app; app(prog_name='{name}')"
ROW = {
    "id": "r",
    "sessions": [{"id": "s", "time": "1 May", "turns": [{"id": "a", "speaker": "Äsa", "text": "“Łódź” → 日本 – …"}]}],
    "questions": ["Où ?"],
    "answers": ["Łódź"],
    "evidence": [["a"]],
}
ON_ROW = ("--set", "task=custom", "--set", "path=rows.json")
RESULT = "results/row.jsonl"
HERE = ("--data", ".")

COMMANDS: dict[str, tuple[tuple[str, ...], int]] = {
    "memgym envs": ((), 0),
    "memgym play": (("memgym/MemoryBank-v1", *ON_ROW), 0),
    "memgym evaluate": (("baselines:NoMemory", "--env", "memgym/MemoryBank-v1", *ON_ROW, "--out", "out"), 0),
    "memgym table": ((RESULT,), 0),
    "memgym compare": ((RESULT, RESULT), 0),
    "memgym verify": ((RESULT, *HERE), 0),
    "memgym reproduce": ((RESULT, *HERE, "--share", "1"), 0),
    "memgym leaderboard": ((RESULT, "--html", "page.html", "--markdown", "t.md", "--csv", "t.csv"), 0),
    "memgym diagnose": ((RESULT, *HERE, "--show", "3"), 0),
    "memgym replay": ((RESULT, *HERE, "--all"), 0),
    "memgym rejudge": ((RESULT, "--judge", "m"), 2),  # without a key
    "memgym merge": ((RESULT, "--out", "merged.jsonl"), 0),
    "memgym schema": ((), 0),
    "memgym round": (("make", "spring", "--suite", "quick-v2", "--opens", "2999-12-31"), 0),
    "memgym serve-policy": (("baselines:Oracle",), 2),
    "memgym serve": ((), 2),  # what?
    "memgym inspect": (("custom", "--set", "path=rows.json"), 0),
    "memgym judge-check": (("m", "--task", "custom", "--set", "path=rows.json"), 2),  # without a key
    "memagents chat": (("--recipe", "missing.toml", "--bank", "me.bank"), 2),
    "memagents ingest": (("sessions.json", "--recipe", "missing.toml", "--bank", "me.bank"), 2),
    "memagents ask": (("Où ?", "--recipe", "missing.toml", "--bank", "kept.bank"), 2),
    "memagents train": (("missing.toml",), 2),
    "memagents plan": (("reranker",), 0),
    "memagents settings": ((), 0),
    "memagents demo": (("lr",), 2),
    "memagents plot": (("run", "--out", "curves.svg"), 0),
}
"""Command to cheap arguments for it, and how it ends with them."""

POOR = {"LC_ALL": "C", "NO_COLOR": "1", "COLUMNS": "60", "HOME": os.path.join(os.devnull, "home")}
"""A home that nothing can be written to, whoever runs this."""
PLACES = {
    "the C locale": POOR,
    "ASCII alone": {**POOR, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a page of 256 signs": {**POOR, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
}


def call(command: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command without a terminal and with nothing to read, whatever the tests were started with."""
    name, _, subcommand = command.partition(" ")
    # Of PYTHON: tox sets PYTHONIOENCODING, which would speak before a poor place's locale.
    left_out = ("MEMGYM", "OPENAI", "FORCE", "XDG", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    root = str(Path(__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", RUN.format(name=name), *subcommand.split(), *arguments],
        cwd=cwd,
        env={**kept, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind that a command reads."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "rows.json").write_text(json.dumps([ROW], ensure_ascii=False), encoding="utf-8")
    (folder / "sessions.json").write_text(json.dumps(ROW["sessions"]), encoding="utf-8")
    done = call("memgym evaluate", "baselines:Lexical", "--env", "memgym/MemoryBank-v1", *ON_ROW, cwd=folder)
    assert done.returncode == 0, done.stderr
    (result,) = (folder / "results").glob("*.jsonl")
    result.rename(folder / RESULT)
    bank = MemoryBank()
    bank.add("Äsa lives in Łódź.")
    bank.save(folder / "kept.bank")
    (folder / "run").mkdir()
    lines = [{"step": step, "reward/mean": step / 3, "val/answer": step / 4} for step in (1, 2, 3)]
    (folder / "run" / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the prepared files."""
    return Path(shutil.copytree(prepared, tmp_path / "here"))


def test_every_command_is_called() -> None:
    """A new command belongs in the table above."""
    there = {f"{name} {command}" for name, app in APPS.items() for command in typer.main.get_command(app).commands}
    assert set(COMMANDS) == there


@pytest.mark.parametrize(
    ("command", "place"),
    [
        # Each command in one place by default, in turn.
        pytest.param(command, place, marks=[] if place == places[i % len(places)] else pytest.mark.slow)
        for i, command in enumerate(COMMANDS)
        for places in [[p for p in PLACES if command.startswith("memgym") or p != "a page of 256 signs"]]
        for place in places
    ],
)
def test_a_poor_place(command: str, place: str, folder: Path) -> None:
    arguments, code = COMMANDS[command]
    done = call(command, *arguments, cwd=folder, **PLACES[place])
    output, errors = (
        stream.decode("utf-8" if place == "the C locale" else "latin-1") for stream in (done.stdout, done.stderr)
    )
    assert done.returncode == code, output + errors
    assert "Traceback" not in errors
    assert "\x1b" not in output + errors
    if code == 2:
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
    else:
        assert output
        assert not re.search(r"\d…", output), output  # a number that was cut
    if place == "ASCII alone":
        assert (output + errors).isascii()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_for_people(command: str) -> None:
    """In this process: it asks nothing of the terminal but its width."""
    name, subcommand = command.split()
    done = CliRunner().invoke(APPS[name], [subcommand, "--help"])
    assert done.exit_code == 0
    assert not re.search(r"<\w+|x>=|\brange\b|\bPath\b|│", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80
    listed = CliRunner().invoke(APPS[name], ["--help"]).stdout
    assert re.search(rf"^  {subcommand} +\w", listed, re.MULTILINE)
    assert "..." not in listed.partition("Commands:")[2]  # what a command does is said whole


@pytest.mark.parametrize("name", APPS)
def test_the_version(name: str, tmp_path: Path) -> None:
    import memgym

    done = call(f"{name} --version", cwd=tmp_path)
    assert (done.returncode, done.stdout.decode().strip()) == (0, memgym.__version__)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("setting", "coloured"), [("", True), ("1", False)])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("memgym", ("table", "gone.jsonl")),
        ("memgym", ("verify", "gone.jsonl")),
        ("memgym", ("inspect", "persna")),
        ("memgym", ("evaluate", "baselines:Lexicl", "--suite", "quick-v2")),
        ("memgym", ("play", "Longcontext-v1")),
        ("memagents", ("plot", "gone", "--out", "x.svg")),
    ],
)
def test_errors_obey_no_color(
    name: str, arguments: tuple[str, ...], setting: str, coloured: bool, tmp_path: Path
) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": setting, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", RUN.format(name=name), *arguments]
    subprocess.run(command, cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "error: " in shown
    assert ("\x1b[" in shown) == coloured


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
@pytest.mark.parametrize(
    "command", ["envs", "schema", "inspect persona", "envs --tasks memgym.tasks.procedural.icl", "--help"]
)
def test_a_reader_that_goes_away_is_no_error(command: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    called = [sys.executable, "-c", RUN.format(name="memgym"), *command.split()]
    done = subprocess.run(called, cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("command", ["play memgym/Longcontext-v1 --set difficulty=easy", "envs", "--version"])
def test_a_closed_input_is_its_end(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    called = f'exec "{sys.executable}" -c "{RUN.format(name="memgym")}" {command} <&-'
    done = subprocess.run(["sh", "-c", called], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
