"""Anybody's loop writes a file that the leaderboard shows and that verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from typer.testing import CliRunner

import memgym
from memgym.cli import app
from memgym.errors import ConfigError
from memgym.leaderboard.files import read_result
from memgym.steptrace import read_trace
from memgym.wrappers import Features, RecordEpisode, ScoreAction


def made(**kwargs: Any) -> gym.Env:
    return gym.make("memgym/RMMReranker-v1", difficulty="easy", split="test", **kwargs)


def play(env: gym.Env, policy: memgym.Policy) -> None:
    observation, _ = env.reset()
    done = False
    while not done:
        observation, _, done, _, _ = env.step(policy.act(observation))


def test_a_loop_is_recorded_as_evaluate_records_it(tmp_path: Path) -> None:
    env = RecordEpisode(made(), tmp_path / "mine.jsonl", policy="mine", episodes=3)
    while not env.done:
        play(env, memgym.PhasePolicy())
    play(env, memgym.PhasePolicy())  # one more is not written
    env.close()
    told = CliRunner().invoke(app, ["verify", str(tmp_path / "mine.jsonl")])
    assert "mine.jsonl: verified" in told.output
    assert "mine" in CliRunner().invoke(app, ["table", str(tmp_path / "mine.jsonl")]).output
    settings = ("--env", "memgym/RMMReranker-v1", "--set", "difficulty=easy", "--split", "test", "--episodes", "3")
    CliRunner().invoke(app, ["evaluate", "baselines:KeepAll", *settings, "--out", str(tmp_path / "out")])
    (path,) = (tmp_path / "out").iterdir()
    one, other = read_result(tmp_path / "mine.jsonl").episodes, read_result(path).episodes
    assert [[(s.action, s.reward) for s in e.steps] for e in one] == [
        [(s.action, s.reward) for s in e.steps] for e in other
    ]


def test_below_arrays_and_numbers(tmp_path: Path) -> None:
    recorded = RecordEpisode(made(), tmp_path / "a.jsonl.gz", policy="arrays", episodes=2)
    env = ScoreAction(Features(recorded, items=20))
    while not recorded.done:
        arrays, _ = env.reset()
        done = False
        while not done:
            arrays, _, done, _, _ = env.step(arrays["item"] @ arrays["query"])
    env.close()
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "a.jsonl.gz")]).exit_code == 0


def test_an_episode_that_was_given_up_comes_again(tmp_path: Path) -> None:
    env = RecordEpisode(made(), tmp_path / "a.jsonl", policy="mine", episodes=2)
    env.reset()
    env.step("[]")
    play(env, memgym.PhasePolicy())
    assert read_result(tmp_path / "a.jsonl").episodes[0].index == 0
    with pytest.raises(ConfigError, match="episode 1 is to be recorded next, not 7"):
        env.reset(options={"index": 7})
    env.close()


def test_what_cannot_be_recorded(tmp_path: Path) -> None:
    env = RecordEpisode(made(), tmp_path / "a.jsonl", policy="mine", episodes=1)
    play(env, memgym.PhasePolicy())
    env.close()
    with pytest.raises(ConfigError, match="is there already"):
        RecordEpisode(made(), tmp_path / "a.jsonl", policy="mine")
    with pytest.raises(ConfigError, match="'policy' must be the name"):
        RecordEpisode(made(), tmp_path / "b.jsonl", policy=" ")
    with pytest.raises(ConfigError, match="'episodes'"):
        RecordEpisode(made(), tmp_path / "b.jsonl", policy="a", episodes=0)
    with pytest.raises(ConfigError, match="pays a vector"):
        RecordEpisode(made(vector_reward=True), tmp_path / "b.jsonl", policy="a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl"]


def test_a_step_trace_beside_it(tmp_path: Path) -> None:
    env = RecordEpisode(made(), tmp_path / "a.jsonl", policy="mine", episodes=2, trace=tmp_path / "a.trace.jsonl")
    while not env.done:
        play(env, memgym.PhasePolicy())
    env.close()
    steps = list(read_trace(tmp_path / "a.trace.jsonl"))
    told = [(e.index, turn, s) for e in read_result(tmp_path / "a.jsonl").episodes for turn, s in enumerate(e.steps)]
    assert [(s.index, s.turn, s.phase, s.action, s.reward, s.rewards, s.error) for s in steps] == [
        (index, turn, s.phase, s.action, s.reward, s.rewards, s.action_error) for index, turn, s in told
    ]
    assert all(memgym.Observation.parse(step.observation).phase == step.phase for step in steps)
    assert all(step.trained and step.final for step in steps)
