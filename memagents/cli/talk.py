"""``memagents chat``, ``ingest`` and ``ask``: an agent, and the file of its memory bank."""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer

from memagents.agents import Agent, load_agent
from memagents.bank_files import alone, load_bank, save_bank
from memagents.chat import Conversation
from memagents.cli.screen import Screen
from memagents.dialogues import read_sessions, session_digest, write_session
from memagents.memory import AgentMemory, Ingested, Reply
from memgym.errors import ConfigError, MemgymError
from memgym.shown import plain

_COMMANDS = "/quit (or Ctrl-D) ends and remembers the session, /help says so."
_COMMAND = re.compile(r"/\w*")  # a path or a sentence that begins with a slash is none


def talk(recipe: str, bank: Path, name: str, embedder: str, seed: int, trust_code: bool) -> None:
    """Talk until the person ends it, then remember the session.

    Raises:
        ConfigError, BankFileError, InUseError: the recipe or the bank cannot be used, or another process uses the bank.
    """
    with alone(bank):
        memory = load_bank(bank, embedder)
        screen = Screen()
        time = datetime.now().isoformat(timespec="seconds")
        talk = Conversation(load_agent(recipe, trust_code=trust_code), memory, time, name, seed, screen.watch)
        typer.secho(f"{len(memory)} memories in {bank}. {_COMMANDS}", dim=True)
        try:
            with _signals_interrupt():
                _converse(talk, screen)
                kept = _keep(talk, bank)  # now, as remembering takes its time, and whoever ends this may be impatient
                typer.secho("remembering this session …", dim=True)
                _show_ingested(talk.end())
                save_bank(memory, bank)
        except BaseException:
            _rescue(talk, bank)
            raise
        if kept is not None:
            kept.unlink(missing_ok=True)


def ingest_files(paths: list[Path], recipe: str, bank: Path, embedder: str, seed: int, trust_code: bool) -> None:
    """Remember the sessions of dialogue files, but those that the bank has had before; save after each.

    Raises:
        ConfigError, DataError, BankFileError: a file, the recipe or the bank cannot be used, or another process uses
            the bank.
    """
    sessions = [session for path in paths for session in read_sessions(path)]
    with alone(bank):
        memory = load_bank(bank, embedder)
        agent: Agent | None = None
        skipped = 0
        for session in sessions:
            digest = session_digest(session)
            if digest in memory.marks:
                typer.secho(f"session {session.id} was already ingested; skipped", fg="yellow")
                skipped += 1
                continue
            agent = agent or load_agent(recipe, trust_code=trust_code)
            typer.secho(f"session {session.id} {session.time}".rstrip(), bold=True)
            _show_ingested(AgentMemory(agent, memory, seed, Screen().watch).ingest(session))
            memory.mark(digest)
            save_bank(memory, bank)
    left_out = f", {skipped} skipped" if skipped else ""
    typer.echo(f"{len(sessions) - skipped} sessions ingested{left_out}; {len(memory)} memories in {bank}")


def answer(
    questions: list[str], recipe: str, bank: Path, embedder: str, as_json: bool, seed: int, trust_code: bool
) -> None:
    """Answer questions from a bank, which is read once and stays as it is.

    Raises:
        ConfigError, BankFileError: the recipe or the bank cannot be used.
    """
    if not bank.is_file():
        raise ConfigError(f"there is no memory bank {bank}; 'memagents ingest' and 'memagents chat' make one")
    kept = load_bank(bank, embedder)
    memory = AgentMemory(load_agent(recipe, trust_code=trust_code), kept, seed)
    asked = [line.strip() for text in questions for line in (sys.stdin if text == "-" else [text])]
    for question in filter(None, asked):
        reply = memory.ask(question)
        if as_json:
            record = {
                "question": question,
                "answer": reply.text,
                "memories": [{"id": record.id, "text": record.text} for record in reply.used],
                "problems": reply.problems,
            }
            typer.echo(json.dumps(record, ensure_ascii=False))
        else:
            typer.secho(question, bold=True)
            _show_reply(reply)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a request to end, or a terminal that is closed, do what Ctrl-C does: so the session is remembered."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    if threading.current_thread() is not threading.main_thread():  # where signals do not arrive
        before = {}
    for name in before:
        signal.signal(getattr(signal, name), interrupt)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _converse(talk: Conversation, screen: Screen) -> None:
    """Talk until the person ends it; where a reply fails, say why and go on."""
    try:
        while (said := _read_line(talk.person)) != "/quit":
            try:
                if said == "/help":
                    typer.secho(_COMMANDS, dim=True)
                elif _COMMAND.fullmatch(said):
                    typer.secho(f"there is no command {said}. {_COMMANDS}", fg="yellow", err=True)
                elif said:
                    _show_reply(talk.say(said), screen)
            except MemgymError as error:
                typer.secho(f"error: {error}", fg="red", err=True)
    except KeyboardInterrupt:
        typer.echo()


def _keep(talk: Conversation, bank: Path) -> Path | None:
    """Write what was said to a file beside the bank, or where that cannot be, in the temporary folder."""
    if not talk.session().turns:
        return None
    name = f"{bank.name}.{talk.time.replace(':', '')}.json"
    try:
        write_session(talk.session(), bank.with_name(name))
    except OSError:  # the bank's folder cannot be written
        path = Path(tempfile.gettempdir()) / name
        write_session(talk.session(), path)
        return path
    return bank.with_name(name)


def _rescue(talk: Conversation, bank: Path) -> None:
    """Keep a session that could not be remembered."""
    path = _keep(talk, bank)
    if path is not None:
        typer.secho(f"this session was not remembered; it is kept for 'memagents ingest {path}'", fg="yellow", err=True)


def _read_line(name: str) -> str:
    """Return what the person types; the end of the input is ``/quit``."""
    try:
        return input(f"{name}> ").strip().encode(errors="replace").decode()  # bytes that are no UTF-8
    except EOFError:
        typer.echo()
        return "/quit"


def _show_reply(reply: Reply, screen: Screen | None = None) -> None:
    typer.echo(plain(reply.text if screen is None else screen.rest(reply.text), lines=True))
    for record in reply.used:
        typer.secho(plain(f"  used {record.id} {record.text}", lines=True), dim=True)
    _show_problems(reply.problems)


def _show_ingested(result: Ingested) -> None:
    _show_problems(result.problems)  # first, as they say why what follows is as it is
    for change in result.changes:
        old, new = change.old, change.new
        if new is None:
            typer.secho(plain(f"  - {old.id} {old.text}" if old else "", lines=True), fg="red")
        elif old is None:
            typer.secho(plain(f"  + {new.id} {new.text}", lines=True), fg="green")
        else:
            typer.secho(plain(f"  ~ {new.id} {old.text} → {new.text}", lines=True), fg="yellow")
    if not result.changes:
        typer.secho("  nothing new", dim=True)


def _show_problems(problems: list[str]) -> None:
    for problem in problems:
        typer.secho(plain(f"  unusable: {problem}"), fg="yellow", err=True)
