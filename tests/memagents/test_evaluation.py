"""Models in an evaluation: what one call does wrong costs one episode, with a clear line, and the rest is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from memgym.cli import app
from memgym.leaderboard.files import read_result
from tests.conftest import ChatServer

LONG = ("--env", "memgym/Longcontext-v1", "--set", "difficulty=easy", "--set", "section_tokens=400")
Evaluate = Callable[..., Result]


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> Result:
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["evaluate", *arguments])
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return run


def served(url: str, **options: object) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"base_url": url, **options}.items()]
    Path("served.toml").write_text(
        'agent = "PromptedAgent"\n[backends.main]\nkind = "openai"\nmodel = "tiny"\n' + "\n".join(lines) + "\n"
    )
    return "memagents:PromptedAgent,recipe=served.toml"


def recorded():
    (path,) = (path for path in Path("results").iterdir() if not path.name.startswith("."))
    return read_result(path)


def test_a_refused_prompt_costs_one_episode(evaluate: Evaluate, chat_server: ChatServer) -> None:
    chat_server.then_status(400, json.dumps({"error": {"message": "content filter", "code": 400}}))
    done = evaluate(served(chat_server.url), *LONG, "--episodes", "5", "--concurrency", "2", code=1)
    assert "1 episodes failed, the first: ApiError: model 'tiny' at" in done.output
    assert "HTTP 400" in done.output
    assert "content filter" in done.output
    assert len(recorded().of("multihop")) == 4
    evaluate("memagents:PromptedAgent,recipe=served.toml", *LONG, "--episodes", "5", "--resume", "--retry-failed")
    assert recorded().failed == []


def test_a_dead_server_ends_the_run_and_keeps_what_was_played(evaluate: Evaluate, chat_server: ChatServer) -> None:
    policy = served(chat_server.url, max_retries=0)
    chat_server.close()
    refused = evaluate(policy, *LONG, "--episodes", "9", "--max-failures", "3", code=2)
    assert "4 episodes failed, the last: ApiError: model 'tiny' at" in refused.stderr
    assert "the connection failed" in refused.stderr
    assert len(recorded().failed) == 4


def test_an_over_long_prompt_costs_one_episode(evaluate: Evaluate) -> None:
    """The tiny reader reads 256 tokens."""
    rows = [
        {"sections": ["the cup is in the barn. " * repeat], "questions": ["Where is the cup?"], "answers": ["barn"]}
        for repeat in (1, 2, 200, 3)
    ]
    Path("rows.json").write_text(json.dumps(rows))
    own = ("--set", "task=custom", "--set", "path=rows.json", "--set", "section_tokens=5000")
    done = evaluate("memagents:MemoryAgent,recipe=tiny_reader", "--env", LONG[1], *own, code=1)
    assert "1 episodes failed, the first: ConfigError: prompt" in done.output
    assert "but the model reads 256" in done.output
    result = recorded()
    assert [episode.index for episode in result.failed] == [2]
    assert [episode.index for episode in result.of("custom")] == [0, 1, 3]


def test_what_a_model_costs_is_recorded_and_said(evaluate: Evaluate, chat_server: ChatServer) -> None:
    chat_server.usage = {"prompt_tokens": 11, "completion_tokens": 2}
    done = evaluate(served(chat_server.url), *LONG, "--episodes", "2")
    assert "multihop: 2 episodes, about" in done.output
    assert "model calls" in done.output
    steps = [step for episode in recorded().episodes for step in episode.steps]
    assert {str(step.usage) for step in steps} == {"{'prompt_tokens': 11, 'completion_tokens': 2, 'calls': 1}"}


@pytest.mark.parametrize("reply", ["", " ", "<think> and so on, until no token is left"])
def test_a_model_that_says_nothing_at_all_is_no_result(evaluate: Evaluate, chat_server: ChatServer, reply: str) -> None:
    chat_server.answer = lambda messages: reply
    with pytest.warns(UserWarning, match=r"(\d+) of \d+ completions .* are empty"):
        silent = evaluate(served(chat_server.url), *LONG, "--episodes", "3", "--concurrency", "1", code=2)
    assert re.search(r"PromptedAgent: all \d+ completions of the model are empty", silent.stderr)
    assert "max_tokens" in silent.stderr
    steps = [step for episode in recorded().episodes for step in episode.steps]
    assert {(step.usage["calls"], step.usage["empty_replies"]) for step in steps} == {(1, 1)}


def test_empty_replies_among_others_are_counted_and_scored(evaluate: Evaluate, chat_server: ChatServer) -> None:
    said = iter(["", "", "the cup is in the barn"])
    chat_server.answer = lambda messages: next(said, "")
    with pytest.warns(UserWarning, match=r"(\d+) of \d+ completions .* are empty"):
        evaluate(served(chat_server.url), *LONG, "--episodes", "3", "--concurrency", "1")
    steps = [step for episode in recorded().episodes for step in episode.steps]
    assert sum(step.usage.get("empty_replies", 0) for step in steps) == len(steps) - 1


def test_a_recipe_that_does_not_exist_is_told_before_anything_is_played(evaluate: Evaluate) -> None:
    wrong = "memagents:MemoryAgent,recipe=no_such_recipe"
    refused = evaluate("baselines:KeepAll", wrong, *LONG, "--episodes", "2", code=2)
    assert "no_such_recipe" in refused.stderr
    assert not Path("results").exists()


def test_a_recipe_that_was_changed_is_another_evaluation(evaluate: Evaluate, chat_server: ChatServer) -> None:
    policy = served(chat_server.url)
    evaluate(policy, *LONG, "--episodes", "1")
    served(chat_server.url, timeout=33.0)
    refused = evaluate(policy, *LONG, "--episodes", "1", "--resume", code=2)
    assert "another evaluation began it: policy is" in refused.stderr
    served(chat_server.url)
    evaluate(policy, *LONG, "--episodes", "1", "--resume")
