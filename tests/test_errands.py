"""The errands of .github/CONTRIBUTING.md: each done in a package outside the repository, through the public doors.

``tests/errands`` holds that package, with the files that its author writes beside it. It is copied away, so nothing of
ours is touched, and what the author would type is typed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import pytest

import memgym  # noqa: F401 - registers the environments

ERRANDS = Path(__file__).parent / "errands"
CODES = ("--env", "memgym/Longcontext-v1", "--set", "task=mypkg.tasks:Codes", "--episodes", "6")

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


def results(desk: Path) -> list[str]:
    return [str(path) for path in sorted((desk / "results").iterdir())]


def scores(shown: str) -> dict[str, float]:
    """Return each policy's score in a table, without the mark of those that read the gold answers."""
    rows = [line.split() for line in shown.splitlines() if re.match(r"\S+ +\d\.\d{3} ", line)]
    return {row[0].rstrip("*"): float(row[1]) for row in rows}


def test_a_task(enter: Type, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(desk)
    env = gym.make("memgym/MemoryBank-v1", task="mypkg.tasks:Codes", doors=3)
    observation, info = env.reset(options={"index": 4})
    assert info["episode_id"] == "codes-train-4"
    assert "door is" in observation

    listed = enter("memgym", "envs", "--tasks", "mypkg.tasks")
    assert "mypkg.tasks:Codes" in listed
    assert "What is the code of a door?" in listed
    assert "The code of the" in enter("memgym", "inspect", "mypkg.tasks:Codes", "--set", "doors=2")
    assert "Did you mean 'doors'?" in enter("memgym", "inspect", "mypkg.tasks:Codes", "--set", "dors=2", code=2)

    shown = enter("memgym", "evaluate", "baselines:NoMemory", "baselines:Oracle", *CODES)
    assert scores(shown) == {"NoMemory": 0.0, "Oracle": 1.0}
    assert "is none of memgym's: --trust-code" in enter("memgym", "verify", *results(desk), code=2)
    assert enter("memgym", "verify", "--trust-code", *results(desk)).count(": verified") == 2


def test_a_score_of_a_task(enter: Type, desk: Path) -> None:
    """It stands in the result file, can be compared by its name, and is replayed."""
    enter("memgym", "evaluate", "baselines:NoMemory", "baselines:Oracle", *CODES)
    nothing, oracle = results(desk)
    assert scores(enter("memgym", "table", "results", "--score", "digits")) == {"NoMemory": 0.0, "Oracle": 1.0}
    shown = enter("memgym", "compare", nothing, oracle, "--score", "digits")
    (line,) = (line for line in shown.splitlines() if line.startswith("codes"))
    assert [float(number) for number in line.split()[3:5]] == [0.0, 1.0]

    forged, count = re.subn(r'("digits": ?)1\.0', r"\g<1>0.75", Path(oracle).read_text(), count=1)
    assert count
    Path(oracle).write_text(forged)
    assert "NOT verified" in enter("memgym", "verify", "--trust-code", oracle, code=1)


def test_a_baseline(enter: Type, desk: Path) -> None:
    few = (*CODES, "--set", "memory_tokens=16")
    shown = enter("memgym", "evaluate", "mypkg.baselines:Matching", "baselines:Recency", *few)
    assert scores(shown)["Matching"] == 1.0 > scores(shown)["Recency"]
    assert enter("memgym", "verify", "--trust-code", *results(desk)).count(": verified") == 2
    assert "Did you mean 'Matching'?" in enter("memgym", "evaluate", "mypkg.baselines:Matchin", *CODES, code=2)


def test_an_embedder(enter: Type, desk: Path) -> None:
    bank = ("--env", "memgym/RMMReranker-v1", "--set", "difficulty=easy", "--episodes", "2")
    for folder, embedder in (("ours", "hash"), ("theirs", "mypkg.embedders:Letters")):
        enter("memgym", "evaluate", "baselines:KeepAll", *bank, "--set", f"embedder={embedder}", "--out", folder)
    (ours,), (theirs,) = (list((desk / folder).iterdir()) for folder in ("ours", "theirs"))
    assert ": verified" in enter("memgym", "verify", "--trust-code", str(theirs))
    recall = re.compile(r'("evidence_recall": ?[\d.]+)')
    assert recall.findall(ours.read_text()) != recall.findall(theirs.read_text())  # it ranks in its own way


def test_a_module(enter: Type, desk: Path) -> None:
    shown = enter("memgym", "evaluate", "memagents:MemoryAgent", "--recipe", "digits.toml", *CODES)
    assert scores(shown) == {"MemoryAgent(recipe=digits.toml)": 1.0}
    recipe = desk / "digits.toml"
    recipe.write_text(recipe.read_text().replace("lines = 5", "line = 5"))
    refused = enter("memgym", "evaluate", "memagents:MemoryAgent", "--recipe", "digits.toml", *CODES, code=2)
    assert "Did you mean 'lines'?" in refused


def test_an_agent_and_a_backend(enter: Type, desk: Path) -> None:
    shown = enter("memgym", "evaluate", "mypkg.agents:Porter", "--recipe", "porter.toml", *CODES)
    assert scores(shown) == {"Porter(recipe=porter.toml)": 1.0}
    assert ": verified" in enter("memgym", "verify", "--trust-code", *results(desk))


def test_a_reward(enter: Type, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_id = "mypkg.rewards:mypkg/DistinctBank-v0"
    monkeypatch.syspath_prepend(desk)
    env = gym.make(env_id, difficulty="easy", phases=["answer"], reward_weights={"distinct": 2.0})
    env.reset(seed=0)
    paid = [env.step("I do not know.")]
    while not paid[-1][2]:
        paid.append(env.step("I do not know."))
    _, reward, _, _, info = paid[-1]
    assert reward == 2 * info["rewards"]["distinct"] > 0
    assert {step[1] for step in paid[:-1]} == {0.0}
    assert "| `distinct` | last step | share of distinct memories | 0 |" in (type(env.unwrapped).__doc__ or "")

    enter("memgym", "evaluate", "baselines:KeepAll", "--env", env_id, "--set", "difficulty=easy", "--episodes", "2")
    (path,) = results(desk)
    assert '"distinct"' in Path(path).read_text()
    assert ": verified" in enter("memgym", "verify", "--trust-code", path)


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
    shown = enter("memgym", "evaluate", "mypkg.baselines:Matching", "--suite", "suite.toml")
    assert "doors-v0" in shown
    assert re.search(r"policy +all +± +few +many ", shown)
    assert ": verified" in enter("memgym", "verify", "--trust-code", *results(desk))
    suite = desk / "suite.toml"
    suite.write_text(suite.read_text().replace("episodes", "episods", 1))
    assert "Did you mean 'episodes'?" in enter(
        "memgym", "evaluate", "baselines:Oracle", "--suite", "suite.toml", code=2
    )
