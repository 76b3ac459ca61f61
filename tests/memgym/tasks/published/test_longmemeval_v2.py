"""On rows made to the schema of the published files (``questions.jsonl``, ``trajectories.jsonl``, ``haystacks``)."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.longmemeval_v2 import LongMemEvalV2
from memgym.tasks.published.longmemeval_v2.score import lme_score

QUESTIONS = [
    {
        "id": "q1", "domain": "web", "question_type": "static-environment", "question": "Which tabs are there?",
        "answer": "Home, Sign-in", "eval_function": "norm_phrase_set_match", "image": None,
    },
    {
        "id": "q2", "domain": "web", "question_type": "procedure-abs", "question": "Where is the red button?",
        "answer": "There is no red button.", "eval_function": "llm_abstention_checker",
    },
]  # fmt: skip
STATE = {
    "url": "http://shop",
    "accessibility_tree": "button 'Home'",
    "thought": None,
    "action": None,
    "screenshot": "0.png",
}
TRAJECTORIES = [
    {"id": "t1", "domain": "web", "goal": "Buy tea.", "outcome": "success", "start_url": "http://shop",
     "states": [STATE | {"thought": "Go home.", "action": "click(1)"}, STATE]},
    {"id": "t2", "domain": "web", "goal": "Sign in.", "outcome": None, "start_url": "http://shop",
     "states": [{"url": "http://in", "text": "form", "thoughts": " ", "action": "type(2)", "screenshot": "0.png"}]},
]  # fmt: skip
HAYSTACK = {"q1": ["t2", "t1"], "q2": ["t1"]}


def write(folder, questions=QUESTIONS, trajectories=TRAJECTORIES, haystack=HAYSTACK):
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    (folder / "trajectories.jsonl").write_text("\n".join(map(json.dumps, trajectories)))
    (folder / "haystacks").mkdir(exist_ok=True)
    (folder / "haystacks" / "lme_v2_small.json").write_text(json.dumps(haystack))
    return LongMemEvalV2(path=str(folder / "questions.jsonl"))


def test_states_are_sessions_in_the_order_of_the_haystack(tmp_path):
    task = write(tmp_path)
    episode = task.episode("all", 0)
    assert [session.id for session in episode.sessions] == ["t2:0", "t2:1", "t1:0", "t1:1", "t1:2"]
    told = [(turn.id, turn.speaker, turn.text) for turn in episode.sessions[3].turns]
    assert told == [
        ("t1:1:page", "environment", "http://shop\nbutton 'Home'"),
        ("t1:1:action", "agent", "Go home.\nclick(1)"),
    ]
    assert [turn.text for turn in episode.sessions[1].turns] == ["http://in\nform", "type(2)"]
    assert [turn.id for turn in episode.sessions[4].turns] == ["t1:2:page"]
    assert [session.time for session in episode.sessions] == ["", "step 0", "", "step 0", "step 1"]
    assert episode.questions[0].category == "static-environment"
    assert len(task.episode("all", 1).sessions) == 3


def test_questions_with_a_picture_are_left_out(tmp_path):
    with pytest.warns(UserWarning, match="1 questions with a picture are left out"):
        task = write(tmp_path, [QUESTIONS[0] | {"id": "p", "image": "p.png"}, *QUESTIONS])
    assert [task.episode("all", i).id for i in range(task.size("all"))] == ["q1", "q2"]
    assert task.unusable == ("p",)
    with pytest.raises(DataError, match="every question has a picture"):
        write(tmp_path, [QUESTIONS[0] | {"image": "p.png"}])


@pytest.mark.parametrize(
    ("rule", "gold", "answer", "expected"),
    [
        ("norm_phrase_set_match", "Home, Sign-in", "sign in and home", 1.0),
        ("norm_phrase_set_match", "Home, Sign-in", "home", 0.0),
        ("norm_phrase_set_match", "Home, Sign-in", "homes; sign in", 0.0),
        ("norm_phrase_set_match|separators=;", "a, b; c", "c, a b", 1.0),
        ('norm_phrase_set_match|separators=[";"]', "a, b; c", "c, a b", 1.0),
        ("norm_phrase_set_match_ordered", "Home, Sign-in", "first Home, then Sign-in", 1.0),
        ("norm_phrase_set_match_ordered", "Home, Sign-in", "Sign-in, Home", 0.0),
        ("mc_choice_match", "B", "Option b.", 1.0),
        ("mc_choice_match", "B", "A or B", 0.0),
        ("mc_choice_set_match", "A,C", "c and a", 1.0),
        ("mc_choice_set_match", "A,C", "A, B, C", 0.0),
        ("llm_gotchas_checker", "save first", "save", 2 / 3),
        ("llm_abstention_checker", "UNKNOWN", "unknown", 0.0),
        ("norm_phrase_set_match", "x", "", 0.0),
    ],
)
def test_rules(rule, gold, answer, expected):
    assert lme_score(answer, gold, rule) == pytest.approx(expected)


def test_gold_answers_score_fully(tmp_path):
    task = write(tmp_path)
    for i in range(task.size("all")):
        (question,) = task.episode("all", i).questions
        assert task.score(question, question.answers[0]) == {"answer": 1.0, "f1": 1.0}
        assert task.score(question, "") == {"answer": 0.0, "f1": 0.0}


def test_all_three_files_are_in_the_fingerprint(tmp_path):
    prints = {write(tmp_path).fingerprint()}
    prints.add(write(tmp_path, haystack=HAYSTACK | {"q1": ["t1"]}).fingerprint())
    prints.add(write(tmp_path, trajectories=[*TRAJECTORIES, TRAJECTORIES[0] | {"id": "t3"}]).fingerprint())
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"questions": [QUESTIONS[0] | {"eval_function": "guess"}]}, "'eval_function' is 'guess': there is no rule"),
        ({"questions": [QUESTIONS[0] | {"eval_function": "mc_choice_match|x=1"}]}, "has an option 'x'"),
        ({"haystack": {}}, "the field 'q1' is missing"),
        ({"haystack": {"q1": []}}, "'q1' has no trajectory"),
        ({"haystack": {"q1": ["t9"]}}, r"trajectories\.jsonl has no trajectory 't9'"),
        ({"haystack": []}, "'haystack' must be an object, not a list"),
        ({"trajectories": [TRAJECTORIES[0] | {"states": [{"url": "u"}]}, TRAJECTORIES[1]]}, "'text' is missing"),
    ],
)
def test_bad_files(tmp_path, changes, told):
    with pytest.raises(DataError, match=told):
        write(tmp_path, **changes).episode("all", 0)
