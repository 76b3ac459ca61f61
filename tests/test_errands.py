"""The errands of .github/CONTRIBUTING.md: each done in a package outside the repository, through the public doors.

``tests/errands`` holds that package, with the files that its author writes beside it. It is copied away, so nothing of
ours is touched, and what the author would type is typed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import pytest
from memgym.leaderboard.results import read_result

import memgym  # noqa: F401 - registers the environments

ERRANDS = Path(__file__).parent / "errands"
CODES = ("--env", "memgym/Longcontext-v0", "--set", "task=mypkg.tasks:Codes", "--episodes", "6")

Type = Callable[..., str]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The author's folder, which is the present one."""
    shutil.copytree(ERRANDS, tmp_path / "desk", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


@pytest.fixture
def enter(desk: Path) -> Type:
    """Type a command there, and return what it shows."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MEMGYM_DATA", "FORCE_COLOR")}

    def run(command: str, *arguments: str, code: int = 0) -> str:
        start = f"from {command}.cli import app; app(prog_name='{command}')"
        done = subprocess.run(
            [sys.executable, "-c", start, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**environment, "COLUMNS": "160", "PYTHONUTF8": "1"},
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return run


def results(desk: Path) -> list[Path]:
    return sorted((desk / "results").iterdir())


def answer(path: Path) -> float:
    return read_result(path)["summary"]["answer"]["mean"]


def test_a_task(enter: Type, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(desk)
    env = gym.make("memgym/MemoryBank-v0", task="mypkg.tasks:Codes", doors=3)
    observation, info = env.reset(options={"index": 4})
    assert info["episode_id"] == "codes-train-4"
    assert "door is" in observation

    listed = enter("memgym", "envs", "--tasks", "mypkg.tasks")
    assert "mypkg.tasks:Codes" in listed
    assert "What is the code of a door?" in listed
    assert "The code of the" in enter("memgym", "inspect", "mypkg.tasks:Codes", "--set", "doors=2")
    assert "Did you mean 'doors'?" in enter("memgym", "inspect", "mypkg.tasks:Codes", "--set", "dors=2", code=2)

    enter("memgym", "evaluate", "baselines:NoMemory", "baselines:Oracle", *CODES)
    nothing, oracle = results(desk)
    assert (answer(nothing), answer(oracle)) == (0.0, 1.0)
    assert enter("memgym", "verify", str(nothing), str(oracle)).count(": verified") == 2


def test_a_score_of_a_task(enter: Type, desk: Path) -> None:
    """It stands in the result file, is replayed, and can be compared by its name."""
    enter("memgym", "evaluate", "baselines:NoMemory", "baselines:Oracle", *CODES)
    nothing, oracle = results(desk)
    assert read_result(oracle)["summary"]["entries"]["codes"]["scores"]["digits"] == 1.0
    shown = enter("memgym", "compare", str(nothing), str(oracle), "--score", "digits")
    (line,) = (line for line in shown.splitlines() if line.startswith("codes"))
    assert [float(number) for number in line.split()[3:5]] == [0.0, 1.0]

    forged = json.loads(oracle.read_text())
    forged["entries"][0]["results"][0]["steps"][-1]["answers"][0]["scores"]["digits"] = 0.75
    oracle.write_text(json.dumps(forged))
    assert "NOT verified" in enter("memgym", "verify", str(oracle), code=1)


def test_a_baseline(enter: Type, desk: Path) -> None:
    enter("memgym", "evaluate", "mypkg.baselines:Matching", "baselines:Recency", *CODES, "--set", "memory_tokens=16")
    recency, matching = results(desk)
    assert answer(matching) == 1.0 > answer(recency)
    assert ": verified" in enter("memgym", "verify", str(matching))
    refused = enter("memgym", "evaluate", "mypkg.baselines:Matchin", *CODES, code=2)
    assert "Did you mean 'Matching'?" in refused


def test_an_embedder(enter: Type, desk: Path) -> None:
    bank = ("--env", "memgym/RMMReranker-v0", "--set", "difficulty=easy", "--episodes", "2")
    enter("memgym", "evaluate", "baselines:Lexical", *bank, "--set", "embedder=mypkg.embedders:Letters")
    (path,) = results(desk)
    assert read_result(path)["entries"][0]["kwargs"]["embedder"] == "mypkg.embedders:Letters"
    assert ": verified" in enter("memgym", "verify", str(path))


def test_a_module(enter: Type, desk: Path) -> None:
    enter("memgym", "evaluate", "memagents:MemoryAgent", "--recipe", "digits.toml", *CODES)
    (path,) = results(desk)
    assert answer(path) == 1.0
    recipe = desk / "digits.toml"
    recipe.write_text(recipe.read_text().replace("lines = 5", "line = 5"))
    assert "Did you mean 'lines'?" in enter("memgym", "evaluate", "memagents:MemoryAgent", "--recipe", "digits.toml",
                                            *CODES, code=2)  # fmt: skip


def test_an_agent_and_a_backend(enter: Type, desk: Path) -> None:
    enter("memgym", "evaluate", "mypkg.agents:Porter", "--recipe", "porter.toml", *CODES)
    (path,) = results(desk)
    assert answer(path) == 1.0
    assert ": verified" in enter("memgym", "verify", str(path))


def test_a_reward(enter: Type, desk: Path) -> None:
    env = ("--env", "mypkg.rewards:mypkg/DistinctBank-v0", "--set", "difficulty=easy", "--episodes", "2")
    enter("memgym", "evaluate", "baselines:KeepAll", *env, "--set", 'reward_weights={"distinct": 2.0}')
    (path,) = results(desk)
    (entry,) = read_result(path)["entries"]
    last = entry["results"][0]["steps"][-1]
    assert 0 < last["rewards"]["distinct"] <= 1
    assert last["reward"] == 2 * last["rewards"]["distinct"]
    assert ": verified" in enter("memgym", "verify", str(path))


def test_a_variant_of_the_loss(enter: Type, desk: Path) -> None:
    variants = {"surrogate": "mypkg.losses:soft_gate", "advantage_estimator": "mypkg.losses:signs"}
    for setting, name in variants.items():
        refused = enter("memagents", "train", "variant.toml", f"{setting}={name}s", code=2)
        assert f"Did you mean '{name.partition(':')[2]}'?" in refused
    enter("memagents", "train", "variant.toml")
    record = json.loads((desk / "runs" / "variant" / "recipe.json").read_text())
    assert record["train"].items() >= variants.items()
    metrics = (desk / "runs" / "variant" / "metrics.jsonl").read_text().splitlines()
    assert len(metrics) == 2


def test_a_suite(enter: Type, desk: Path) -> None:
    enter("memgym", "evaluate", "mypkg.baselines:Matching", "--suite", "suite.toml")
    (path,) = results(desk)
    result = read_result(path)
    assert result["suite"] == "doors-v0"
    assert [entry["name"] for entry in result["entries"]] == ["few", "many"]
    assert ": verified" in enter("memgym", "verify", str(path))
    suite = desk / "suite.toml"
    suite.write_text(suite.read_text().replace("episodes", "episods", 1))
    assert "Did you mean 'episodes'?" in enter(
        "memgym", "evaluate", "baselines:Oracle", "--suite", "suite.toml", code=2
    )
