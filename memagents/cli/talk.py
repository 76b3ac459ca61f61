"""``memagents chat``, ``ingest`` and ``ask``: an agent, and the file of its memory bank."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import typer

from memagents.agents import Agent, load_agent
from memagents.chat import Conversation
from memagents.dialogues import read_sessions, session_digest, write_session
from memagents.memory import AgentMemory, Ingested, Reply
from memgym.bank import MemoryBank
from memgym.errors import ConfigError, MemgymError
from memgym.locks import file_lock


def talk(recipe: str, bank: Path, name: str, embedder: str, seed: int) -> None:
    """Talk until the person ends it, then remember the session.

    Raises:
        ConfigError, BankFileError, InUseError: the recipe or the bank cannot be used, or another process uses the bank.
    """
    with _alone(bank):
        memory = _load_bank(bank, embedder)
        talk = Conversation(load_agent(recipe), memory, datetime.now().isoformat(timespec="seconds"), name, seed)
        typer.secho(f"{len(memory)} memories in {bank}. /quit (or Ctrl-D) ends and remembers the session.", dim=True)
        try:
            _converse(talk)
            typer.secho("remembering this session …", dim=True)
            _show_ingested(talk.end())
            _save(memory, bank)
        except BaseException:
            _rescue(talk, bank)
            raise


def ingest_files(paths: list[Path], recipe: str, bank: Path, embedder: str, seed: int) -> None:
    """Remember the sessions of dialogue files, but those that the bank has had before; save after each.

    Raises:
        ConfigError, DataError, BankFileError: a file, the recipe or the bank cannot be used, or another process uses
            the bank.
    """
    sessions = [session for path in paths for session in read_sessions(path)]
    with _alone(bank):
        memory = _load_bank(bank, embedder)
        agent: Agent | None = None
        skipped = 0
        for session in sessions:
            digest = session_digest(session)
            if digest in memory.marks:
                typer.secho(f"session {session.id} was already ingested; skipped", fg="yellow")
                skipped += 1
                continue
            agent = agent or load_agent(recipe)
            typer.secho(f"session {session.id} {session.time}".rstrip(), bold=True)
            _show_ingested(AgentMemory(agent, memory, seed).ingest(session))
            memory.mark(digest)
            _save(memory, bank)
    left_out = f", {skipped} skipped" if skipped else ""
    typer.echo(f"{len(sessions) - skipped} sessions ingested{left_out}; {len(memory)} memories in {bank}")


def answer(questions: list[str], recipe: str, bank: Path, as_json: bool, seed: int) -> None:
    """Answer questions from a bank, which is read once and stays as it is.

    Raises:
        ConfigError, BankFileError: the recipe or the bank cannot be used.
    """
    if not bank.is_file():
        raise ConfigError(f"there is no memory bank {bank}; 'memagents ingest' and 'memagents chat' make one")
    kept = _load_bank(bank, "hash")
    memory = AgentMemory(load_agent(recipe), kept, seed)
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
def _alone(bank: Path) -> Iterator[None]:
    """Keep other processes from changing the bank's file, from before it is loaded until it is saved."""
    if not bank.parent.is_dir():
        raise ConfigError(f"--bank {bank}: there is no folder {bank.parent}")
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(bank))
        except OSError as error:
            raise ConfigError(f"--bank {bank} cannot be written: {error.strerror}") from None
        yield


def _load_bank(bank: Path, embedder: str) -> MemoryBank:
    """Load the bank; before the agent, since it is quick, and a model is not."""
    try:
        return MemoryBank.load(bank) if bank.exists() else MemoryBank(embedder)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be read: {error.strerror}") from None


def _save(memory: MemoryBank, bank: Path) -> None:
    try:
        memory.save(bank)
    except OSError as error:
        raise ConfigError(f"--bank {bank} cannot be written: {error.strerror}") from None


def _converse(talk: Conversation) -> None:
    """Talk until the person ends it; where a reply fails, say why and go on."""
    try:
        while (said := _read_line(talk.person)) is not None:
            try:
                if said:
                    _show_reply(talk.say(said))
            except MemgymError as error:
                typer.secho(f"error: {error}", fg="red", err=True)
    except KeyboardInterrupt:
        typer.echo()


def _rescue(talk: Conversation, bank: Path) -> None:
    """Keep a session that could not be remembered."""
    if not talk.session().turns:
        return
    name = f"{bank.name}.{talk.time.replace(':', '')}.json"
    path = bank.with_name(name)
    try:
        write_session(talk.session(), path)
    except OSError:  # the bank's folder cannot be written
        path = Path(tempfile.gettempdir()) / name
        write_session(talk.session(), path)
    typer.secho(f"this session was not remembered; it is kept for 'memagents ingest {path}'", fg="yellow", err=True)


def _read_line(name: str) -> str | None:
    """Return what the person types, None at the end."""
    try:
        said = input(f"{name}> ").strip().encode(errors="replace").decode()  # bytes that are no UTF-8
    except EOFError:
        typer.echo()
        return None
    return None if said == "/quit" else said


def _show_reply(reply: Reply) -> None:
    typer.echo(reply.text)
    for record in reply.used:
        typer.secho(f"  used {record.id} {record.text}", dim=True)
    _show_problems(reply.problems)


def _show_ingested(result: Ingested) -> None:
    for change in result.changes:
        old, new = change.old, change.new
        if new is None:
            typer.secho(f"  - {old.id} {old.text}" if old else "", fg="red")
        elif old is None:
            typer.secho(f"  + {new.id} {new.text}", fg="green")
        else:
            typer.secho(f"  ~ {new.id} {old.text} → {new.text}", fg="yellow")
    if not result.changes:
        typer.secho("  nothing new", dim=True)
    _show_problems(result.problems)


def _show_problems(problems: list[str]) -> None:
    for problem in problems:
        typer.secho(f"  unusable: {problem}", fg="yellow", err=True)
