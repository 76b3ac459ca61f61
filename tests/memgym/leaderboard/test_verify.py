"""Verification by replay: what was recorded is compared, to the last digit; what came later is not."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from baselines import Lexical
from memgym.errors import DataError, MemgymError
from memgym.leaderboard.evaluate import Evaluation, EvaluationPlan, evaluate
from memgym.leaderboard.files import Recorder, Result, read_result, write_result
from memgym.leaderboard.records import NOT_COMPARED
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.trust import Trust, UntrustedError
from memgym.leaderboard.verify import verify

Changed = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.mark.parametrize("policy", ["baselines:Random", "baselines:Oracle", "baselines:Rules"])
def test_a_result_survives_its_file_and_is_verified(policy: str, tiny: Suite, tmp_path: Path) -> None:
    result = evaluate(policy, tiny, seed=3)
    write_result(result, tmp_path / "result.jsonl.gz")
    again = read_result(tmp_path / "result.jsonl.gz")
    assert again == result
    replayed: list[str] = []
    told = {"replayed": lambda: replayed.append("episode"), "stepped": lambda: replayed.append("step")}
    assert verify(again, **told) == []
    assert replayed.count("episode") == 5
    assert replayed.count("step") == sum(len(episode.steps) for episode in again.episodes)


@pytest.mark.parametrize(("budget", "refused"), [(None, True), (50, True), (30, False)])
def test_what_cannot_fill_a_bank_is_replayed_however_much_it_is(
    budget: int | None, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kwargs = {"task": "persona", "difficulty": "easy", "phases": ["extract"], "memory_tokens": budget}
    result = evaluate(
        "baselines:KeepAll", Suite("one", "", (SuiteEntry("bank", "memgym/MemoryBank-v1", kwargs, episodes=1),))
    )
    monkeypatch.setattr("memgym.leaderboard.verify.MAX_ITEMS", 40)
    assert ["more than 40 items" in problem for problem in verify(result)] == ([True] if refused else [])


# ------------------------------------------------------------------ any change is found


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        return [leaf for key in keys for leaf in leaves(value[key], (*path, key))]
    return [path]


def change(content: Any, path: tuple[Any, ...]) -> None:
    *parents, key = path
    for parent in parents:
        content = content[parent]
    old = content[key]
    if isinstance(old, bool):
        content[key] = not old
    elif isinstance(old, int | float):
        content[key] = old + 1 if isinstance(old, int) else old + 1e-9
    else:
        content[key] = "x" if old is None else f"{old}x"


def is_found(result: Result, changed: Changed, tamper: Callable[..., Any]) -> bool:
    try:
        return bool(verify(changed(result, tamper)))
    except MemgymError:
        return True


def test_any_change_of_scores_or_episodes_is_found(played: Result, changed: Changed) -> None:
    """An action may be written differently and earn the same; nothing else may change."""
    informative = {*NOT_COMPARED, "env_spec", "action"}
    entries = leaves(msgspec.to_builtins(played.header.entries))
    steps = leaves(msgspec.to_builtins(list(played.episodes)))
    chosen = [(0, path) for path in entries] + [(1, path) for path in steps if "steps" not in path]
    chosen += Random(0).sample([(1, path) for path in steps if "steps" in path and path[-1] not in informative], 80)
    chosen = [(where, path) for where, path in chosen if path[-1] not in informative]
    assert len(chosen) > 110
    for where, path in chosen:
        assert is_found(
            played, changed, lambda header, episodes, w=where, p=path: change((header["entries"], episodes)[w], p)
        ), path
    assert not is_found(played, changed, lambda header, episodes: None)


def test_a_changed_action_is_found(played: Result, changed: Changed) -> None:
    for number, episode in enumerate(played.episodes):
        for step in range(len(episode.steps)):

            def spoil(header: Any, episodes: Any, number: int = number, step: int = step) -> None:
                episodes[number]["steps"][step]["action"] += " nonsense"

            assert is_found(played, changed, spoil), (number, step)


def steps_of(episodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [step for episode in episodes for step in episode["steps"]]


def forge(header: Any, episodes: list[dict[str, Any]]) -> None:
    """Claim one right answer more, everywhere."""
    step = next(s for s in steps_of(episodes) if s["answers"] and not s["answers"][0]["scores"]["answer"])
    step["answers"][0]["scores"]["answer"] = step["rewards"]["answer"] = 1.0
    step["reward"] += 1.0


def without_bank(header: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
    header["entries"].pop(0)
    episodes[:] = [episode for episode in episodes if episode["entry"] != "bank"]


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (forge, "step .*: reward is"),
        (without_bank, "the entries are not those of suite 'tiny-v0'"),
        (lambda h, e: h["entries"].reverse(), "the entries are not those of suite 'tiny-v0'"),
        (lambda h, e: h["entries"][1]["kwargs"].update(length=700), "the entries are not those of suite|fingerprint"),
        (lambda h, e: (h["entries"][1].update(episodes=1), e.pop(), e.pop(2)), "the entries are not those of suite"),
        (lambda h, e: h["entries"][1].update(split="train"), "the entries are not those of suite"),
        (lambda h, e: (without_bank(h, e), h["left_out"].append("bank")), "the entries are not those of suite"),
        (lambda h, e: e.pop(), "long: 1 of 4 episodes are missing"),
        (lambda h, e: e.clear(), "bank: 1 of 1 episodes are missing\nlong: 4 of 4 episodes are missing"),
        (lambda h, e: h["entries"][1].update(trials=2**31), "long: 4294967292 of 4294967296 episodes are missing"),
        (lambda h, e: h["entries"][1].update(size=2), "long: split 'test' has None episodes, not 2"),
        (lambda h, e: h["entries"][0].update(task_fingerprint="0"), "bank: .*fingerprints differ"),
        (
            lambda h, e: h["entries"][0].update(judge={"id": "m", "prompt_hash": "0"}),
            "bank: judge None scores here, not 'm', prompt 0",
        ),
        (lambda h, e: e[0].update(episode_id="other"), "it is called 'persona-test-0', not 'other'"),
        (lambda h, e: e[0]["steps"].pop(), "bank, episode 0, trial 0: the episode is not complete"),
        (lambda h, e: e[1]["steps"].append(e[1]["steps"][-1]), "long, episode 0, trial 0: there are . steps, but"),
        (lambda h, e: h["policy"].update(privileged=True), "observation_tokens is"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_tampered_result(
    played: Result, changed: Changed, tamper: Callable[..., Any], message: str
) -> None:
    problems = "\n".join(verify(changed(played, tamper)))
    assert re.search(message, problems), problems


def test_an_oracle_cannot_pass_for_a_competitor(tiny: Suite, changed: Changed) -> None:
    result = changed(evaluate("baselines:Oracle", tiny), lambda h, e: h["policy"].update(privileged=False))
    assert "observation_tokens" in verify(result)[0]


# ------------------------------------------------------------------ versions


def rename(values: dict[str, float], name: str) -> None:
    values[f"{name}_of_old"] = values.pop(name)


def test_rewards_and_scores_that_came_later_break_no_file(played: Result, changed: Changed) -> None:
    def before_they_came(header: Any, episodes: Any) -> None:
        for entry in header["entries"]:
            entry["final_rewards"].remove("compression")
        for step in steps_of(episodes):
            step["rewards"].pop("compression")
            step["rewards"].pop("token_cost")
            for answer in step["answers"]:
                answer["scores"].pop("f1", None)

    assert verify(changed(played, before_they_came)) == []


def test_a_recorded_name_that_is_gone_is_a_difference(played: Result, changed: Changed) -> None:
    def reward(header: Any, episodes: Any) -> None:
        for step in steps_of(episodes):
            rename(step["rewards"], "token_cost")

    def score(header: Any, episodes: Any) -> None:
        for step in steps_of(episodes):
            for answer in step["answers"]:
                rename(answer["scores"], "f1")

    def final(header: Any, episodes: Any) -> None:
        for entry in header["entries"]:
            entry["final_rewards"].append("token_cost")

    assert "rewards is" in verify(changed(played, reward))[0]
    assert "answers is" in verify(changed(played, score))[0]
    assert "bank: the memory is not scored by 'token_cost' any more" in verify(changed(played, final))


def test_a_score_cannot_be_left_out_where_it_is_low(played: Result, changed: Changed) -> None:
    """Its mean would be over a choice."""

    def one_score(header: Any, episodes: Any) -> None:
        step = next(s for s in reversed(steps_of(episodes)) if s["answers"])
        step["answers"][0]["scores"].pop("f1")

    def one_reward(header: Any, episodes: Any) -> None:
        episodes[0]["steps"][0]["rewards"].pop("token_cost")

    assert "answers is" in "".join(verify(changed(played, one_score)))
    assert "rewards is" in "".join(verify(changed(played, one_reward)))


def test_times_and_costs_are_not_compared(played: Result, changed: Changed) -> None:
    def other_times(header: Any, episodes: Any) -> None:
        header["packages"] = {"python": "2.7"}
        for episode in episodes:
            episode["seconds"] = 1e6
            for step in episode["steps"]:
                step.update(seconds=7.0, usage={"prompt_tokens": 3})

    assert verify(changed(played, other_times)) == []


# ------------------------------------------------------------------ episodes that failed


@pytest.mark.parametrize("left", [0, 1, 99])
def test_a_failed_episode_is_told_and_what_it_played_is_replayed(played: Result, changed: Changed, left: int) -> None:
    def fail(header: Any, episodes: Any) -> None:
        episodes[0].update(error="ApiError: HTTP 400", steps=episodes[0]["steps"][:left])

    result = changed(played, fail)
    steps = len(result.failed[0].steps)
    assert verify(result) == [f"bank, episode 0, trial 0: failed after {steps} steps: ApiError: HTTP 400"]
    if left:

        def spoil(header: Any, episodes: Any) -> None:
            fail(header, episodes)
            episodes[0]["steps"][0]["reward"] += 1

        assert "step 1: reward is" in verify(changed(played, spoil))[0]


def test_an_episode_that_could_not_be_started_is_told(played: Result, changed: Changed) -> None:
    result = changed(played, lambda h, e: e[0].update(error="DataError: gone", steps=[], episode_id=""))
    assert verify(result) == ["bank, episode 0, trial 0: failed after 0 steps: DataError: gone"]


def test_a_failure_of_the_replay_itself_is_raised(played: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("memgym.envs.longcontext.LongcontextEnv._apply", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        verify(played)


# ------------------------------------------------------------------ data, judges


def test_a_data_file_may_lie_elsewhere_but_not_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"sections": ["Mira moved to Lisbon."], "questions": ["Where is Mira?"], "answers": ["Lisbon"]}]
    here, there, other = tmp_path / "here.json", tmp_path / "there.json", tmp_path / "other.json"
    here.write_text(json.dumps(rows))
    there.write_text(json.dumps(rows))
    other.write_text(json.dumps([{**rows[0], "answers": ["Porto"]}]))
    kwargs = {"task": "custom", "path": str(here)}
    suite = Suite("mine", "", (SuiteEntry("custom", "memgym/Longcontext-v1", kwargs, "all", 20),))
    result = evaluate("baselines:KeepAll", suite)
    assert result.header.entries[0].count == 1  # the split has no more
    monkeypatch.delenv("MEMGYM_DATA", raising=False)
    with pytest.raises(DataError, match=r"needs the data file 'here\.json': --data names the folder"):
        verify(result)  # a file's own path is not followed
    monkeypatch.setenv("MEMGYM_DATA", str(tmp_path))
    assert verify(result) == []
    here.unlink()
    with pytest.raises(DataError, match=r"here\.json"):
        verify(result)
    assert verify(result, overrides={"path": str(there)}) == []
    assert "fingerprints differ" in verify(result, overrides={"path": str(other)})[0]


def test_a_judged_result_is_replayed_with_many_verdicts_at_a_time(judge_server: Any, tmp_path: Path) -> None:
    """A judge that has forgotten its verdicts is asked again, episodes side by side."""
    judge = {"model": "grader", "base_url": judge_server.url, "cache_dir": str(tmp_path / "verdicts")}
    kwargs = {"task": "multihop", "length": 600, "judge": judge}
    suite = Suite("judged", "", (SuiteEntry("long", "memgym/Longcontext-v1", kwargs, "test", 12),))
    result = evaluate("baselines:Oracle", suite)
    assert result.header.entries[0].judge is not None
    asked = len(judge_server.requests)
    with pytest.raises(UntrustedError, match="entry 'long': judge 'grader' is behind an API: --allow-api"):
        verify(result)
    mine = {"judge": judge}
    assert verify(result, overrides=mine) == []
    assert len(judge_server.requests) == asked
    (tmp_path / "verdicts" / "verdicts.sqlite").unlink()
    judge_server.delay, judge_server.max_in_flight = 0.1, 0
    assert verify(result, overrides=mine) == []
    assert judge_server.max_in_flight >= 4
    assert "scores here, not 'grader" in verify(result, overrides={"judge": {**judge, "prompt": "strict"}})[0]


def test_an_allowed_judge_is_asked_at_the_readers_endpoint(
    judge_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file says of hosts, folders and patience does not count."""
    monkeypatch.setenv("OPENAI_BASE_URL", judge_server.url)
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    kwargs = {"task": "multihop", "length": 600, "judge": "grader"}
    suite = Suite("judged", "", (SuiteEntry("long", "memgym/Longcontext-v1", kwargs, "test", 2),))
    result = evaluate("baselines:Oracle", suite)
    theirs = {"model": "grader", "base_url": "http://192.0.2.1:9", "cache_dir": str(tmp_path / "theirs"), "retries": 0}
    result.header.entries[0].kwargs["judge"] = theirs
    assert verify(result, trust=Trust(api=True)) == []
    assert not (tmp_path / "theirs").exists()


# ------------------------------------------------------------------ large files

LARGE = """
import re, sys
from pathlib import Path
from memgym.leaderboard.files import read_result
from memgym.leaderboard.summary import summarize
from memgym.leaderboard.verify import verify
result = read_result(Path(sys.argv[1]))
print(len(verify(result)), summarize(result).entries["long"].played)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


class Padded(Lexical):
    """Writes nearly a megabyte of spaces behind every action."""

    def act(self, observation: str) -> str:
        return super().act(observation) + " " * 900_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the size of a process is told in other ways")
@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_file_of_100_megabytes_is_verified_in_bounded_memory(tmp_path: Path, ending: str) -> None:
    entry = SuiteEntry("long", "memgym/Longcontext-v1", {"task": "multihop", "length": 500}, "test", 64)
    evaluation = Evaluation(EvaluationPlan(f"{__name__}:Padded", Suite("large", "", (entry,))))
    path = tmp_path / f"large{ending}"
    with Recorder.new(path, evaluation.header) as recorder:
        for episode in evaluation.play(evaluation.keys(), concurrency=1):
            recorder.append(episode)
    content = gzip.decompress(path.read_bytes()) if ending == ".jsonl.gz" else path.read_bytes()
    assert len(content) > 100 * 2**20
    done = subprocess.run([sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    problems, played, memory = map(int, done.stdout.split())
    assert (problems, played) == (0, 64)
    assert memory < 300
