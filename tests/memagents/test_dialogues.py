"""Sessions and the names by which a bank knows them again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from memagents.agents import load_agent
from memagents.chat import Conversation
from memagents.dialogues import read_sessions, session_digest, write_session
from memgym.bank import MemoryBank
from memgym.episodes import Session, Turn

SESSION = Session("s1", "2024-03-01", (Turn("s1:1", "Ana", "I moved to Lisbon."), Turn("s1:2", "Ben", "Nice!")))


def test_a_digest_tells_what_was_said_by_whom_and_when() -> None:
    first, second = SESSION.turns
    others = [
        replace(SESSION, time="2024-03-02"),
        replace(SESSION, turns=(first,)),
        replace(SESSION, turns=(second, first)),
        replace(SESSION, turns=(replace(first, text="I moved to Porto."), second)),
        replace(SESSION, turns=(replace(first, speaker="Ben"), second)),
        replace(SESSION, turns=(replace(first, speaker="Ana I", text="moved to Lisbon."), second)),
    ]
    assert len({session_digest(session) for session in (SESSION, *others)}) == 1 + len(others)


def test_a_digest_does_not_look_at_ids(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    write_session(SESSION, path)
    content = json.loads(path.read_text())
    for turn in content[0]["turns"]:
        del turn["id"]
    del content[0]["id"]
    path.write_text(json.dumps([{"turns": [{"speaker": "Ana", "text": "Hi."}]}, *content]))
    _, read = read_sessions(path)
    assert read.id == "2"
    assert session_digest(read) == session_digest(SESSION)


def test_a_conversation_ends_once(scripted) -> None:
    bank = MemoryBank("hash")
    agent = load_agent({"agent": "MemoryAgent"}, {"main": scripted()})  # keeps turns as they were said
    talk = Conversation(agent, bank, "2024-03-01T10:00", "Ana")
    talk.say("My cat is called Tom.")
    assert talk.end().changes
    version = bank.version
    assert talk.end().changes == []
    assert bank.version == version
