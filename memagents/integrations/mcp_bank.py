"""A memory bank as an MCP server (extra ``mcp``): assistants remember and recall by an agent of this package.

``remember`` hears what was said and lets the agent add, update or delete; ``recall`` finds what bears on a question,
and answers it; ``history`` tells what became of a memory. The bank's file is this process's while it serves, and is
saved after each change. Over standard streams it is its client's alone; over a port it listens on loopback unless told
otherwise, and whoever reaches the port may read and write the bank.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from memagents.agents import load_agent
from memagents.bank_files import alone, load_bank, save_bank
from memagents.memory import AgentMemory
from memgym.bank import MemoryBank, MemoryRecord
from memgym.episodes import Session, Turn
from memgym.errors import MemgymError, MissingExtraError

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
except ImportError as error:
    raise MissingExtraError("serving a memory bank over MCP", "mcp") from error

_NAME = re.compile(r"remembered-([0-9]{1,18})(?::|$)")

RULES: dict[str, Any] = {
    "agent": "MemoryAgent",
    "modules": {
        phase: {"module": "Operator", "name": name}
        for phase, name in {
            "read": "recent",
            "extract": "verbatim",
            "update": "deduplicate",
            "retrieve": "top_k",
            "answer": "extractive",
        }.items()
    },
}
"""The agent without a recipe: it keeps what is said as it is, once, and needs no model."""


class BankServer:
    """The tools of a bank, one call at a time.

    Args:
        path: of the bank's file, held by this process: see :func:`memagents.bank_files.alone`.
        recipe: of the agent that keeps the bank; None for :data:`RULES`.
        embedder: of a bank that is not there yet; of an old one, only if its file names another than memgym's own.

    Raises:
        ConfigError, BankFileError: the bank or the recipe cannot be used.
    """

    def __init__(self, path: Path, recipe: str | None = None, embedder: str = "hash"):
        self._path, self._turn = path, threading.Lock()
        self._bank = load_bank(path, embedder)
        self._memory = AgentMemory(load_agent(RULES if recipe is None else recipe), self._bank)
        self._heard = _last_heard(self._bank)

    def remember(self, text: str, speaker: str = "User", time: str = "") -> dict[str, Any]:
        """Remember what was said. What it adds to, corrects or takes back of earlier memories is changed there.

        Args:
            text: what was said or found out, in whole sentences that say whom and what they are about.
            speaker: who said it.
            time: when, e.g. 2026-11-28.
        """
        with self._turn, _told():
            self._heard += 1
            name = f"remembered-{self._heard}"
            told = self._memory.ingest(Session(name, time, (Turn(f"{name}:1", speaker, text),)))
            self._bank.mark(name)
            save_bank(self._bank, self._path)
            changes = [{"old": _shown(change.old), "new": _shown(change.new)} for change in told.changes]
            return {"changes": changes, "problems": told.problems}

    def recall(self, question: str, time: str = "") -> dict[str, Any]:
        """Return the memories that bear on a question, the best first, and what the memory's own reader makes of them.

        Args:
            question: in whole words.
            time: when it is asked, e.g. 2026-11-28.
        """
        with self._turn, _told():
            reply = self._memory.ask(question, time)
            memories = [_shown(record) for record in reply.used]
            return {"memories": memories, "answer": reply.text, "problems": reply.problems}

    def history(self, id: str) -> list[dict[str, Any]]:
        """Return what became of a memory since it was first kept, oldest first, also if it is gone by now.

        Args:
            id: of the memory, as recall and remember tell it, e.g. m3.
        """
        with self._turn, _told():
            events = self._bank.history(id)
            return [
                {"op": each.op, "time": each.time, "old": _shown(each.old), "new": _shown(each.new)} for each in events
            ]

    def server(self) -> MCPServer:
        """Return the MCP server of these tools."""
        server: MCPServer = MCPServer(
            "memgym", log_level="WARNING", instructions="A memory that outlives the conversation."
        )
        for tool in (self.remember, self.recall, self.history):
            server.tool()(tool)
        return server


def serve(path: Path, recipe: str | None = None, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Serve a bank until the client leaves, or Ctrl-C.

    Args:
        path: of its file; a new one is begun if there is none.
        recipe: of the agent that keeps it.
        host: the address to listen at, with a port.
        port: None to speak over this process's standard streams, as assistants that start their servers expect.

    Raises:
        ConfigError, BankFileError, InUseError: the bank or the recipe cannot be used, or another process has the bank.
    """
    with alone(path):
        server = BankServer(path, recipe).server()
        if port is None:
            server.run("stdio")
        else:
            server.run("streamable-http", host=host, port=port)


def _last_heard(bank: MemoryBank) -> int:
    """Return the highest number of what a bank was told to remember, so that no two sessions have one name."""
    names = [*bank.marks, *(source for record in bank.get_all() for source in record.source)]
    return max((int(found[1]) for name in names if (found := _NAME.match(name))), default=0)


@contextmanager
def _told() -> Iterator[None]:
    """Let the client see what was wrong with its call."""
    try:
        yield
    except MemgymError as error:
        raise ToolError(str(error)) from None


def _shown(record: MemoryRecord | None) -> dict[str, Any] | None:
    return None if record is None else {name: value for name, value in asdict(record).items() if value}
