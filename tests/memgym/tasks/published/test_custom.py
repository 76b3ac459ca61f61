"""The schema for data of one's own."""

from __future__ import annotations

import inspect
import json
import textwrap

import gymnasium as gym
import pytest

import memgym  # noqa: F401 - registers the ids
from memgym.episodes import Fact, Question, Section, Turn
from memgym.errors import ConfigError, DataError
from memgym.tasks.published.custom import Custom

BASE = {"sections": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}], "questions": ["?"], "answers": ["x"]}
FACT = {"subject": "s", "relation": "r", "value": "v", "source": "a"}


def load(tmp_path, row):
    (tmp_path / "own.json").write_text(json.dumps([row]))
    return Custom(path=str(tmp_path / "own.json"))


def documented_example():
    """The JSON in the class's documentation."""
    text = inspect.getdoc(Custom)
    start = text.index("    {\n")
    return json.loads(textwrap.dedent(text[start : text.index("\n    }\n", start) + 6]))


def test_the_documented_example(tmp_path):
    task = load(tmp_path, documented_example())
    episode = task.episode("all", 0)
    assert episode.id == "ana"
    assert (episode.sessions[0].id, episode.sessions[0].time) == ("s1", "2024-03-01")
    assert episode.sessions[0].turns[0] == Turn("s1:1", "Ana", "I moved to Lisbon last week.")
    known, unknown = episode.questions
    assert known == Question(
        "ana-q0", "Where does Ana live?", ("Lisbon", "Lisboa"), evidence=("s1:1",), category="fact"
    )
    assert (unknown.answerable, unknown.category) == (False, "unknown")
    assert episode.facts == (Fact("Ana", "home city", "Lisbon", "s1:1"),)
    assert task.score(known, "Lisboa") == {"answer": 1.0, "f1": 1.0}
    assert task.score(unknown, "That is not mentioned.") == {"answer": 1.0, "f1": 1.0}
    assert task.score(unknown, "Ben") == {"answer": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("metric", "gold", "right", "wrong"),
    [
        ("exact_match", "C++", "c++.", "C#"),
        ("exact_match", "-5", "−5", "5"),
        ("exact_match", "3.5", "3.5", "35"),
        ("exact_match", "A", "a", "the"),
        ("exact_match", "里斯本", "里斯本。", "里斯"),
        ("squad", "C++", "C#", "D"),
        ("squad", "the tower", "Tower!", "“tower”"),
        ("hotpotqa", "3.5", "35", "3"),
    ],
)
def test_the_metric_says_what_is_right(tmp_path, metric, gold, right, wrong):
    (tmp_path / "own.json").write_text(json.dumps([BASE | {"answers": [gold]}]))
    task = Custom(path=str(tmp_path / "own.json"), metric=metric)
    (question,) = task.episode("all", 0).questions
    assert task.score(question, right)["answer"] == 1.0
    assert task.score(question, wrong)["answer"] == 0.0


def test_f1_by_the_metric(tmp_path):
    (tmp_path / "own.json").write_text(json.dumps([BASE | {"answers": ["yes"]}]))
    path = str(tmp_path / "own.json")
    scores = {}
    for metric in ("exact_match", "squad", "hotpotqa"):
        task = Custom(path=path, metric=metric)
        scores[metric] = task.score(task.episode("all", 0).questions[0], "yes it is")["f1"]
    assert scores == {"exact_match": 0.0, "squad": 0.5, "hotpotqa": 0.0}
    with pytest.raises(ConfigError, match="metric"):
        Custom(path=path, metric="bleu")


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ("安娜搬到了里斯本。", "里斯本"),
        ("アンナはリスボンに住む。", "リスボン"),
        ("อันนาย้ายไปลิสบอน", "ลิสบอน"),
        ("She moved to “Lisbon”.", "Lisbon"),
        ("He is Patrick O’Brien.", "O'Brien"),
        ("Anna moved to Lisbon.", "Lisbon"),
    ],
)
def test_every_script_earns_the_same(tmp_path, told, answer):
    row = {"sections": [told], "questions": ["?"], "answers": [answer]}
    (tmp_path / "own.json").write_text(json.dumps([row]))
    env = gym.make("memgym/Longcontext-v1", task="custom", path=str(tmp_path / "own.json"), phases=("read",))
    env.reset()
    _, _, done, _, info = env.step(told)
    assert done
    assert info["rewards"]["memory_recall"] == info["rewards"]["memory_precision"] == info["rewards"]["answer"] == 1.0


def test_left_out_ids(tmp_path):
    sections = load(tmp_path, {"sections": ["A", {"text": "B"}], "questions": ["?"], "answers": [5]}).episode("all", 0)
    assert sections.sections == (Section("1", "A"), Section("2", "B"))
    assert (sections.id, sections.questions[0].answers) == ("0", ("5",))
    turn = {"speaker": "Ann", "text": "Hi."}
    row = {"sessions": [{"turns": [turn]}, {"turns": [turn, turn]}], "questions": ["?"], "answers": ["x"]}
    row |= {"evidence": [["2:2"]], "times": ["June"]}
    episode = load(tmp_path, row).episode("all", 0)
    assert [turn.id for session in episode.sessions for turn in session.turns] == ["1:1", "2:1", "2:2"]
    assert (episode.questions[0].evidence, episode.questions[0].time) == (("2:2",), "June")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sections": []}, "there must be either 'sections' or 'sessions'"),
        ({"sessions": [{"turns": [{"speaker": "s", "text": "t"}]}]}, "there must be either 'sections' or 'sessions'"),
        ({"sections": [{"id": "a", "text": "A"}, {"id": "a", "text": "B"}]}, "the id 'a' is given twice"),
        ({"sections": [{"id": "a"}]}, "section 1: the field 'text' is missing"),
        ({"questions": []}, "'questions' is empty"),
        ({"questions": [7]}, "question 0: the field 'questions' must be a string"),
        ({"answers": []}, "'answers' has 0 elements for 1 questions"),
        ({"answers": [[]]}, "question 0: the field 'answers' must hold at least one text"),
        ({"evidence": [["c"]]}, "question 0: the evidence 'c' is no id of a turn or section"),
        ({"evidence": [[], []]}, "'evidence' has 2 elements for 1 questions"),
        ({"facts": [FACT | {"source": "c"}]}, "fact 0: 'c' is no id of a turn or section"),
        ({"facts": [FACT | {"until": "c"}]}, "fact 0: 'c' is no id of a turn or section"),
        ({"facts": [{"subject": "s"}]}, "fact 0: the field 'relation' is missing"),
    ],
)
def test_bad_rows(tmp_path, changes, message):
    with pytest.raises(DataError, match=rf"own\.json, row 0.*{message}"):
        load(tmp_path, BASE | changes)


def test_facts_that_end(tmp_path):
    episode = load(tmp_path, BASE | {"facts": [FACT | {"until": "b"}]}).episode("all", 0)
    assert episode.facts == (Fact("s", "r", "v", "a", until="b"),)
