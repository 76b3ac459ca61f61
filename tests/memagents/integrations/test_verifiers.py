"""verifiers' own command plays episodes against a served model, and pays what a collection pays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("verifiers", reason="needs the extra verifiers: tox run -e verifiers")

from memagents.integrations import plugins
from memagents.integrations.examples.model_server import ModelServer
from memgym.steptrace import advantages
from tests.memagents.integrations.conftest import INDICES, learned

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(model) -> Iterator[ModelServer]:
    with ModelServer(model) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


def run(folder: Path, command: list[str], *options: str) -> list[dict[str, Any]]:
    """Run a command as its users do, and return the episodes that it wrote."""
    shim = str(Path(plugins.__path__[0]))
    paths = os.pathsep.join([shim, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "NO_KEY": "none", "PYTHONPATH": paths, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}
    options = ("--no-rich", "-o", str(folder), "--env.taskset.first", str(INDICES[0]), *options)
    done = subprocess.run([*command, *options], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = folder.glob("*/traces.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def vf_eval(folder: Path, url: str, *options: str) -> list[dict[str, Any]]:
    """Run verifiers' command on all of the episodes."""
    client = ["-m", "tiny_reader", "--client.base-url", url, "--client.api-key-var", "NO_KEY", "--no-push"]
    return run(folder, ["vf-eval", "memgym-verifiers", *client], "-n", str(len(INDICES)), *options)


@pytest.mark.parametrize("credit", ["episode", "step"])
def test_rows_are_those_of_the_step_trace(credit: str, server: ModelServer, expected, tmp_path: Path) -> None:
    episodes = vf_eval(tmp_path, server.url, "-r", "2", "--env.taskset.credit", credit)
    assert sorted(episode["task"]["data"]["index"] for episode in episodes) == sorted([*INDICES, *INDICES])
    played = {calls[0].index: calls for calls in expected}
    returns = set()
    for episode in episodes:
        calls = played[episode["task"]["data"]["index"]]
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


def test_the_example_and_what_its_groups_are_worth(tmp_path: Path) -> None:
    """A trainer that takes a group's mean from each trace's reward has our advantages."""
    example = [sys.executable, "-m", "memagents.integrations.examples.verifiers_eval"]
    episodes = run(tmp_path, example, "-n", "3", "-r", "4")
    traces = [(episode, number, trace) for number, episode in enumerate(episodes) for trace in episode["traces"]]
    groups = [episode["task"]["data"]["index"] for episode, _, _ in traces]
    assert sorted(set(groups)) == list(INDICES[:3])
    paid = np.array([trace["rewards"]["return"]["score"] for _, _, trace in traces])
    means = np.array([paid[np.equal(groups, group)].mean() for group in groups])
    steps = [
        learned(group, number, trace["info"]["memgym"]["turn"], trace["metrics"]["step_reward"])
        for group, (_, number, trace) in zip(groups, traces, strict=True)
    ]
    ours = np.array(advantages(steps, scale="none"))
    assert np.abs(ours).max() > 0.1  # else nothing was compared
    np.testing.assert_allclose(paid - means, ours, atol=1e-6)


def test_a_call_that_fails_ends_its_episode_only(server: ModelServer, tmp_path: Path) -> None:
    dead = ModelServer(server.backend)
    dead.server_close()
    episodes = vf_eval(tmp_path, dead.url, "--env.agent.retries.max-retries", "0")
    assert [episode["ok"] for episode in episodes] == [False] * len(INDICES)
    assert all("a call failed" in episode["errors"][-1]["message"] for episode in episodes)
    assert all("return" not in trace["rewards"] for episode in episodes for trace in episode["traces"])
