"""An environment over WebSockets, driven by OpenEnv's own client."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("openenv", reason="needs the extra openenv: tox run -e openenv")

import httpx
import uvicorn
from openenv.core import GenericEnvClient
from websockets.asyncio.client import connect

import memgym
from memagents.integrations.examples import openenv_group
from memgym.errors import ConfigError
from memgym.playing import Job, play, twin
from memgym.serving.limits import LONGEST_MESSAGE
from memgym.serving.openenv import openenv_app
from memgym.steptrace import Session, advantages

TASK = {"task": "whereabouts", "counter": "words", "section_tokens": 16, "memory_tokens": 20}
SESSIONS = 64


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Served:
    """A server in a thread."""

    def __init__(self, **settings) -> None:
        self.port = free_port()
        app = openenv_app(memgym.make("memgym/Longcontext-v1", **TASK), **settings)
        config = uvicorn.Config(app, port=self.port, log_level="error", ws_max_size=LONGEST_MESSAGE)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(60)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served(sessions=SESSIONS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def expected() -> dict[int, list[tuple[str, float]]]:
    """What the playing module plays: by index, what is seen and paid in each step."""
    env = memgym.make("memgym/Longcontext-v1", **TASK)
    played = play(memgym.PhasePolicy(), env, [Job(0, index) for index in range(SESSIONS)])
    return {
        episode.job.index: [(step.ask.observation, float(step.reward)) for step in episode.steps] for episode in played
    }


async def play_one(url: str, index: int) -> list[tuple[str, float]]:
    policy, steps = memgym.PhasePolicy(), []
    async with GenericEnvClient(base_url=url) as env:
        result = await env.reset(index=index)
        while not result.done:
            seen = result.observation["text"]
            result = await env.step({"text": policy.act(seen)})
            steps.append((seen, result.reward))
    return steps


def test_a_thousand_sessions_in_turn(served: Served, expected) -> None:
    async def run() -> None:
        for number in range(1000):
            index = number % SESSIONS
            assert await play_one(served.url, index) == expected[index]

    asyncio.run(run())


def test_sessions_at_once_play_their_own_episodes(served: Served, expected) -> None:
    async def run() -> list:
        return await asyncio.gather(*(play_one(served.url, index) for index in range(SESSIONS)))

    started = time.perf_counter()
    found = asyncio.run(run())
    seconds = time.perf_counter() - started
    assert found == [expected[index] for index in range(SESSIONS)]
    print(f"{sum(map(len, found)) / seconds:.0f} steps/s over {SESSIONS} sessions at once")


def test_one_session_too_many_is_refused_and_told(served: Served) -> None:
    async def run() -> str:
        held = [GenericEnvClient(base_url=served.url) for _ in range(SESSIONS)]
        for client in held:
            await client.connect()
            await client.reset(index=0)
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as late:
            told = await late.recv()
        for client in held:
            await client.close()
        return str(told)

    assert "CAPACITY_REACHED" in asyncio.run(run())
    assert asyncio.run(play_one(served.url, 1))  # and room comes back


def test_mistakes_are_told_and_the_session_goes_on(served: Served) -> None:
    async def ask(wire, kind: str, **data) -> dict:
        await wire.send(json.dumps({"type": kind, "data": data}))
        return json.loads(await wire.recv())

    async def run() -> list[dict]:
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as wire:
            told = [
                await ask(wire, "step", text="too early"),
                await ask(wire, "reset", index=-1),
                await ask(wire, "reset", index=3),
                await ask(wire, "step", words="text is missing"),
                await ask(wire, "step", text="x" * 50000),
            ]
            await wire.send("{")
            return [*told, json.loads(await wire.recv()), await ask(wire, "reset", seed=5)]

    early, index, begun, field, long, broken, again = asyncio.run(run())
    assert "no episode was begun" in early["data"]["message"]
    assert "index" in index["data"]["message"]
    assert begun["data"]["observation"]["index"] == 3
    assert field["data"]["code"] == "VALIDATION_ERROR"
    assert long["type"] == "observation"  # cut at the budget, as by any other loop
    assert broken["data"]["code"] == "INVALID_JSON"
    assert again["data"]["observation"]["text"]
    assert asyncio.run(run())[-1] == again  # the seed draws the episode


def test_long_messages_end_their_session_only(served: Served) -> None:
    async def run() -> int | None:
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as wire:
            await wire.send("x" * (LONGEST_MESSAGE + 1))
            await wire.wait_closed()
            return wire.close_code

    assert asyncio.run(run()) == 1009
    assert httpx.post(f"{served.url}/reset", content=b"x" * (LONGEST_MESSAGE + 1)).status_code == 413
    assert httpx.post(f"{served.url}/reset", content=iter([b"{}"])).status_code == 413  # of no length that is told
    assert httpx.get(f"{served.url}/health").status_code == 200


def test_a_silent_session_is_closed() -> None:
    server = Served(sessions=1, idle=0.3)

    async def run() -> int | None:
        async with connect(f"ws://127.0.0.1:{server.port}/ws") as wire:
            await asyncio.wait_for(wire.wait_closed(), 60)
            return wire.close_code

    try:
        assert asyncio.run(run()) == 1001
        assert asyncio.run(run()) == 1001  # its place was free again
    finally:
        server.close()


def test_a_silent_session_without_a_connection_is_closed() -> None:
    """OpenEnv's requests can begin sessions, which would fill the server for good."""
    server = Served(sessions=1, idle=0.3)
    begin = {"jsonrpc": "2.0", "id": 1, "method": "openenv/session/create", "params": {}}

    def begun() -> bool:
        return "result" in {name for name, value in httpx.post(f"{server.url}/mcp", json=begin).json().items() if value}

    try:
        assert begun()
        assert not begun()  # it is full
        deadline = time.monotonic() + 60
        while not begun():
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        server.close()


def test_the_gold_is_not_served() -> None:
    with pytest.raises(ConfigError, match="reveal_gold"):
        openenv_app(memgym.make("memgym/Longcontext-v1", **TASK, reveal_gold=True))


def test_the_command_and_the_example() -> None:
    """As its users start them: the command serves on loopback, the example plays a group by OpenEnv's client."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from memgym.cli import app; app()", "serve", "--openenv", "memgym/Longcontext-v1"]
    command += ["--set", "task=conflict", "--sessions", "8", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith(f"memgym/Longcontext-v1 is served at {url}, 8 ")
            wait_for(url)
            assert_only_loopback(port)
            example = [sys.executable, "-m", "memagents.integrations.examples.openenv_group", url, "3", "8"]
            done = subprocess.run(example, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
        finally:
            server.terminate()
    told = [tuple(map(float, re.findall(r"[-+]?[0-9]+\.[0-9]+", line))) for line in done.stdout.splitlines()]

    env = memgym.make("memgym/Longcontext-v1", task="conflict")
    sessions = [Session(twin(env), 3, trial=trial, episode=trial) for trial in range(8)]
    for trial, session in enumerate(sessions):
        policy = openenv_group.Inattentive(trial)
        while not session.done:
            session.step(policy.act(session.observation))
    ours = advantages([call for session in sessions for call in session.calls()])
    first = [session.calls()[0].episode * len(session.calls()) for session in sessions]
    assert max(ours) > 0.5
    assert [paid for paid, _ in told] == pytest.approx([session.returns()[0] for session in sessions], abs=1e-3)
    assert [gained for _, gained in told] == pytest.approx([ours[row] for row in first], abs=1e-3)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"{url}/health")
            return
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def assert_only_loopback(port: int) -> None:
    """Who listens at every address is heard at each of loopback's."""
    with socket.socket() as caller, pytest.raises(ConnectionRefusedError):
        caller.connect(("127.0.0.2", port))
