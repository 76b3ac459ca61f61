"""MemFactory's memory-bank rows."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.base import SPLITS
from memgym.tasks.published.memfactory import MemFactory

ROW = {
    "M": [{"id": "x", "key": "home", "value": "Ann lives in Lisbon.", "memory_type": "fact", "tags": ["home"]}],
    "f": [
        {"role": "Ann", "content": "I moved to Rome.", "dia_id": "D1:1", "timestamp": "2023-05-08"},
        {"role": "Bob", "content": "Nice!", "dia_id": "D1:2", "timestamp": "2023-05-08"},
    ],
    "q": "Where does Ann live?",
    "a": "Rome",
    "context_memory": [],
    "sample_id": "conv-26",
}
LONG = {"M": "memory", "f": "fact", "q": "query", "a": "answer"}


def load(tmp_path, row, lines=False):
    path = tmp_path / "training_data.json"
    path.write_text(json.dumps(row) + "\n" + json.dumps(row) if lines else json.dumps([row, row]))
    return MemFactory(path=str(path))


def test_both_names_and_both_formats_give_the_same_episode(tmp_path):
    long = {LONG.get(key, key): value for key, value in ROW.items()}
    episodes = [load(tmp_path, row, lines).episode("all", 1) for row in (ROW, long) for lines in (False, True)]
    assert episodes == [episodes[0]] * 4
    memory, dialogue = episodes[0].sessions
    assert [(turn.id, turn.speaker, turn.text) for turn in memory.turns] == [
        ("memory:0", "memory", "home: Ann lives in Lisbon.")
    ]
    assert (dialogue.time, dialogue.turns[0].speaker, dialogue.turns[0].text) == (
        "2023-05-08",
        "Ann",
        "I moved to Rome.",
    )
    (question,) = episodes[0].questions
    assert (question.text, question.answers) == ("Where does Ann live?", ("Rome",))


def test_an_empty_memory_is_no_session(tmp_path):
    assert [session.id for session in load(tmp_path, ROW | {"M": []}).episode("all", 0).sessions] == ["dialogue"]
    with pytest.raises(DataError, match="neither a memory nor a dialogue"):
        load(tmp_path, ROW | {"M": [], "f": []})


def test_numbers_as_answers_and_scores(tmp_path):
    task = load(tmp_path, ROW | {"a": 2022})
    (question,) = task.episode("all", 0).questions
    assert task.score(question, "2022.") == {"answer": 1.0, "f1": 1.0}
    assert task.score(question, "in 2022") == {"answer": 0.0, "f1": pytest.approx(2 / 3)}


def test_records_are_checked(tmp_path):
    with pytest.raises(DataError, match=r"training_data\.json, row 0, memory 0: the field 'value' is missing"):
        load(tmp_path, ROW | {"M": [{"key": "home"}]})


def test_rows_of_one_conversation_stay_in_one_split_in_any_order(tmp_path):
    """By its name where it has one, else by its text."""
    told = [ROW | {"f": [{"role": "Ann", "content": f"I moved {number} times."}]} for number in range(12)]
    named = [row | {"sample_id": f"conv-{number}"} for number, row in enumerate(told)]
    nameless = [{key: value for key, value in row.items() if key != "sample_id"} for row in told]
    for rows in (named, nameless):
        asked = [row | {"q": question} for row in rows for question in ("Where?", "When?", "Why?")]
        splits = []
        for number, order in enumerate((asked, asked[::-1])):
            path = tmp_path / f"{number}.json"
            path.write_text(json.dumps(order))
            task = MemFactory(path=str(path))
            episodes = [(split, task.episode(split, i)) for split in SPLITS for i in range(task.size(split))]
            splits.append({(split, episode.sessions[-1].turns[0].text) for split, episode in episodes})
        assert splits[0] == splits[1]
        assert len(splits[0]) == len(told)
