"""The command line, end to end with a tiny real model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from memagents.cli import app
from memagents.dialogues import read_sessions
from memgym.bank import MemoryBank
from memgym.cli import app as memgym
from memgym.leaderboard.files import read_result, result_files

SESSIONS = [
    {"time": "2024-03-01", "turns": [{"speaker": "Ana", "text": "I moved to Lisbon."}]},
    {"time": "2024-03-02", "turns": [{"speaker": "Ana", "text": "I adopted a grey cat."}]},
]


@pytest.fixture
def recipe(model_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    lines = ['agent = "MemoryR1Agent"', "[backends.tiny]", 'kind = "transformers"', f"model = '{model_dir}'"]
    for phase in ("read", "extract", "update", "answer"):
        lines += [f"[modules.{phase}]", "max_tokens = 8"]
    path.write_text("\n".join(lines))
    return path


def memagents(*arguments: object, typed: str = "") -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "memagents", *map(str, arguments)]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_process(command: typer.Typer, *arguments: object, typed: str = "") -> str:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], input=typed)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_chat_remembers_across_runs(recipe: Path, tmp_path: Path) -> None:
    where = ["--recipe", recipe, "--bank", tmp_path / "me.bank"]
    first = memagents("chat", *where, "--name", "Ana", typed="My cat is called Tom.\n\n/quit\n")
    assert "0 memories in" in first
    # The random model extracts nothing usable, so what was said is kept as it was said.
    assert "+ m1 Ana: My cat is called Tom." in first
    second = memagents("chat", *where, "--name", "Ana", typed="What is my cat called?\n")
    assert "used m1 Ana: My cat is called Tom." in second
    said = [record.value for record in MemoryBank.load(tmp_path / "me.bank").get_all()]
    assert "Ana: My cat is called Tom." in said
    assert "Ana: What is my cat called?" in said


def test_ingest_and_ask(recipe: Path, tmp_path: Path) -> None:
    where = ["--recipe", recipe, "--bank", tmp_path / "ana.bank"]
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps(SESSIONS))
    told = in_process(app, "ingest", talk, *where)
    assert "+ m1 Ana: I moved to Lisbon." in told
    assert "2 sessions ingested; 2 memories in" in told
    before = (tmp_path / "ana.bank").read_bytes()
    lines = in_process(app, "ask", "-", *where, "--json", typed="Where does Ana live?\n\nWhich pet does Ana have?\n")
    replies = [json.loads(line) for line in lines.splitlines()]
    assert [reply["question"] for reply in replies] == ["Where does Ana live?", "Which pet does Ana have?"]
    assert {memory["id"] for memory in replies[0]["memories"]} == {"m1", "m2"}
    assert (tmp_path / "ana.bank").read_bytes() == before


def test_memgym_evaluates_agents(recipe: Path, tmp_path: Path) -> None:
    played = ["--env", "memgym/Longcontext-v1", "--set", "section_tokens=400", "--split", "test", "--episodes", 2]
    which = ["memagents:MemoryR1Agent", "--policy-set", f"recipe={recipe}"]
    in_process(memgym, "evaluate", *which, *played, "--out", tmp_path)
    (path,) = result_files([tmp_path])
    result = read_result(path)
    assert len(result.episodes) == 2
    assert {step.phase for episode in result.episodes for step in episode.steps} == {"read", "answer"}


def test_a_session_that_cannot_be_remembered_is_kept(recipe: Path, tmp_path: Path) -> None:
    text = recipe.read_text()
    recipe.write_text(text.replace("[modules.extract]\nmax_tokens = 8", "[modules.extract]\nmax_tokens = 8191"))
    where = ["--recipe", str(recipe), "--bank", str(tmp_path / "me.bank")]
    done = CliRunner().invoke(app, ["chat", *where], input="I like tea.\n")
    assert done.exit_code == 2
    assert "memagents ingest" in done.stderr
    (kept,) = tmp_path.glob("me.bank.*.json")
    assert read_sessions(kept)[0].turns[0].text == "I like tea."
    recipe.write_text(text)
    assert "User: I like tea." in in_process(app, "ingest", kept, *where)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write to")
def test_a_bank_that_cannot_be_written_is_told_before_anything_is_said(recipe: Path) -> None:
    done = CliRunner().invoke(app, ["chat", "--recipe", str(recipe), "--bank", "/proc/me.bank"], input="I like tea.\n")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: --bank /proc/me.bank cannot be written")
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="removes a folder that is in use")
def test_a_bank_that_can_no_longer_be_written_costs_no_session(recipe: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "banks"
    folder.mkdir()

    def typed(prompt: str) -> str:
        if folder.exists():
            shutil.rmtree(folder)
            return "I like tea."
        raise EOFError

    monkeypatch.setattr("builtins.input", typed)
    done = CliRunner().invoke(app, ["chat", "--recipe", str(recipe), "--bank", str(folder / "me.bank")])
    assert done.exit_code == 2
    assert "me.bank cannot be written: No such file" in done.stderr
    (kept,) = tmp_path.glob("me.bank.*.json")
    assert read_sessions(kept)[0].turns[0].text == "I like tea."


def test_a_session_is_ingested_once(recipe: Path, tmp_path: Path) -> None:
    where = ["--recipe", recipe, "--bank", tmp_path / "ana.bank"]
    talk, more = tmp_path / "talk.json", tmp_path / "more.json"
    talk.write_text(json.dumps(SESSIONS))
    new = {"time": "2024-03-03", "turns": [{"speaker": "Ana", "text": "I moved to Lisbon."}]}
    more.write_text(json.dumps([new, *SESSIONS, new]))
    in_process(app, "ingest", talk, *where)
    before = (tmp_path / "ana.bank").read_bytes()
    # Where nothing is new, no model is asked, nor even loaded.
    told = in_process(app, "ingest", talk, "--recipe", "none.toml", "--bank", tmp_path / "ana.bank")
    assert "session 1 was already ingested; skipped\nsession 2 was already ingested; skipped\n" in told
    assert "0 sessions ingested, 2 skipped; 2 memories in" in told
    assert (tmp_path / "ana.bank").read_bytes() == before
    told = in_process(app, "ingest", more, *where)
    assert [line for line in told.splitlines() if line.startswith("session")] == [
        "session 1 2024-03-03",
        *(f"session {number} was already ingested; skipped" for number in (2, 3, 4)),
    ]
    assert "1 sessions ingested, 3 skipped; 3 memories in" in told


def test_a_bank_in_use_is_refused_and_can_be_read(recipe: Path, tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    where = ["--recipe", recipe, "--bank", bank]
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps(SESSIONS))
    in_process(app, "ingest", talk, *where)
    command = [sys.executable, "-m", "memagents", "chat", *map(str, where)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as chatting:
        assert "2 memories in" in chatting.stdout.readline()  # it has the bank
        for other in (["chat", *where], ["ingest", talk, *where]):
            done = CliRunner().invoke(app, [str(word) for word in other], input="I like tea.\n")
            assert done.exit_code == 2
            assert f"error: {bank} is in use by another process" in done.stderr
        assert "Ana" in in_process(app, "ask", "Where does Ana live?", *where)
        chatting.communicate("My cat is called Tom.\n")
    assert chatting.returncode == 0
    said = [record.value for record in MemoryBank.load(bank).get_all()]
    assert "User: My cat is called Tom." in said
    assert len(said) == 4
    in_process(app, "chat", *where, typed="/quit\n")  # the lock is gone


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "Where?", "--recipe", "prompted", "--bank", "none.bank"], "there is no memory bank none.bank"),
        (["chat", "--recipe", "prompted", "--bank", "no/where.bank"], "there is no folder no"),
        (["chat", "--recipe", "promted", "--bank", "new.bank"], "Did you mean 'prompted'?"),
        (["ingest", "none.json", "--recipe", "prompted", "--bank", "new.bank"], "none.json does not exist"),
        (["chat", "--recipe", "prompted", "--bank", "new.bank", "--embedder", "hsh"], "unknown embedder 'hsh'"),
        (["chat", "--recipe", "prompted", "--bank", "damaged.bank"], "damaged.bank"),
    ],
)
def test_mistakes(arguments: list[str], message: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.bank").write_text("not a bank")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")


def test_every_setting_is_listed_with_its_default() -> None:
    from memagents.training_recipes import settings

    listed = memagents("settings")
    for table, key, default, _ in settings():
        assert any(line.split()[:2] == [table, key] and default in line for line in listed.splitlines())
    meanings = {key: meaning for _, key, _, meaning in settings()}
    assert {"lr", "group_size", "repeats", "policy", "preset"} <= meanings.keys()
    assert meanings["strategy"].endswith("(ddp, fsdp)")


def test_what_was_unusable_is_said_before_what_was_done_instead(recipe: Path, tmp_path: Path) -> None:
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps(SESSIONS[:1]))
    for command in (["ingest", talk], ["chat"]):
        arguments = [*command, "--recipe", recipe, "--bank", tmp_path / f"{command[0]}.bank"]
        done = CliRunner().invoke(app, [str(word) for word in arguments], input="I moved to Lisbon.\n/quit\n")
        assert done.exit_code == 0
        told, done_instead = (done.output.rindex(text) for text in ("unusable: extract", "  + m1"))
        assert told < done_instead
        assert "; so the session is kept as it was said" in done.output[told:done_instead]


@pytest.mark.parametrize(
    ("typed", "told", "said"),
    [
        ("/help", "/quit (or Ctrl-D) ends", False),
        (" /help ", "/quit (or Ctrl-D) ends", False),
        ("/halp", "there is no command /halp. /quit", False),
        ("/", "there is no command /. /quit", False),
        ("/exit", "there is no command /exit", False),
        ("/HELP", "there is no command /HELP", False),
        ("/etc/hosts is a file", "+ m1 User: /etc/hosts is a file", True),
        ("/help me move", "+ m1 User: /help me move", True),
        ("help", "+ m1 User: help", True),
    ],
)
def test_commands_are_not_for_the_model(typed: str, told: str, said: bool, recipe: Path, tmp_path: Path) -> None:
    arguments = ["chat", "--recipe", str(recipe), "--bank", str(tmp_path / "me.bank")]
    done = CliRunner().invoke(app, arguments, input=f"{typed}\n/quit\nnever read\n")
    assert done.exit_code == 0
    assert told in done.output
    assert bool(len(MemoryBank.load(tmp_path / "me.bank"))) == said
    assert not list(tmp_path.glob("me.bank.*.json"))  # what is remembered is kept nowhere else


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize(
    "name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.slow), pytest.param("SIGHUP", marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_conversation_which_is_remembered(name: str, recipe: Path, tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    command = [sys.executable, "-u", "-m", "memagents", "chat", "--recipe", str(recipe), "--bank", str(bank)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as chatting:
        assert "0 memories in" in chatting.stdout.readline()
        chatting.stdin.write("My cat is called Tom.\n")
        chatting.stdin.flush()
        chatting.stdout.readline()  # the reply
        chatting.send_signal(getattr(signal, name))
        output, errors = chatting.communicate(timeout=60)
    assert chatting.returncode == 0, errors
    assert "remembering this session" in output
    assert "User: My cat is called Tom." in [record.value for record in MemoryBank.load(bank).get_all()]
    assert not list(tmp_path.glob("me.bank.*.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
def test_a_kill_while_a_session_is_remembered_leaves_it_on_disk(recipe: Path, tmp_path: Path) -> None:
    bank = tmp_path / "me.bank"
    code = (
        "import os, signal; from memagents.chat import Conversation; from memagents.cli import app\n"
        "Conversation.end = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"app(['chat', '--recipe', {str(recipe)!r}, '--bank', {str(bank)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], input="I like tea.\n", capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    (kept,) = tmp_path.glob("me.bank.*.json")
    assert read_sessions(kept)[0].turns[0].text == "I like tea."
