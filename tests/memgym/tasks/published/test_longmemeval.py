"""LongMemEval: order, evidence, abstention, the judge-free score."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.longmemeval import TYPES, LongMemEval, variants


@pytest.fixture(scope="module")
def task(data_dir):
    return LongMemEval(path=str(data_dir / "longmemeval_small.jsonl.gz"))


def test_published_rows(task):
    assert task.size("all") == 12
    for i, row in enumerate(task.rows):
        episode = task.episode("all", i)
        (question,) = episode.questions
        assert len(episode.sessions) == len(row["haystack_sessions"])
        times = [session.time for session in episode.sessions]
        assert times == sorted(row["haystack_dates"])
        content = {turn.id: turn.text for session in episode.sessions for turn in session.turns}
        assert len(content) == sum(map(len, row["haystack_sessions"]))
        marked = {t["content"] for session in row["haystack_sessions"] for t in session if t.get("has_answer")}
        assert {content[e] for e in question.evidence} == marked
        assert question.category == row["question_type"] in TYPES
        assert question.time == (row["question_date"] or "")
        assert question.answers[0] == str(row["answer"])
        assert question.answerable is not row["abstention"]
        assert bool(question.evidence) == question.answerable
        assert {turn.speaker for session in episode.sessions for turn in session.turns} <= {"user", "assistant"}


def test_oracle_rows_are_put_in_order_of_time(task):
    row, episode = task.rows[0], task.episode("all", 0)
    assert row["haystack_dates"] != sorted(row["haystack_dates"])
    assert episode.sessions[0].turns[0].text == row["haystack_sessions"][1][0]["content"]


def test_gold_answers_score_fully_and_nothing_scores_nothing(task):
    for i in range(task.size("all")):
        (question,) = task.episode("all", i).questions
        assert task.score(question, question.answers[0]) == {"answer": 1.0, "f1": 1.0}
        assert task.score(question, "") == {"answer": 0.0, "f1": 0.0}


def by_id(task, question_id):
    episodes = (task.episode("all", i) for i in range(task.size("all")))
    return next(episode.questions[0] for episode in episodes if episode.id == question_id)


@pytest.mark.parametrize(
    ("question_id", "answer", "expected"),
    [
        ("gpt4_2c50253f", "You wake up at 6:45 AM on these days.", 1.0),
        ("gpt4_74aed68e", "It took 30 days.", 1.0),
        ("gpt4_74aed68e", "It took 31 days.", 0.0),
        ("6a1eabeb", "Your best time is 25:50.", 1.0),
        ("bf659f65", "There are 3 of them.", 1.0),
        ("bf659f65", "There are 13 of them.", 0.0),  # whole words only
        ("bf659f65", "You did not mention that.", 0.0),
        ("0862e8bf_abs", "I don't have any information about a hamster.", 1.0),
        ("0862e8bf_abs", "Your hamster is called Luna.", 0.0),
    ],
)
def test_score(task, question_id, answer, expected):
    assert task.score(by_id(task, question_id), answer)["answer"] == expected


def test_preferences_are_scored_by_overlap_with_the_rubric(task):
    question = by_id(task, "0edc2aef")
    scores = task.score(question, "A hotel in Miami with a rooftop pool and ocean views")
    assert 0 < scores["answer"] == scores["f1"] < 1


def test_variants():
    assert variants("7 days. 8 days (including the last day) is also acceptable.") == (
        "7 days. 8 days (including the last day) is also acceptable.",
        "7 days",
        "8 days",
    )
    assert variants("25 minutes and 50 seconds (or 25:50)")[1:] == ("25 minutes and 50 seconds", "25:50")
    for plain in ("Nu, pogodi!", "The user would prefer A. They may not prefer B.", "9 (nine)"):
        assert variants(plain) == (plain,)


ROW = {
    "question_id": "q1",
    "question_type": "multi-session",
    "question": "How many?",
    "answer": 3,
    "question_date": "2023/05/30 (Tue) 10:45",
    "haystack_session_ids": ["a", "b", "c"],
    "answer_session_ids": ["a"],
    "haystack_dates": ["2023/05/29 (Mon) 10:45", "2023/05/28 (Sun) 10:45", "2023/05/28 (Sun) 10:45"],
    "haystack_sessions": [
        [{"role": "user", "content": "Three.", "has_answer": True}, {"role": "assistant", "content": "Fine."}],
        [],
        [{"role": "user", "content": "Earlier.", "has_answer": False}],
    ],
}


def load(tmp_path, **changes):
    (tmp_path / "longmemeval.json").write_text(json.dumps([ROW | changes]))
    return LongMemEval(path=str(tmp_path / "longmemeval.json")).episode("all", 0)


def test_official_file(tmp_path):
    episode = load(tmp_path)
    assert [session.id for session in episode.sessions] == ["S1", "S2"]  # a session without turns is none
    assert episode.sessions[0].turns[0].text == "Earlier."
    assert episode.questions[0].evidence == ("S2:1",)


def test_abstention_has_no_evidence_even_if_a_near_miss_is_marked(tmp_path):
    (question,) = load(tmp_path, question_id="q1_abs").questions
    assert (question.answerable, question.evidence) == (False, ())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"haystack_dates": []}, "one date for each of 'haystack_sessions'"),
        ({"question_type": "single"}, "'question_type' must be one of single-session-user"),
        ({"haystack_sessions": [[{"role": "user"}], [], []]}, "session 0, turn 0: the field 'content' is missing"),
        ({"answer": None}, "'answer' must be a string or an int or a number or a list, not null"),
    ],
)
def test_bad_rows(tmp_path, changes, message):
    with pytest.raises(DataError, match=rf"longmemeval\.json, row 0.*{message}"):
        load(tmp_path, **changes)


def test_rows_without_sessions_are_named_and_left_out(tmp_path):
    rows = [ROW, ROW | {"question_id": "q2", "haystack_sessions": [[], [], []]}, ROW | {"question_id": "q3"}]
    (tmp_path / "longmemeval.json").write_text(json.dumps(rows))
    with pytest.warns(UserWarning, match=r"longmemeval\.json: rows without sessions are left out: q2"):
        task = LongMemEval(path=str(tmp_path / "longmemeval.json"))
    assert [task.episode("all", i).id for i in range(task.size("all"))] == ["q1", "q3"]
    assert task.unusable == ("q2",)
    (tmp_path / "longmemeval.json").write_text(json.dumps(rows[1:2]))
    with pytest.raises(DataError, match="no row has sessions in the field 'haystack_sessions'"):
        LongMemEval(path=str(tmp_path / "longmemeval.json"))
