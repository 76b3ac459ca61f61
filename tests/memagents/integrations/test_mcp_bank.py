"""A bank as tools, driven by the reference client of MCP."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs the extra mcp: tox run -e mcp")

from mcp import StdioServerParameters
from mcp.client import Client

from memagents.integrations.mcp_bank import BankServer
from memgym.bank import MemoryBank

COMMAND = ["-c", "from memgym.cli import app; app()", "serve", "--mcp"]


async def call(client: Client, tool: str, **arguments: str) -> Any:
    told = await client.call_tool(tool, arguments)
    assert not told.is_error, told
    return told.structured_content


def test_the_command_over_standard_streams(tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    command = StdioServerParameters(command=sys.executable, args=[*COMMAND, str(bank)], env=dict(os.environ))

    async def run() -> tuple[Any, ...]:
        async with Client(command) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"remember", "recall", "history"}
            assert set(tools["remember"].input_schema["required"]) == {"text"}
            await call(client, "remember", text="Ada moved to Turin in May.", time="2026-05-02")
            kept = await call(client, "remember", text="Ben plays the cello.", speaker="Ben", time="2026-05-03")
            again = await call(client, "remember", text="Ben plays the cello.", speaker="Ben", time="2026-05-04")
            found = await call(client, "recall", question="Where did Ada move?")
            past = await call(client, "history", id=kept["changes"][0]["new"]["id"])
            wrong = await client.call_tool("history", {"id": "m99"})
            return kept, again, found, past, wrong

    kept, again, found, past, wrong = asyncio.run(run())
    assert "Ben plays the cello." in kept["changes"][0]["new"]["value"]
    assert again["changes"] == []  # it is known already
    assert "Turin" in found["memories"][0]["value"]
    assert "Turin" in found["answer"]
    assert [event["op"] for event in past["result"]] == ["ADD"]
    assert wrong.is_error
    assert "m99" in wrong.content[0].text
    assert {"Turin" in record.value for record in MemoryBank.load(bank).get_all()} == {True, False}  # it was saved


def test_over_a_port_and_one_writer_at_a_time(tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, *COMMAND, str(bank)]
    with subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.1)

        async def run() -> list[Any]:
            async def one(number: int) -> Any:
                async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                    await call(client, "remember", text=f"The code of door {number} is {number * 7}.")
                    return await call(client, "recall", question=f"What is the code of door {number}?")

            return await asyncio.gather(*(one(number) for number in range(11, 17)))

        found = asyncio.run(run())
        assert [str(number * 7) in each["answer"] for number, each in zip(range(11, 17), found, strict=True)] == [
            True
        ] * 6
        with socket.socket() as caller, pytest.raises(ConnectionRefusedError):
            caller.connect(("127.0.0.2", port))  # who listens at every address is heard there
        second = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        assert second.returncode != 0
        assert "me.bank" in second.stderr
        server.terminate()
    assert len(MemoryBank.load(bank)) == 6


def test_an_agent_of_a_recipe_updates_and_deletes(tmp_path: Path) -> None:
    """A recipe's model decides what becomes of memories; here a backend of one's own, as recipes may name it."""
    (tmp_path / "plans.py").write_text(PLANS, encoding="utf-8")
    recipe = tmp_path / "plans.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    bank = tmp_path / "me.bank"
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = StdioServerParameters(
        command=sys.executable,
        args=[*COMMAND, str(bank), "--recipe", str(recipe)],
        env={**os.environ, "PYTHONPATH": paths},
    )

    async def run() -> list[Any]:
        kept = []
        async with Client(command) as client:
            for said in ("Ada lives in Turin.", "CHANGE Ada lives in Oslo.", "FORGET Ada."):
                await call(client, "remember", text=said)
                kept.append([record.value for record in MemoryBank.load(bank).get_all()])  # it is saved each time
            past = await call(client, "history", id="m1")
        return [*kept, [event["op"] for event in past["result"]]]

    first, second, third, past = asyncio.run(run())
    assert len(first) == 1
    assert "Turin" in first[0]
    assert second == ["CHANGE Ada lives in Oslo."]
    assert third == []
    assert past == ["ADD", "UPDATE", "DELETE"]


def test_what_is_remembered_after_a_restart_has_a_name_of_its_own(tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    for told in (("Ann likes tea.", "Ann likes tea.", "Bob has a dog."), ("Cy is a vet.", "Di is a nurse.")):
        server = BankServer(bank)
        for text in told:
            server.remember(text)
    sources = [record.source for record in MemoryBank.load(bank).get_all()]
    assert sources[-2:] == [("remembered-4:1",), ("remembered-5:1",)]
    assert len(set(sources)) == len(sources) == 4


RECIPE = """
agent = "MemoryAgent"
[backends.main]
kind = "plans:Plans"
[modules.update]
module = "NaiveUpdater"
"""
PLANS = r'''
import json, re
from memagents.backends.base import Backend, Completion

class Plans(Backend):
    """Writes plans by the first word of what is said."""

    def chat(self, batch, sampling):
        return [Completion(self.plan(chat[-1]["content"]), [], [], [], "stop") for chat in batch]

    def plan(self, asked):
        candidates = dict(re.findall(r"\[(c[0-9]+)\] (.*)", asked))
        (name, text), *_ = candidates.items()
        text = text.removeprefix("User: ")
        op = {"FORGET": "DELETE", "CHANGE": "UPDATE"}.get(text.split()[0], "ADD")
        operation = {"id": name if op == "ADD" else "m1", "op": op}
        return json.dumps({"operations": [operation if op != "UPDATE" else {**operation, "value": text}]})
'''
