"""A collection of hostile files: each is refused by name, or verified only for what was really checked.

They are read in a process of its own that has an API key, a module ``canary`` that writes a file when it is imported,
and a host ``{CANARY}`` that notes who comes.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import write_result
from memgym.leaderboard.suites import SUITES
from tests.memgym.leaderboard.hostile.builders import VERIFIED, Honest
from tests.memgym.leaderboard.hostile.collection import COLLECTION
from tests.memgym.leaderboard.hostile.harness import LARGE
from tests.memgym.leaderboard.hostile.suites import DATA, NAME, ROW, TINY

ROOT = Path(__file__).parents[4]
MOST_MB = 320
MOST_MB_OF_THE_LONGEST_LINE = 800
"""What a step of ten million tokens takes: six times the line."""
LONGEST_LINE = "long: a line of 127 MB"
COMMANDS = {"verify", "reproduce", "table", "compare", "merge"}
SHOWING = {"diagnose", "replay", "leaderboard"}
CANARY = "from pathlib import Path\nPath({told!r}).write_text('run')\nRULES = {{'answer': 'x'}}\n"

Told = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def visitors() -> Iterator[tuple[str, list[bytes]]]:
    """A host, and what came to it."""
    came: list[bytes] = []

    class Note(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            came.append(self.request.recv(1000))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Note) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", came
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, visitors: tuple[str, list[bytes]]) -> Path:
    """The files, beside an honest one, the data and the canary."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("data", "lib", "files", "home"):
        (folder / name).mkdir()
    (folder / "data" / DATA).write_text(ROW)
    (folder / "lib" / "canary.py").write_text(CANARY.format(told=str(folder / "canary was run")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, NAME, TINY)
        patch.setenv("MEMGYM_DATA", str(folder / "data"))
        results = [evaluate(f"baselines:{name}", TINY) for name in ("Lexical", "Oracle")]
    write_result(results[0], folder / "honest.jsonl")
    honest = Honest(*([*map(msgspec.to_builtins, (result.header, *result.episodes))] for result in results))
    for number, (name, hostile) in enumerate(COLLECTION.items()):
        with open(folder / "files" / f"{number:03}.{name.partition(':')[0]}{hostile.suffix}", "wb") as file:
            for piece in hostile.make(honest):
                file.write(piece.replace(b"{CANARY}", visitors[0].encode()) if len(piece) < 100_000 else piece)
    return folder


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.slow)])
def told(folder: Path, request: pytest.FixtureRequest) -> dict[str, Told]:
    """What the commands did with each file, by its name in the collection and by command."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MEMGYM", "OPENAI"))}
    environment |= {"OPENAI_API_KEY": "sk-canary", "MEMGYM_CACHE": str(folder / "cache"), "HOME": str(folder / "home")}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder / "lib")]), "COLUMNS": "200"}
    command = [sys.executable, "-m", "tests.memgym.leaderboard.hostile.harness", str(folder), request.param]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    found: dict[str, Told] = {name: {} for name in COLLECTION}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        found[list(COLLECTION)[int(one["file"][:3])]][one["command"]] = one
    return found


def test_there_are_enough_of_them(told: dict[str, Told], request: pytest.FixtureRequest) -> None:
    few = request.node.callspec.params["told"] == "few"
    assert len(COLLECTION) >= 200
    for name, commands in told.items():
        wanted = COMMANDS | SHOWING if name.startswith(("shown", "size")) else COMMANDS
        assert set(commands) == (wanted & {*LARGE} if few and name.startswith(("size", "long")) else wanted)


@pytest.mark.parametrize("name", COLLECTION)
def test_each_is_refused_by_name_or_verified_for_what_was_checked(name: str, told: dict[str, Told]) -> None:
    hostile, verify = COLLECTION[name], told[name]["verify"]
    assert verify["code"] == hostile.code, verify
    assert re.search(hostile.says, verify["err"] or verify["out"]), verify
    assert (": verified" in verify["out"]) == (hostile.code == VERIFIED)
    for command in told[name].values():
        assert command["crash"] is None, command
        assert command["seen"] == [], command
        assert command["err"].count("\n") <= 1
        assert all(sign.isprintable() or sign in "\n" for sign in command["out"] + command["err"]), command


@pytest.mark.parametrize("name", COLLECTION)
def test_a_row_that_was_not_replayed_says_so(name: str, told: dict[str, Told]) -> None:
    """The honest file was verified before; a hostile one only where it is verified, too."""
    table = told[name]["table"]
    assert table["code"] in (0, 2)
    if table["code"] == 0 and COLLECTION[name].code != VERIFIED:
        assert "claimed: drawn from the file and not replayed here" in table["out"]
        assert re.search(r"\bclaimed\b", table["out"])


def test_no_file_is_reproduced_that_is_not_verified(told: dict[str, Told]) -> None:
    for name, commands in told.items():
        if COLLECTION[name].code != VERIFIED and "reproduce" in commands:
            assert ": reproduced" not in commands["reproduce"]["out"], name
    assert ": reproduced" in told["claim: another seed"]["reproduce"]["out"]
    foreign = told["claim: a policy of a module"]["reproduce"]["err"]
    assert "policy 'canary:Policy' is none of memgym's: --trust-code imports and runs it" in foreign


def test_no_suite_is_shown_under_a_name_of_ours(told: dict[str, Told]) -> None:
    for name, commands in told.items():
        if name.startswith("forged: a suite"):
            assert f"(not memgym's {NAME})" in commands["table"]["out"], name
        if name.startswith("claim: a suite called"):
            assert f"(not memgym's {NAME})" in commands["table"]["out"], name
        if name.startswith("forged: another judge"):
            assert f"{NAME} judge=gpt-5 (not memgym's: other entries)" in commands["table"]["out"], name
        if name.startswith("forged: an entry dropped"):
            assert f"{NAME} (not memgym's: other entries)" in commands["table"]["out"], name


def test_no_code_was_run_and_no_host_asked(told: dict[str, Told], folder: Path, visitors: tuple[str, Any]) -> None:
    assert told
    assert not (folder / "canary was run").exists()
    assert visitors[1] == []
    assert not Path("/tmp/canary-cache").exists()


def test_memory_stays_small(told: dict[str, Told]) -> None:
    usual = told.keys() - {LONGEST_LINE}
    most = max((one["MB"], name, one["command"]) for name in usual for one in told[name].values())
    assert most[0] < MOST_MB, most
    assert all(one["MB"] < MOST_MB_OF_THE_LONGEST_LINE for one in told[LONGEST_LINE].values())
