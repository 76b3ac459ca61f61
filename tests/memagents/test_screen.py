"""What a person sees while a model writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from memagents.backends import make_backend
from memagents.backends.base import Sampling
from memagents.cli.screen import Screen


@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_a_backend_tells_what_it_has_written_token_by_token(model_dir: Path, tokens: int) -> None:
    backend = make_backend({"kind": "transformers", "model": str(model_dir)})
    chat = [{"role": "user", "content": "hi"}]
    silent = backend.chat([chat], Sampling(tokens, seeds=(3,), min_tokens=tokens))
    heard: list[str] = []
    backend.listener = heard.append
    (completion,) = backend.chat([chat], Sampling(tokens, seeds=(3,), min_tokens=tokens))
    assert completion == silent[0]
    assert len(heard) == len(completion.token_ids) == tokens
    assert heard[-1] == completion.text
    heard.clear()
    backend.chat([chat, [{"role": "user", "content": "ho"}]], Sampling(2))  # of several nobody could tell which
    assert heard == []


@pytest.fixture
def terminal(monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.mark.parametrize(
    ("pieces", "shown", "reply", "rest"),
    [
        (["He", "Hello", "Hello Ana!"], "Hello Ana!", "Hello Ana!", ""),
        (["<", "<think>", "<think>who?", "<think>who?</think>\n", "<think>who?</think>\nAna"], "Ana", "Ana", ""),
        (["<thi", "<think>no end"], "", "", ""),
        (["na\ufffd", "naï", "naïve"], "naïve", "naïve", ""),
        (["", " ", "\n\n", "\n\nHi"], "Hi", "Hi", ""),
        (["Hi "], "Hi", "Hi there", " there"),
        (["Answer: x"], "Answer: x", "x", "\nx"),
        ([], "", "whole", "whole"),
    ],
)
def test_a_reply_is_shown_as_it_comes_and_once(pieces, shown, reply, rest, terminal, capsys) -> None:
    screen = Screen()
    with screen.watch("answer") as hear:
        for piece in pieces:
            hear(piece)
    assert screen.shown == shown
    assert capsys.readouterr().out.endswith(shown)
    assert screen.rest(reply) == rest
    assert screen.rest(reply) == reply  # of the next reply nothing has been shown


@pytest.mark.parametrize("phase", ["extract", "update", "retrieve"])
def test_other_phases_show_that_they_go_on(phase: str, terminal, capsys) -> None:
    screen = Screen()
    with screen.watch(phase) as hear:
        hear('{"memory_list": [')
    assert screen.shown == ""
    seen = capsys.readouterr().out
    assert "…" in seen
    assert "memory_list" not in seen


@pytest.mark.parametrize("phase", ["extract", "answer"])
def test_without_a_terminal_nothing_is_shown(phase: str, monkeypatch, capsys) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with Screen().watch(phase) as hear:
        assert hear is None
    assert capsys.readouterr().out == ""


def breaks_off(screen: Screen, pieces: list[str]) -> None:
    with screen.watch("answer") as hear:
        for piece in pieces:
            hear(piece)
        raise ConnectionError


def test_what_is_told_of_a_reply_that_breaks_off_begins_a_line(terminal, capsys) -> None:
    for pieces, end in (["Hel", "Hello"], "Hello\n"), ([], ""):
        screen = Screen()
        with pytest.raises(ConnectionError):
            breaks_off(screen, pieces)
        assert capsys.readouterr().out.endswith(end)


def test_what_steers_a_terminal_is_written_out(terminal, capsys) -> None:
    screen = Screen()
    with screen.watch("answer") as hear:
        for piece in ("tea\x1b", "tea\x1b[2", "tea\x1b[2J\u202e"):
            hear(piece)
    assert capsys.readouterr().out.endswith(r"tea\x1b[2J\u202e")
    assert screen.rest("tea\x1b[2J\u202e!") == "!"


def test_a_thought_that_the_template_opens_is_not_told_as_a_reply(model_dir: Path) -> None:
    backend = make_backend({"kind": "transformers", "model": str(model_dir)})
    heard: list[str] = []
    backend.listener = heard.append
    chat = [{"role": "user", "content": "hi"}]
    sampling = Sampling(3, seeds=(3,), min_tokens=3)
    backend.chat([chat], sampling)
    assert not any("<think>" in text for text in heard)
    plain = [*heard]
    heard.clear()
    backend.tokenizer.chat_template = "{{ messages[0]['content'] }} <think>\n"
    backend.chat([chat], sampling)
    assert [text.startswith("<think>") for text in heard] == [True] * len(plain)
