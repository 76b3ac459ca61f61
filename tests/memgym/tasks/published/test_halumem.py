"""On rows made to the schema of the published files (``HaluMem-Medium.jsonl``)."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.halumem import HaluMem


def session(time, said, *questions):
    dialogue = [
        {"role": "user", "content": said, "timestamp": time, "dialogue_turn": 0},
        {"role": "assistant", "content": "I see.", "timestamp": time, "dialogue_turn": 0},
    ]
    return {"start_time": time, "dialogue": dialogue, "memory_points": [], "questions": list(questions)}


HOME = {"question": "Where does Ann live?", "answer": "Oslo", "question_type": "Basic Fact Recall", "evidence": []}
MOVED = HOME | {"answer": "Rome", "question_type": "Dynamic Update"}
CAT = {"question": "What is the cat called?", "answer": "Unknown", "question_type": "Memory Boundary"}
ROW = {
    "uuid": "u1",
    "persona_info": "Ann",
    "sessions": [
        session("Dec 1, 2025", "I live in Oslo.", HOME),
        session("Dec 2, 2025", "2 + 2?"),
        session("Dec 3, 2025", "I moved to Rome.", MOVED, CAT),
    ],
}


def load(tmp_path, *rows):
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows or [ROW])))
    return HaluMem(path=str(tmp_path / "rows.jsonl"))


def test_questions_are_asked_right_behind_their_session(tmp_path):
    task = load(tmp_path)
    first, second = (task.episode("all", i) for i in range(task.size("all")))
    assert (first.id, second.id) == ("u1-0", "u1-2")
    assert [s.time for s in first.sessions] == ["Dec 1, 2025"]
    assert [s.id for s in second.sessions] == ["S1", "S2", "S3"]
    assert "Rome" not in first.text()
    assert [turn.id for turn in second.sessions[2].turns] == ["S3:1", "S3:2"]
    assert [q.id for q in second.questions] == ["u1-q2.0", "u1-q2.1"]
    assert [q.category for q in second.questions] == ["Dynamic Update", "Memory Boundary"]
    assert [q.answerable for q in second.questions] == [True, False]


def test_score(tmp_path):
    task = load(tmp_path)
    rome, cat = task.episode("all", 1).questions
    assert task.score(rome, "She lives in Rome now.")["answer"] == 1.0
    assert task.score(rome, "Oslo") == {"answer": 0.0, "f1": 0.0}
    assert task.score(cat, "That was not mentioned.")["answer"] == 1.0
    assert task.score(cat, "Tom")["answer"] == 0.0
    for question in (rome, cat):
        assert task.score(question, question.answers[0])["answer"] == 1.0
        assert task.score(question, "")["answer"] == 0.0


def test_splits_part_the_users(tmp_path):
    task = load(tmp_path, *[ROW | {"uuid": f"u{i}"} for i in range(20)])
    users = [{task.episode(split, i).id.split("-")[0] for i in range(task.size(split))} for split in task.splits[1:]]
    assert sum(map(len, users)) == len(set().union(*users)) == 20


def test_errata(tmp_path):
    load(tmp_path)
    (tmp_path / "errata.json").write_text(json.dumps([{"id": "u1-q2.0", "answers": ["Milan"]}]))
    task = HaluMem(path=str(tmp_path / "rows.jsonl"), errata=str(tmp_path / "errata.json"))
    assert task.errata.mended(task.episode("all", 1).questions[0]).answers == ("Milan",)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sessions": []}, "the field 'sessions' has no dialogue"),
        ({"sessions": [{"dialogue": [{"role": "user"}]}]}, "session 0: the field 'content' is missing"),
        ({"sessions": [session("t", "x", {"question": "?"})]}, "question 0: the field 'answer' is missing"),
        ({"sessions": [{}]}, "session 0: the field 'dialogue' is missing"),
        ({"sessions": [5]}, "session 0: expected an object"),
        ({"uuid": 5}, "'uuid' must be a string"),
    ],
)
def test_bad_rows(tmp_path, changes, told):
    with pytest.raises(DataError, match=rf"rows\.jsonl, row 0.*{told}"):
        load(tmp_path, ROW | changes)
