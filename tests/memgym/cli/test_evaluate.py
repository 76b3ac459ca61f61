"""``memgym evaluate``: nothing that was played is lost, whatever happens, and nothing is overwritten."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from memgym.cli import app
from memgym.leaderboard import files
from memgym.leaderboard.files import read_result
from memgym.locks import file_lock
from tests.conftest import ChatServer
from tests.memgym.leaderboard.test_evaluate import timeless

Evaluate = Callable[..., Result]
LONG = ("--env", "memgym/Longcontext-v1", "--set", "difficulty=easy", "--set", "section_tokens=600")

POLICIES = '''
import os, pathlib, time
import memgym

class Slow(memgym.PhasePolicy):
    def act(self, observation):
        time.sleep(0.002)
        return super().act(observation)

class Greets(memgym.PhasePolicy):
    def __init__(self, greeting="hello"):
        self.greeting = greeting
    def answer(self, observation):
        return self.greeting

class Refused(memgym.PhasePolicy):
    """Fails in every third episode, as a content filter would, unless the file 'mended' is there."""
    def move_many(self, asks):
        refused = [ask.index % 3 == 1 and not pathlib.Path("mended").exists() for ask in asks]
        if any(refused):
            raise ValueError("HTTP 400: content filter")
        return super().move_many(asks)
'''


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Run ``memgym evaluate`` in an empty folder and check the exit code."""
    (tmp_path / "policies.py").write_text(POLICIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "policies", raising=False)

    def run(*arguments: str, code: int = 0) -> Result:
        done = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["evaluate", *arguments])
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return run


def result_file(folder: str | Path = "results") -> Path:
    (path,) = (path for path in Path(folder).iterdir() if not path.name.startswith("."))
    return path


# ------------------------------------------------------------------ files


def test_names_tell_runs_apart_and_nothing_is_overwritten(evaluate: Evaluate) -> None:
    once = ("baselines:Random", *LONG, "--episodes", "2")
    evaluate(*once)
    for other in (
        ("--seed", "1"),
        ("--split", "test"),
        ("--trials", "2"),
        ("--set", "memory_tokens=99"),
    ):
        evaluate(*once, *other)
    evaluate(*once[:-1], "3")
    evaluate("policies:Greets", *once[1:])
    evaluate("policies:Greets", *once[1:], "--policy-set", "greeting=hi")
    assert len(list(Path("results").iterdir())) == 8
    kept = {path: path.read_bytes() for path in Path("results").iterdir()}
    refused = evaluate(*once, code=2)
    assert "is there already: --resume goes on with it, --overwrite begins anew" in refused.stderr
    assert {path: path.read_bytes() for path in Path("results").iterdir()} == kept
    evaluate(*once, "--overwrite")
    assert len(list(Path("results").iterdir())) == 8


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (("--seed", "9300000000000000000"), "argument 'seed' must be an int from 0 to"),
        (("--set", "seed=9300000000000000000"), "has an integer of more than 63 bits"),
        (("--set", f"seed={2**80}"), "more than 63 bits"),
        (("--episodes", str(2**31 + 1)), "could not be read again: Expected `int` <= 2147483648"),
    ],
)
def test_what_could_not_be_read_again_is_not_played(evaluate: Evaluate, setting: tuple[str, str], said: str) -> None:
    refused = evaluate("baselines:KeepAll", *LONG[:-2], *setting, code=2)
    assert said in refused.stderr
    assert not any(path.suffix == ".jsonl" for path in Path("results").glob("*"))


def test_a_long_list_of_stages_makes_a_short_name(evaluate: Evaluate) -> None:
    stages = [{"task": "multihop", "length": length, "episodes": 1} for length in range(600, 640)]
    for length in (600, 601):
        stages[-1]["length"] = length
        setting = ("--set", "task=curriculum", "--set", f"stages={json.dumps(stages)}")
        evaluate("baselines:NoMemory", *LONG[:2], *setting, "--episodes", "1")
    names = {read_result(path).header.suite for path in Path("results").iterdir()}
    assert len(names) == 2
    assert all(len(name) < 350 and "… " in name for name in names)


def test_data_from_another_folder_make_another_file(evaluate: Evaluate) -> None:
    row = {"sections": ["Mira lives in Lisbon."], "questions": ["Where?"], "answers": ["Lisbon"]}
    for folder, text in (("one", "Mira lives in Lisbon."), ("two", "Mira lives in Porto.")):
        Path(folder).mkdir()
        Path(folder, "rows.json").write_text(json.dumps([{**row, "sections": [text]}]))
        own = ("--set", "task=custom", "--set", "path=rows.json", "--data", folder)
        evaluate("baselines:KeepAll", "--env", "memgym/Longcontext-v1", *own)
    assert len(list(Path("results").iterdir())) == 2


def test_options_go_to_those_that_know_them(evaluate: Evaluate) -> None:
    shared = ("--policy-set", "greeting=hi")
    evaluate(
        "policies:Greets",
        "policies:Greets,greeting=good day",
        "baselines:Recency,n=3",
        *LONG,
        *shared,
        "--episodes",
        "1",
    )
    options = [read_result(path).header.policy.options for path in sorted(Path("results").iterdir())]
    assert sorted(map(str, options)) == ["{'greeting': 'good day'}", "{'greeting': 'hi'}", "{'n': 3}"]
    refused = evaluate("policies:Greets", "baselines:KeepAll", *LONG, "--policy-set", "greting=hi", code=2)
    assert "none of the policies takes an option 'greting'" in refused.stderr
    refused = evaluate("policies:Greets", "policies:Greets", *LONG, "--episodes", "1", code=2)
    assert "two of the policies are the same" in refused.stderr


@pytest.mark.parametrize("packed", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_resumed_file_is_as_if_never_stopped(evaluate: Evaluate, packed: Sequence[str]) -> None:
    arguments = ("baselines:Random", *LONG, "--episodes", "6", "--trials", "2", *packed)
    evaluate(*arguments, "--out", "whole")
    whole = read_result(result_file("whole"))
    evaluate(*arguments)
    path = result_file()
    content = path.read_bytes()
    for cut in (len(content) - 1, len(content) // 2, len(content) * 2 // 3):
        path.write_bytes(content[:cut])
        before = read_result(path)
        assert before.torn
        done = evaluate(*arguments, "--resume")
        assert "12/12" in done.output
        after = read_result(path)
        assert timeless(after) == timeless(whole)
        assert all(episode in after.episodes for episode in before.episodes)  # kept with their seconds
    assert "12/12 0 steps" in evaluate(*arguments, "--resume").output
    assert not [name for name in os.listdir("results") if name.startswith(".")]


def test_resuming_needs_the_same_evaluation(evaluate: Evaluate) -> None:
    evaluate("baselines:Random", *LONG, "--episodes", "2")
    path = result_file()
    result = read_result(path)
    (entry,) = result.header.entries
    for name, value in (("task_fingerprint", "another"), ("env_spec", "{}")):
        changed = msgspec.structs.replace(result.header, entries=[msgspec.structs.replace(entry, **{name: value})])
        files.write_result(files.Result(changed, result.episodes), path)
        refused = evaluate("baselines:Random", *LONG, "--episodes", "2", "--resume", code=2)
        told = rf"another evaluation began it: entry '{entry.name}': {name} is .*; --overwrite begins anew"
        assert re.search(told, refused.stderr)
    packages = {**result.header.packages, "numpy": "1.0"}
    files.write_result(files.Result(msgspec.structs.replace(result.header, packages=packages), result.episodes), path)
    refused = evaluate("baselines:Random", *LONG, "--episodes", "2", "--resume", code=2)
    assert "another evaluation began it: the version of numpy is '1.0' and" in refused.stderr
    path.write_text("[]\n")
    assert (
        "not a memgym result file" in evaluate("baselines:Random", *LONG, "--episodes", "2", "--resume", code=2).stderr
    )


def test_two_evaluations_into_one_folder(evaluate: Evaluate) -> None:
    """Different ones go side by side; the same one is refused while it runs."""
    arguments = ("baselines:Random", *LONG, "--episodes", "2")
    evaluate(*arguments)
    with file_lock(result_file()):
        assert "in use by another process" in evaluate(*arguments, "--resume", code=2).stderr
    command = [sys.executable, "-c", "from memgym.cli import app; app()", "evaluate", *arguments[1:], "--episodes", "5"]
    both = [
        subprocess.Popen([*command[:4], policy, *command[4:]], stdout=subprocess.DEVNULL)
        for policy in ("baselines:Random", "baselines:KeepAll")
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    assert len(list(Path("results").iterdir())) == 3
    assert all(len(read_result(path).of("multihop")) in (2, 5) for path in Path("results").iterdir())


def test_a_kill_at_any_moment_costs_the_episode_being_written_at_most(evaluate: Evaluate) -> None:
    """An evaluation that is killed again and again plays what an undisturbed one plays, and nothing twice."""
    arguments = ["policies:Slow", *LONG, "--episodes", "40", "--trials", "2", "--concurrency", "4"]
    evaluate(*arguments, "--out", "whole")
    whole = read_result(result_file("whole"))
    path = Path("results", result_file("whole").name)
    command = [sys.executable, "-c", "from memgym.cli import app; app()", "evaluate", *arguments, "--resume"]
    rng = random.Random(0)
    known = kills = 0
    while kills < 10:
        before = path.stat().st_size if path.exists() else 0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while not path.exists() or path.stat().st_size <= before:  # so that it comes to an end on a busy machine, too
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 0.04))
        process.kill()
        process.communicate()
        if process.returncode == 0:
            break
        kills += 1
        found = read_result(path).episodes
        assert known <= len(found)  # what was there stays
        known = len(found)
    assert kills >= 3
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    assert timeless(read_result(path)) == timeless(whole)


def test_a_full_disk_keeps_what_was_played(evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("baselines:Random", *LONG, "--episodes", "8", "--concurrency", "1")
    evaluate(*arguments, "--out", "whole")
    write = files.Recorder._write
    written: list[bytes] = []

    def nearly_full(recorder: files.Recorder, line: bytes) -> None:
        written.append(line)
        if len(written) < 5:
            write(recorder, line)
            return
        with monkeypatch.context() as patch:  # half of the line fits
            patch.setattr(recorder, "_file", FullDisk(recorder._file))
            write(recorder, line)

    monkeypatch.setattr(files.Recorder, "_write", nearly_full)
    refused = evaluate(*arguments, code=2)
    assert re.search(r"cannot be written: No space left on device; what was played is kept", refused.stderr)
    assert len(read_result(result_file()).episodes) == 3
    monkeypatch.setattr(files.Recorder, "_write", write)
    evaluate(*arguments, "--resume")
    assert timeless(read_result(result_file())) == timeless(read_result(result_file("whole")))


class FullDisk:
    """A file on a disk with room for ten bytes."""

    def __init__(self, file) -> None:
        self._file = file

    def write(self, content: bytes) -> None:
        self._file.write(content[:10])
        raise OSError(28, "No space left on device")

    def __getattr__(self, name: str):
        return getattr(self._file, name)


def test_a_real_full_device(evaluate: Evaluate) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    evaluate("baselines:Random", *LONG, "--episodes", "1")
    name = result_file().name
    result_file().unlink()
    Path("results", name).symlink_to("/dev/full")
    refused = evaluate("baselines:Random", *LONG, "--episodes", "1", "--overwrite", code=2)
    assert "cannot be written: No space left on device" in refused.stderr


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_played(evaluate: Evaluate) -> None:
    Path("file").write_text("x")
    refused = evaluate("policies:Slow", *LONG, "--out", "file/results", code=2)
    assert re.match(r"error: --out file/results cannot be written: (Not a directory|File exists)", refused.stderr)
    refused = evaluate("policies:Slow", *LONG, "--out", "/proc/results", code=2)
    assert "error: --out /proc/results cannot be written" in refused.stderr


# ------------------------------------------------------------------ failures


def test_failures_are_recorded_counted_and_played_again(evaluate: Evaluate) -> None:
    arguments = ("policies:Refused", *LONG, "--episodes", "6", "--trials", "2")
    done = evaluate(*arguments, code=1)
    assert "4 episodes failed, the first: ValueError: HTTP 400: content filter" in done.output
    assert "--resume --retry-failed plays them again" in done.output
    before = read_result(result_file())
    assert sorted(episode.key[1:] for episode in before.failed) == [(0, 1), (0, 4), (1, 1), (1, 4)]
    assert len(before.of("multihop")) == 8

    evaluate(*arguments, "--resume", code=1)  # what failed is not played again unasked
    assert read_result(result_file()) == before
    Path("mended").touch()
    evaluate(*arguments, "--resume", "--retry-failed")
    after = read_result(result_file())
    assert after.failed == []
    assert len(after.of("multihop")) == 12
    assert all(episode in after.episodes for episode in before.of("multihop"))


def test_the_first_failure_is_shown_as_letters(evaluate: Evaluate) -> None:
    with open("policies.py", "a") as file:
        file.write(
            "class Paints(memgym.PhasePolicy):\n"
            "    def act(self, observation):\n"
            "        raise ValueError('\\x1b[2J\\x1b]0;title\\x07')\n"
        )
    output = evaluate("policies:Paints", *LONG, "--episodes", "1", code=1).output
    assert r"the first: ValueError: \x1b[2J\x1b]0;title\x07" in output
    assert "\x1b[2J" not in output


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_policy_that_cannot_be_made_leaves_no_file(evaluate: Evaluate, workers: str) -> None:
    with open("policies.py", "a") as file:
        file.write(
            "class Unwilling(memgym.PhasePolicy):\n"
            "    def __init__(self):\n"
            "        if not pathlib.Path('mended').exists():\n"
            "            raise memgym.errors.ConfigError('no weights')\n"
        )
    arguments = ("policies:Unwilling", *LONG, "--episodes", "2", "--workers", workers)
    assert "no weights" in evaluate(*arguments, code=2).stderr
    assert [path for path in Path("results").iterdir() if not path.name.startswith(".")] == []
    Path("mended").touch()
    evaluate(*arguments)


@pytest.mark.parametrize("ending", ["", "--gzip"])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_old_file_stays_until_there_is_a_record_in_its_place(evaluate: Evaluate, workers: str, ending: str) -> None:
    with open("policies.py", "a") as file:
        file.write(
            "class Willing(memgym.PhasePolicy):\n"
            "    def __init__(self):\n"
            "        if pathlib.Path('broken').exists():\n"
            "            raise memgym.errors.ConfigError('no weights')\n"
        )
    arguments = ("policies:Willing", *LONG, "--workers", workers, *filter(None, [ending]))
    evaluate(*arguments, "--episodes", "3")
    before = result_file().read_bytes()
    Path("broken").touch()
    assert "no weights" in evaluate(*arguments, "--episodes", "3", "--overwrite", code=2).stderr
    assert result_file().read_bytes() == before
    Path("broken").unlink()
    evaluate(*arguments, "--episodes", "3", "--overwrite")
    assert result_file().read_bytes() != before  # at other times
    assert len(read_result(result_file()).episodes) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume", "--overwrite"], "--resume goes on with a file, --overwrite begins it anew: give one of the two"),
        (["--overwrite", "--retry-failed"], "--retry-failed goes with --resume"),
    ],
)
def test_options_that_exclude_each_other_are_refused(evaluate: Evaluate, options: list[str], message: str) -> None:
    assert message in evaluate("policies:Slow", *LONG, "--episodes", "1", *options, code=2).stderr
    assert not Path("results").exists()


def test_a_run_ends_beyond_so_many_failures(evaluate: Evaluate) -> None:
    arguments = ("policies:Refused", *LONG, "--episodes", "30", "--concurrency", "1")
    refused = evaluate(*arguments, "--max-failures", "2", code=2)
    assert (
        "3 episodes failed, the last: ValueError: HTTP 400: content filter. What was played is kept in"
        in refused.stderr
    )
    assert len(read_result(result_file()).episodes) == 8  # the third refusal is episode 7
    Path("mended").touch()
    evaluate(*arguments, "--resume", "--retry-failed")
    assert len(read_result(result_file()).of("multihop")) == 30


def correct(messages: list[dict[str, str]]) -> str:
    """Judge every answer right."""
    nonce = re.search(r"VERDICT (\w+): CORRECT", messages[0]["content"])[1]
    return f"VERDICT {nonce}: CORRECT"


def test_a_missing_verdict_costs_one_episode(evaluate: Evaluate, chat_server: ChatServer, tmp_path: Path) -> None:
    def judge(messages: list[dict[str, str]]) -> str:
        return "I cannot say." if "episode-3-marker" in messages[1]["content"] else correct(messages)

    chat_server.answer = judge
    rows = [
        {
            "sections": [f"Mira lives in town {i}."],
            "questions": [f"Where? episode-{i}-marker"],
            "answers": [f"town {i}"],
        }
        for i in range(6)
    ]
    Path("rows.json").write_text(json.dumps(rows))
    spec = {"model": "judge", "base_url": chat_server.url, "cache_dir": str(tmp_path / "verdicts"), "retries": 1}
    own = ("--set", "task=custom", "--set", "path=rows.json", "--set", f"judge={json.dumps(spec)}", "--episodes", "6")
    done = evaluate("baselines:KeepAll", "--env", "memgym/Longcontext-v1", *own, code=1)
    result = read_result(result_file())
    (failed,) = result.failed
    assert failed.index == 3
    assert failed.error.startswith("JudgeError: no verdict of judge")
    assert "1 episodes failed" in done.output
    assert {answer.scores["answer"] for e in result.of("custom") for s in e.steps for answer in s.answers} == {1.0}


def test_judges_are_asked_side_by_side(evaluate: Evaluate, chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.delay = 0.1
    chat_server.answer = correct
    rows = [{"sections": [f"Mira: town {i}."], "questions": ["Where?"], "answers": [f"town {i}"]} for i in range(16)]
    Path("rows.json").write_text(json.dumps(rows))
    spec = {"model": "judge", "base_url": chat_server.url, "cache_dir": str(tmp_path / "verdicts")}
    own = ("--set", "task=custom", "--set", "path=rows.json", "--set", f"judge={json.dumps(spec)}", "--episodes", "16")
    evaluate("baselines:KeepAll", "--env", "memgym/Longcontext-v1", *own, "--concurrency", "8")
    assert chat_server.max_in_flight == 8
    assert len(read_result(result_file()).of("custom")) == 16


def test_readers_behind_an_api_are_asked_side_by_side(evaluate: Evaluate, chat_server: ChatServer, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", chat_server.url)
    chat_server.delay = 0.1
    chat_server.answer = lambda messages: "Lisbon"
    own = ("--set", 'phases=["read"]', "--set", "reader=api:tiny", "--episodes", "8", "--concurrency", "4")
    evaluate("baselines:NoMemory", *LONG, *own)
    assert chat_server.max_in_flight >= 3


# ------------------------------------------------------------------ scaling out


def test_workers_and_shards_make_the_same_file(evaluate: Evaluate) -> None:
    arguments = ("baselines:Random", *LONG, "--episodes", "6")
    evaluate(*arguments, "--out", "alone")
    alone = read_result(result_file("alone"))
    evaluate(*arguments, "--workers", "2", "--out", "workers")
    assert timeless(read_result(result_file("workers"))) == timeless(alone)
    for part in (1, 2, 3):
        evaluate(*arguments, "--shard", f"{part}/3", "--out", "shards")
    parts = sorted(Path("shards").iterdir())
    assert [re.search(r"shard(\d)of3", path.name)[1] for path in parts] == ["1", "2", "3"]
    merged = CliRunner().invoke(app, ["merge", *map(str, parts), "--out", "merged.jsonl"])
    assert merged.exit_code == 0, merged.output
    assert timeless(read_result(Path("merged.jsonl"))) == timeless(alone)


@pytest.mark.parametrize("shard", ["4/3", "0/3", "x", "1/", "1/0"])
def test_shards_that_do_not_exist(evaluate: Evaluate, shard: str) -> None:
    assert "shard" in evaluate("baselines:Random", *LONG, "--episodes", "1", "--shard", shard, code=2).stderr


# ------------------------------------------------------------------ what a person sees


def test_it_says_how_far_it_is_where_no_terminal_shows_bars(
    evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgym.cli.bars.SECONDS_BETWEEN_LINES", 0.0)
    done = evaluate("baselines:NoMemory", *LONG, "--episodes", "3", "--concurrency", "1")
    lines = [line for line in done.output.splitlines() if line.startswith("baselines:NoMemory: ")]
    assert re.fullmatch(r"baselines:NoMemory: 0 of 3 episodes, 1 steps.*", lines[0])
    assert re.fullmatch(r"baselines:NoMemory: 3 of 3 episodes, \d+ steps.*", lines[-1])


def interrupted(policy: str, *arguments: str) -> None:
    """Press Ctrl-C some way into an evaluation: it ends, and the last that it says is so."""

    def child() -> None:
        os.setpgrp()  # Ctrl-C is for the whole group, workers and all
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background has it ignored

    process = subprocess.Popen(
        [sys.executable, "-m", "memgym", "evaluate", policy, *LONG, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=child,
    )
    while not (found := list(Path("results").glob("*.jsonl"))) or found[0].stat().st_size < 20_000:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.strip().endswith("interrupted"), errors


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_an_interrupt_ends_workers_who_have_much_before_them(evaluate: Evaluate) -> None:
    # More parts than a pipe holds, and a policy that searches by BM25, whose library makes a semaphore.
    interrupted("baselines:Lexical", "--episodes", "8000", "--concurrency", "1", "--workers", "1")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_an_interrupt_keeps_what_was_played(evaluate: Evaluate) -> None:
    interrupted("policies:Slow", "--episodes", "2000")
    result = read_result(result_file())
    assert not result.torn
    assert 0 < len(result.episodes) < 2000
