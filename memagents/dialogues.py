"""Files of dialogue: what was said in past sessions, to be ingested."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from memgym.data.fields import require
from memgym.data.files import read_rows
from memgym.episodes import Session, Turn
from memgym.errors import DataError


def read_sessions(path: str | Path) -> list[Session]:
    """Read the sessions of a file, in order.

    The file is a JSON array or JSON lines (plain or ``.gz``) of sessions ``{"id"?, "time"?, "turns": [{"speaker",
    "text", "id"?}]}``, or of rows with a list ``sessions`` of them, as memgym's task ``custom`` has. Ids left out are
    numbers: session 2, turn ``2:3``.

    Raises:
        DataError: the file is missing or damaged, or a row is no session; the message names the row.
    """
    rows = read_rows(path)
    sessions: list[Session] = []
    for number, row in enumerate(rows):
        where = rows.where(number)
        for part in require(row, "sessions", list, where) if "sessions" in row else [row]:
            sessions.append(_session(part, len(sessions) + 1, where))
    return sessions


def write_session(session: Session, path: str | Path) -> None:
    """Write a session to a file that :func:`read_sessions` reads."""
    turns = [{"id": turn.id, "speaker": turn.speaker, "text": turn.text} for turn in session.turns]
    content = [{"id": session.id, "time": session.time, "turns": turns}]
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def session_digest(session: Session) -> str:
    """Return a name for what was said, by whom and when, by which a bank knows a session again.

    Ids are left out: without any of its own, a session is called by its place in a file.
    """
    said = [session.time, [[turn.speaker, turn.text] for turn in session.turns]]
    return f"session {hashlib.sha256(json.dumps(said).encode()).hexdigest()}"


def _session(part: Any, number: int, where: str) -> Session:
    where = f"{where}, session {number}"
    identity = str(part.get("id") or number) if isinstance(part, dict) else ""
    turns = []
    for position, turn in enumerate(require(part, "turns", list, where), 1):
        at = f"{where}, turn {position}"
        speaker, text = require(turn, "speaker", str, at), require(turn, "text", str, at)
        turns.append(Turn(str(turn.get("id") or f"{identity}:{position}"), speaker, text))
    if not turns:
        raise DataError(f"{where}: the field 'turns' is empty")
    if len({turn.id for turn in turns}) < len(turns):
        raise DataError(f"{where}: two turns have the same id")
    return Session(identity, str(part.get("time") or ""), tuple(turns))
