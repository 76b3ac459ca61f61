"""verifiers' own command plays episodes against a served model, and pays what a collection pays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("verifiers", reason="needs the extra verifiers: tox run -e verifiers")

from memagents.backends.base import Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.integrations import plugins
from memagents.sessions import answer, open_sessions, outside
from memgym.steptrace import TraceStep
from tests.memagents.integrations.model_server import ModelServer

INDICES = range(8, 12)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    served = ModelServer(TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu"))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def vf_eval(folder: Path, url: str, *options: str) -> list[dict]:
    """Run the command as its users do, and return the episodes that it wrote."""
    shim = str(Path(plugins.__path__[0]))
    paths = os.pathsep.join([shim, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [str(Path(sys.executable).parent / "vf-eval"), "memgym-verifiers", "-m", "tiny_reader"]
    command += ["--client.base-url", url, "--client.api-key-var", "NO_KEY", "--no-push", "--no-rich"]
    command += ["--sampling.temperature", "0", "-n", str(len(INDICES)), "-o", str(folder), *options]
    command += ["--env.taskset.first", str(INDICES[0])]
    env = {**os.environ, "NO_KEY": "none", "PYTHONPATH": paths}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = folder.glob("*/traces.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def played_here(backend: TransformersBackend) -> dict[int, list[TraceStep]]:
    """The same episodes, greedily, by this package alone."""
    agent, env = outside("tiny_reader")
    sessions = open_sessions(agent, env, INDICES)
    while asking := [session for session in sessions if not session.done]:
        greedy = Sampling(max_tokens=asking[0].sampling.max_tokens, temperature=0.0)
        answer(asking, backend.chat([session.messages for session in asking], greedy))
    return {session.played.job.index: session.calls() for session in sessions}


@pytest.mark.parametrize("credit", ["episode", "step"])
def test_its_command_pays_each_call(credit: str, server: ModelServer, tmp_path: Path) -> None:
    episodes = vf_eval(tmp_path, server.url, "-r", "2", "--env.taskset.credit", credit)
    expected = played_here(server.backend)
    assert sorted(episode["task"]["data"]["index"] for episode in episodes) == sorted([*INDICES, *INDICES])
    returns = set()
    for episode in episodes:
        calls = expected[episode["task"]["data"]["index"]]
        assert episode["ok"]
        assert len(episode["traces"]) == len(calls)
        for turn, (trace, call) in enumerate(zip(episode["traces"], calls, strict=True)):
            asked, said = (node["message"].get("content", "") for node in trace["nodes"])
            assert (asked, said) == (call.messages[-1]["content"], call.text)  # one trace a call, nothing appended
            assert trace["info"]["memgym"]["phase"] == call.phase
            ours = calls[turn:] if credit == "step" else calls
            assert trace["rewards"]["return"]["score"] == pytest.approx(sum(each.reward for each in ours))
            assert {name: trace["metrics"][name] for name in call.rewards} == call.rewards
            returns.add(round(trace["rewards"]["return"]["score"], 6))
    assert len(returns) > 1  # else nothing was compared


def test_a_call_that_fails_ends_its_episode_only(server: ModelServer, tmp_path: Path) -> None:
    dead = ModelServer(server.backend)
    dead.server_close()
    episodes = vf_eval(tmp_path, dead.url, "--env.agent.retries.max-retries", "0")
    assert [episode["ok"] for episode in episodes] == [False] * len(INDICES)
    assert all("a call failed" in episode["errors"][-1]["message"] for episode in episodes)
    assert all("return" not in trace["rewards"] for episode in episodes for trace in episode["traces"])
