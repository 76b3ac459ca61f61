"""Reads files by the commands, in a process that notes what they do; prints a JSON line per file and command.

``python -m tests.memgym.leaderboard.hostile.harness FOLDER few|all``: the folder has files, ``honest.jsonl`` and
``data``. With ``few`` the largest files are read by three of the commands only.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer.main
import typer.testing

from memgym.cli import app
from memgym.leaderboard.suites import SUITES
from tests.memgym.leaderboard.hostile.suites import NAME, TINY

typer.testing._get_command = cache(typer.main.get_command)  # the runner builds all commands at every call
ABROAD = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.system", "os.exec")
LARGE = ("verify", "table", "leaderboard")
"""By what the largest files are read where few are asked for: what replays, what does not, and what makes a page."""
seen: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note connections, programs and the import of the canary; see Python's table of audit events."""
    if event in ABROAD or (event == "import" and arguments[0] == "canary"):
        seen.append(f"{event} {arguments[:2]!r:.200}")
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(("/etc/passwd", "/etc/shadow")):
        seen.append(f"open {arguments[0]}")


def forget_most_memory() -> None:
    """Let :func:`most_memory` begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def most_memory() -> int:
    """Return how many megabytes this process had at most; 0 where the system does not tell (it is no Linux)."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    """Read every file by every command that reads files of others."""
    folder = Path(sys.argv[1])
    SUITES[NAME] = TINY
    honest = str(folder / "honest.jsonl")
    data = ("--data", str(folder / "data"))
    forms = ("--html", "--markdown", "--csv") if find_spec("jinja2") else ("--markdown", "--csv")
    board = [one for form in forms for one in (form, str(folder / f"board{form}"))]
    typer.testing.CliRunner().invoke(app, ["leaderboard", honest, *board, *data])
    typer.testing.CliRunner().invoke(app, ["verify", honest, *data])  # what is imported once is imported now
    sys.addaudithook(watch)
    for number, path in enumerate(sorted((folder / "files").iterdir())):
        commands = {
            "verify": ["verify", str(path), *data],
            "reproduce": ["reproduce", str(path), "--share", "1", *data],
            "table": ["table", str(path), honest],
            "compare": ["compare", honest, str(path)],
            "merge": ["merge", str(path), honest, "--out", str(folder / "merged" / f"{number}.jsonl")],
        }
        if path.name.split(".")[1] in ("shown", "size"):
            commands["diagnose"] = ["diagnose", str(path), "--show", "3", *data]
            commands["replay"] = ["replay", str(path), "--entry", "long", "--all", *data]
            commands["leaderboard"] = ["leaderboard", str(path), honest, *board, *data]
        if sys.argv[2] == "few" and path.name.split(".")[1] in ("size", "long"):
            commands = {name: commands[name] for name in LARGE if name in commands}
        for command, arguments in commands.items():
            seen.clear()
            forget_most_memory()
            done = typer.testing.CliRunner().invoke(app, arguments)
            crash = None if isinstance(done.exception, SystemExit | None) else repr(done.exception)
            told = {"file": path.name, "command": command, "code": done.exit_code, "crash": crash, "MB": most_memory()}
            print(json.dumps({**told, "seen": list(seen), "out": done.stdout, "err": done.stderr}), flush=True)


if __name__ == "__main__":
    main()
