"""On rows made to the schema of the published file (``open_end_qa_set.jsonl``)."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.ama_bench import AmaBench

ROW = {
    "episode_id": 7,
    "task": "Push the word blocks.",
    "task_type": "babaisai",
    "domain": "Game",
    "success": False,
    "num_turns": 2,
    "trajectory": [
        {"turn_idx": 0, "action": "left", "observation": "A wall."},
        {"turn_idx": 1, "action": "up", "observation": ""},
    ],
    "qa_pairs": [
        {"question": "What was seen at step 0?", "answer": "A grey wall", "type": "A", "question_uuid": "u"},
        {"question": "Which?", "answer": "(A)(C)", "type": "C"},
        {"question": "Why?", "answer": "It was blocked.", "type": None},
    ],
}


def load(tmp_path, **changes):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW | changes))
    return AmaBench(path=str(tmp_path / "rows.jsonl"))


def test_steps_are_sessions_behind_the_task(tmp_path):
    episode = load(tmp_path).episode("all", 0)
    told = [[(turn.id, turn.speaker, turn.text) for turn in session.turns] for session in episode.sessions]
    assert told == [
        [("task", "task", "Push the word blocks.")],
        [("0:action", "agent", "left"), ("0:observation", "environment", "A wall.")],
        [("1:action", "agent", "up")],
    ]
    assert [session.time for session in episode.sessions] == ["", "step 0", "step 1"]
    assert [q.category for q in episode.questions] == ["recall", "state updating", ""]
    assert [q.id for q in episode.questions] == ["7-q0", "7-q1", "7-q2"]


@pytest.mark.parametrize(
    ("number", "answer", "expected"),
    [
        (0, "A grey wall", 1.0),
        (0, "a wall", 2 * 1 / (1 + 2)),
        (0, "", 0.0),
        (1, "(A)(C)", 1.0),
        (1, "I think (c) and (a).", 1.0),
        (1, "(A)", 0.0),
        (1, "(A)(B)(C)(D)", 0.0),
        (1, "A and C", 0.0),
    ],
)
def test_score(tmp_path, number, answer, expected):
    task = load(tmp_path)
    assert task.score(task.episode("all", 0).questions[number], answer)["answer"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"qa_pairs": []}, "'qa_pairs' is empty"),
        ({"trajectory": [{"action": "x"}]}, "step 0: the field 'turn_idx' is missing"),
        ({"trajectory": [{"turn_idx": 0, "action": 5}]}, "step 0: the field 'action' must be a string"),
        ({"trajectory": ROW["trajectory"][:1] * 2}, "a 'turn_idx' stands twice"),
        ({"qa_pairs": [{"answer": "x"}]}, "qa 0: the field 'question' is missing"),
        ({"task": None}, "'task' must be a string, not null"),
    ],
)
def test_bad_rows(tmp_path, changes, told):
    with pytest.raises(DataError, match=rf"rows\.jsonl, row 0.*{told}"):
        load(tmp_path, **changes)
