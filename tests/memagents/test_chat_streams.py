"""``memagents chat`` on a terminal with a model behind an API: replies come as they are written, and may break off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from memagents.cli import app
from memgym.bank import MemoryBank


@pytest.fixture
def recipe(chat_server, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    served = f"kind = 'openai'\nmodel = 'tiny'\nbase_url = '{chat_server.url}'\ntimeout = 5.0\nmax_retries = 0"
    path.write_text(f'agent = "PromptedAgent"\n[backends.main]\n{served}')
    return path


def chat(recipe: Path, bank: Path, typed: str) -> Result:
    arguments = ["chat", "--recipe", str(recipe), "--bank", str(bank)]
    done = CliRunner().invoke(app, arguments, input=typed, env={"FORCE_COLOR": "1"})
    assert done.exit_code == 0, done.output
    return done


def remembered(bank: Path) -> list[str]:
    return [record.value for record in MemoryBank.load(bank).get_all()]


def event(piece: str) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})


@pytest.mark.parametrize(
    "reply", ["Nice, I like tea, too.", "Tea", "Two\n\nparagraphs", "tea é 茶 🍵", "\x1b[2J\u202etea"]
)
def test_a_reply_is_shown_as_it_is_written(chat_server, recipe, tmp_path: Path, reply: str) -> None:
    chat_server.answer = lambda messages: reply
    done = chat(recipe, tmp_path / "me.bank", "I like tea.\n")
    assert [request.get("stream") for request in chat_server.requests] == [True] * len(chat_server.requests)
    shown = reply.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    assert done.stdout.count(f"{shown}\nUser> ") == 1
    assert "Assistant: " + reply in " ".join(remembered(tmp_path / "me.bank"))


@pytest.mark.parametrize(
    ("events", "ends", "told"),
    [
        ((event("Nice, I"),), False, "connection failed"),
        ((event("Nice, I"),), True, "the reply broke off"),
        ((event("Nice, I"), '{"error": {"message": "out of memory"}}'), True, "out of memory"),
        ((event("Nice, I"), "{"), True, "no JSON"),
        ((), True, "a stream without a reply"),
    ],
)
def test_a_reply_that_breaks_off_is_one_error_and_the_conversation_goes_on(
    chat_server, recipe, tmp_path: Path, events, ends, told
) -> None:
    chat_server.answer = lambda messages: "pong"
    chat_server.then_stream(*events, ends=ends)
    done = chat(recipe, tmp_path / "me.bank", "I like tea.\nAnd you?\n")
    assert done.stderr.count("error: ") == 1
    assert told in done.stderr
    if events:
        assert "Nice, I\n" in done.stdout
    assert "pong\n" in done.stdout  # to the second question
    kept = " ".join(remembered(tmp_path / "me.bank"))
    assert "User: I like tea." in kept
    assert "User: And you?" in kept
    assert not list(tmp_path.glob("me.bank.*.json"))


def test_without_a_terminal_no_stream_is_asked_for(chat_server, recipe, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    done = CliRunner().invoke(
        app, ["chat", "--recipe", str(recipe), "--bank", str(tmp_path / "me.bank")], input="I like tea.\n"
    )
    assert done.exit_code == 0
    assert all("stream" not in request for request in chat_server.requests)
    assert "pong\n" in done.stdout
