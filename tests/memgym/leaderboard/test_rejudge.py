"""Stored answers, judged anew without playing: as if they had been played with the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from memgym.errors import ConfigError, DataError
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.files import Result, read_result, write_result
from memgym.leaderboard.rejudge import count_answers, rejudge
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.leaderboard.suites import judge_label
from memgym.leaderboard.verify import verify

Changed = Callable[..., Result]

ENTRIES = (
    SuiteEntry("bank", "memgym/MemoryBank-v1", {"task": "persona", "difficulty": "easy", "questions": 3}, "test", 2),
    SuiteEntry(
        "long",
        "memgym/Longcontext-v1",
        {"task": "multihop", "length": 600, "reward_weights": {"answer": 2.0, "format": 0.25}},
        "test",
        4,
        2,
    ),
)
SUITE = Suite("mine", "", ENTRIES)


def timeless(result: Result) -> Any:
    content = msgspec.to_builtins([result.header, *result.episodes])
    for line in content:
        line.pop("seconds", None)
        for step in line.get("steps", ()):
            step.pop("seconds", None)
    return content


@pytest.fixture
def contrary(judge_server: Any) -> Any:
    """A judge that finds right what is wrong."""

    def answer(messages: list[dict[str, str]]) -> str:
        sheet = judge_server.read(messages)
        return sheet.verdict(not sheet.correct())

    judge_server.answer = answer
    return judge_server


@pytest.mark.parametrize("policy", ["baselines:Oracle", "baselines:Lexical", "baselines:Random"])
@pytest.mark.parametrize("prompt", [{}, {"prompt": "lenient"}, {"prompt": "rubric"}])
def test_it_is_as_if_it_had_been_played_with_the_judge(contrary: Any, policy: str, prompt: dict[str, str]) -> None:
    judge = {"model": "grader", "base_url": contrary.url, **prompt}
    plain = evaluate(policy, SUITE, seed=1)
    told: list[None] = []
    judged = rejudge(plain, judge, judged=lambda: told.append(None))
    assert len(told) == count_answers(plain) >= len(contrary.requests) > 0
    asked = len(contrary.requests)
    entries = tuple(
        SuiteEntry(e.name, e.env_id, {**e.kwargs, "judge": judge}, e.split, e.episodes, e.trials) for e in ENTRIES
    )
    name = "mine judge=grader" + (f" prompt={prompt['prompt']}" if prompt else "")
    played = evaluate(policy, Suite(name, "", entries), seed=1)
    assert len(contrary.requests) == asked  # the verdicts were kept
    assert timeless(judged) == timeless(played)
    assert verify(judged, overrides={"judge": judge}) == []
    assert verify(plain) == []  # it was left as it is


def test_no_policy_and_no_environment_is_asked(contrary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = evaluate("baselines:Oracle", SUITE)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("something was played")

    monkeypatch.setattr("memgym.envs.base.MemoryEnv.reset", never)
    monkeypatch.setattr("memgym.leaderboard.evaluate.load_policy", never)
    judged = rejudge(plain, {"model": "grader", "base_url": contrary.url})
    for episode, was in zip(judged.of("long"), plain.of("long"), strict=True):
        last, before = episode.steps[-1], was.steps[-1]
        assert (before.answers[0].scores["answer"], before.reward) == (1.0, 2.25)
        assert (last.answers[0].scores["answer"], last.answers[0].scores["rule"]) == (0.0, 1.0)
        assert (last.rewards["answer"], last.reward) == (0.0, 0.25)


def test_a_judged_result_is_judged_by_another(judge_server: Any, tmp_path: Any) -> None:
    judge = {"model": "grader", "base_url": judge_server.url}
    first = rejudge(evaluate("baselines:Lexical", SUITE), judge)
    write_result(first, tmp_path / "judged.jsonl.gz")
    first = read_result(tmp_path / "judged.jsonl.gz")
    honest = judge_server.answer
    judge_server.answer = lambda messages: judge_server.read(messages).verdict(False)
    second = rejudge(first, {**judge, "model": "other"})
    assert second.header.suite == "mine judge=other"
    for before, after in zip(first.episodes, second.episodes, strict=True):
        for step, again in zip(before.steps, after.steps, strict=True):
            for answer, anew in zip(step.answers, again.answers, strict=True):
                assert anew.scores == {**answer.scores, "answer": 0.0}
    judge_server.answer = honest
    assert verify(first, overrides={"judge": judge}) == []
    assert verify(second, overrides={"judge": {**judge, "model": "other"}}) == []


def test_a_verdict_that_is_missing_is_that_episodes_failure(judge_server: Any) -> None:
    plain = evaluate("baselines:Oracle", SUITE)
    judge = {"model": "grader", "base_url": judge_server.url, "retries": 0, "concurrency": 1}
    judge_server.then_status(400)
    judged, mine = rejudge(plain, judge), {"judge": judge}
    (failed,) = judged.failed
    assert failed.error.startswith("JudgeError: no verdict of judge 'grader@")
    assert failed.key == ("bank", 0, 0)
    assert len(failed.steps) < len(plain.episodes[0].steps)
    assert len(judged.episodes) == len(plain.episodes)
    told = f"bank, episode 0, trial 0: failed after {len(failed.steps)} steps: {failed.error}"
    assert verify(judged, overrides=mine) == [told]
    asked = len(judge_server.requests)
    again = rejudge(plain, judge)
    assert again.failed == []
    assert len(judge_server.requests) == asked + 1  # what was had is kept
    assert verify(again, overrides=mine) == []


def test_calls_are_concurrent_up_to_the_judges_limit(judge_server: Any) -> None:
    plain = evaluate("baselines:Random", SUITE)
    judge_server.delay = 0.1
    rejudge(plain, {"model": "grader", "base_url": judge_server.url, "concurrency": 3})
    assert judge_server.max_in_flight == 3


def test_what_does_not_fit_is_refused(judge_server: Any, changed: Changed) -> None:
    plain = evaluate("baselines:Oracle", SUITE)
    judge = {"model": "grader", "base_url": judge_server.url}
    with pytest.raises(DataError, match="entry 'long': the task or its data are not the same here"):
        rejudge(changed(plain, lambda h, e: h["entries"][1].update(task_fingerprint="0")), judge)
    with pytest.raises(ConfigError, match="Did you mean 'strict'"):
        rejudge(plain, {**judge, "prompt": "stric"})

    def other_question(header: Any, episodes: Any) -> None:
        next(step for step in episodes[0]["steps"] if step["answers"])["answers"][0]["question_id"] = "q99"

    with pytest.raises(DataError, match="episode 0 of task 'persona' has no question 'q99'"):
        rejudge(changed(plain, other_question), judge)

    def unweighed(header: Any, episodes: Any) -> None:
        for episode in episodes:
            for step in episode["steps"]:
                step["rewards"].pop("format")

    with pytest.raises(DataError, match="the reward 'format' has a weight and was not recorded"):
        rejudge(changed(plain, unweighed), judge)


def test_labels() -> None:
    assert judge_label("m") == judge_label({"model": "m", "prompt": "benchmark"}) == "m"
    assert judge_label({"model": "m", "prompt": "strict", "base_url": "http://x/v1"}) == "m prompt=strict"


@pytest.mark.parametrize("theirs", [5, {}, {"base_url": "http://192.0.2.1:9"}, {"model": "m", "base_url": "x"}])
def test_what_a_file_says_of_its_judge_does_not_count(judge_server: Any, changed: Changed, theirs: Any) -> None:
    judge = {"model": "grader", "base_url": judge_server.url}
    result = evaluate("baselines:Oracle", SUITE)
    forged = changed(result, lambda h, e: h["entries"][1]["kwargs"].update(judge=theirs))
    assert timeless(rejudge(forged, judge)) == timeless(rejudge(result, judge))
