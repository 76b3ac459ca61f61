"""The step trace: records, files, sessions and credit, without any library of tensors."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

import memgym
from memgym.errors import ConfigError, DataError
from memgym.playing import Job, play, twin
from memgym.steptrace import (
    Session,
    TraceStep,
    TraceWriter,
    advantages,
    calls,
    read_trace,
    returns,
    trace_of,
    write_trace,
)

LONG = {"task": "whereabouts", "counter": "words", "section_tokens": 16, "memory_tokens": 20}


def step(**changes) -> TraceStep:
    plain = {
        "episode_id": "e",
        "index": 3,
        "trial": 0,
        "group": 0,
        "episode": 0,
        "turn": 0,
        "phase": "read",
        "final": False,
        "observation": "<phase>read</phase>",
        "action": "kept",
        "error": "",
        "rewards": {"answer": 0.0, "format": 1.0},
        "reward": 0.5,
    }
    return TraceStep(**{**plain, **changes})


def played(policy: memgym.Policy, index: int) -> list[TraceStep]:
    (episode,) = play(policy, memgym.make("memgym/Longcontext-v1", **LONG), [Job(0, index)], seed=5)
    return trace_of(episode, final_phase="answer")


def test_a_session_is_what_the_playing_module_plays() -> None:
    """Somebody's own loop over sessions, and play(), leave the same trace."""
    policy = memgym.PhasePolicy()
    env = memgym.make("memgym/Longcontext-v1", **LONG)
    sessions = [Session(twin(env), index, seed=5) for index in (4, 0, 7)]
    while waiting := [session for session in sessions if not session.done]:
        for session, action in zip(waiting, policy.act_many([each.observation for each in waiting]), strict=True):
            session.step(action)
    for session, index in zip(sessions, (4, 0, 7), strict=True):
        mine = [msgspec.structs.replace(each, trained=False) for each in session.trace()]
        assert mine == played(policy, index)
        assert session.observation == ""
        assert len(session.returns()) == len(mine)
        assert session.returns()[0] == pytest.approx(sum(each.reward for each in mine))
        with pytest.raises(ResetNeeded, match="nothing is asked"):
            session.step("more")


def test_a_session_keeps_what_the_loop_tells() -> None:
    session = Session(memgym.make("memgym/Longcontext-v1", **LONG), 2, seed=9, group=4, episode=11)
    seeds = {session.seed}
    session.step(
        "a note", response_ids=[5, 6], prompt_ids=[1], log_probs=[-0.5, -0.25], text="so: a note", colour="red"
    )
    seeds.add(session.seed)
    session.step(None, trained=False)
    first, second = session.trace()
    assert (first.group, first.episode, first.turn, second.turn) == (4, 11, 0, 1)
    assert (first.response_ids, first.log_probs, first.text) == ([5, 6], [-0.5, -0.25], "so: a note")
    assert first.extra == {"colour": "red"}
    assert second.action is None
    assert second.error
    assert not second.trained
    assert len(seeds) == 2
    assert session.info["action_error"] == second.error
    (call,) = session.calls()
    assert call.reward == pytest.approx(first.reward + second.reward)


def test_rewards_go_to_the_last_call_before() -> None:
    steps = [
        step(turn=0, reward=9.0),  # paid before any call that is learned from: nobody's
        step(turn=1, reward=1.0, trained=True),
        step(turn=2, reward=2.0, rewards={"answer": 1.0, "format": 1.0}),
        step(turn=3, reward=4.0, trained=True),
        step(episode=1, reward=8.0),
        step(episode=1, turn=1, reward=16.0, trained=True),
    ]
    learned = calls(steps)
    assert [call.reward for call in learned] == [3.0, 4.0, 16.0]
    assert learned[0].rewards == {"answer": 1.0, "format": 2.0}
    assert returns(learned) == [7.0, 7.0, 16.0]
    assert returns(learned, "step") == [7.0, 4.0, 16.0]


def test_advantages_worked_by_hand() -> None:
    group = [step(episode=episode, reward=reward, trained=True) for episode, reward in enumerate((0.0, 1.0, 1.0, 0.0))]
    assert advantages(group) == pytest.approx([-(0.75**0.5), 0.75**0.5, 0.75**0.5, -(0.75**0.5)])
    assert advantages(group, scale="none") == [-0.5, 0.5, 0.5, -0.5]
    alone = [*group, step(group=1, episode=9, reward=5.0, trained=True)]
    assert advantages(alone)[-1] == 0.0
    with pytest.raises(ConfigError, match="'weights', a number for each reward"):
        advantages(group, "gdpo")
    with pytest.raises(ConfigError, match="pays no reward 'charm'"):
        advantages(group, "gdpo", weights={"charm": 1.0})
    with pytest.raises(ConfigError, match="credit"):
        advantages(group, "everyone")
    with pytest.raises(ConfigError, match="'weights' goes with"):
        advantages(group, weights={"answer": 1.0})


FULL = {
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "zwölf 🦉 \x00"}],
    "text": "<think>…</think>kept",
    "prompt_ids": [1, 2],
    "response_ids": [3],
    "response_mask": [True],
    "log_probs": [-0.1],
    "finish_reason": "length",
    "truncated": True,
    "trained": True,
    "final": True,
    "policy_version": 7,
    "inputs": {"scores": [[1.0, 2.0]]},
    "extra": {"note": None},
}


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.parquet"])
def test_files_bring_back_what_was_written(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    steps = [step(), step(turn=1, action=None, **FULL), step(turn=2, reward=0.1 + 0.2)]
    write_trace(tmp_path / name, steps)
    assert list(read_trace(tmp_path / name)) == steps
    with pytest.raises(ConfigError, match="exists already"):
        write_trace(tmp_path / name, steps)
    write_trace(tmp_path / f"empty.{name}", [])
    assert list(read_trace(tmp_path / f"empty.{name}")) == []


def test_arrays_are_written_as_lists(tmp_path: Path) -> None:
    write_trace(tmp_path / "a.jsonl", [step(inputs={"query": np.array([[0.5, 1.0]], np.float32)})])
    (read,) = read_trace(tmp_path / "a.jsonl")
    assert read.inputs == {"query": [[0.5, 1.0]]}


def test_lines_are_appended_as_episodes_end(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "sub" / "a.jsonl") as writer:
        writer.append([step()])
        assert len(list(read_trace(tmp_path / "sub" / "a.jsonl"))) == 1
        writer.append([step(turn=1)])
    assert [each.turn for each in read_trace(tmp_path / "sub" / "a.jsonl")] == [0, 1]
    with pytest.raises(ConfigError, match="written whole"):
        TraceWriter(tmp_path / "a.parquet")


BAD = {
    "field": ("a.jsonl", json.dumps({"episode_id": 3}), "row 1: no step: Expected `str`"),
    "unknown field": ("a.jsonl", msgspec.json.encode(step()).decode()[:-1] + ',"who":1}', "unknown field `who`"),
    "torn": ("a.jsonl", '{"episode_id": "e"', "row 1: no step"),
    "no gzip": ("a.jsonl.gz", "text", "cannot be read"),
    "no parquet": ("a.parquet", "text", "no whole Parquet file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused(case: str, tmp_path: Path) -> None:
    name, content, said = BAD[case]
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        list(read_trace(tmp_path / name))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_trace(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigError, match=r"called ….jsonl, ….jsonl.gz or ….parquet"):
        write_trace(tmp_path / "a.csv", [])
    whole = tmp_path / "whole.jsonl.gz"
    write_trace(whole, [step(turn=turn) for turn in range(50)])
    bad = tmp_path / "bad.jsonl.gz"
    bad.write_bytes(whole.read_bytes()[:30] + b"\xff" * 20 + whole.read_bytes()[50:])
    with pytest.raises(DataError, match=r"bad\.jsonl\.gz cannot be read"):
        list(read_trace(bad))


UNWRITABLE = {
    "object": {"extra": {"it": object()}},
    "surrogate": {"text": "\ud800"},
    "nan": {"reward": math.nan},
    "nan in a list": {"log_probs": [-0.5, math.nan]},
    "infinity in an array": {"inputs": {"scores": np.array([-math.inf], np.float32)}},
    "type": {"response_ids": ["3"]},
}


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet"])
@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_could_not_be_read_again_is_not_written(case: str, kind: str, tmp_path: Path) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"a.{kind}"
    with pytest.raises(DataError, match="step 7 of episode 'e' cannot be written down"):
        write_trace(path, [step(), step(turn=7, **UNWRITABLE[case])])
    assert not path.exists()


def test_a_number_too_large_for_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="too large"):
        write_trace(tmp_path / "a.parquet", [step(prompt_ids=[1 << 80])])


def test_no_library_of_tensors_is_loaded() -> None:
    found = "import sys, memgym.steptrace; print([n for n in ('torch', 'pyarrow', 'tensordict') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.strip() == "[]"


def test_the_fields_are_documented() -> None:
    assert TraceStep.__doc__ is not None
    for name in TraceStep.__struct_fields__:
        assert f"        {name}: " in TraceStep.__doc__
