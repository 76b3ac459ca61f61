"""LoCoMo: the traps of the published file, splits, facts and the official score."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter

import pytest

from memgym.errors import ConfigError, DataError, MissingExtraError
from memgym.tasks.published.locomo import CATEGORIES, LoCoMo
from memgym.tasks.published.locomo import score as locomo_scoring

pytest.importorskip("nltk")
MEMORY_R1 = ["multi-hop", "temporal", "open-domain", "single-hop"]


@pytest.fixture(scope="module")
def task(data_dir):
    return LoCoMo(path=str(data_dir / "locomo4.json.gz"))


def test_conversations_sessions_and_turns(task):
    assert [task.episode("all", i).id for i in range(task.size("all"))] == ["conv-26", "conv-30", "conv-41", "conv-44"]
    for i, row in enumerate(task.rows):
        episode, conversation = task.episode("all", i), row["conversation"]
        assert len(episode.questions) == len(row["qa"])
        for session in episode.sessions:
            number = session.id[1:]
            assert session.time == conversation[f"session_{number}_date_time"]
            turns = conversation[f"session_{number}"]
            assert [turn.id for turn in session.turns] == [turn["dia_id"] for turn in turns]
            assert [turn.speaker for turn in session.turns] == [turn["speaker"] for turn in turns]
            for turn, source in zip(session.turns, turns, strict=True):
                assert turn.text.startswith(source["text"])
                assert ("blip_caption" in source) == turn.text.endswith("]")
                assert source.get("blip_caption", "") in turn.text
        assert [int(session.id[1:]) for session in episode.sessions] == list(range(1, len(episode.sessions) + 1))


def test_session_times_without_a_session_are_ignored(task):
    conversation = task.rows[0]["conversation"]
    assert "session_35_date_time" in conversation
    assert "session_35" not in conversation
    assert len(task.episode("all", 0).sessions) == 19


def test_evidence_is_mended_and_names_turns(task):
    malformed = 0
    for i, row in enumerate(task.rows):
        episode = task.episode("all", i)
        turns = {turn.id for session in episode.sessions for turn in session.turns}
        for question, qa in zip(episode.questions, row["qa"], strict=True):
            named = re.findall(r"D\d+:\d+", " ".join(qa["evidence"]))
            assert question.evidence == tuple(dict.fromkeys(named))
            assert turns.issuperset(question.evidence)
            malformed += len(named) > len(qa["evidence"])
    assert malformed == 1


def test_answers_are_text_whatever_they_were(task):
    numbers = 0
    for i, row in enumerate(task.rows):
        for question, qa in zip(task.episode("all", i).questions, row["qa"], strict=True):
            assert question.category == CATEGORIES[qa["category"]]
            assert all(isinstance(answer, str) for answer in question.answers)
            if qa["category"] == 5:  # some have an 'answer' beside 'adversarial_answer'; both are not what is asked for
                assert not question.answerable
                assert qa["adversarial_answer"] not in question.answers
            else:
                assert question.answerable
                assert str(qa["answer"]) in question.answers
                numbers += isinstance(qa["answer"], int)
    assert numbers == 6


def test_gold_answers_score_fully_and_nothing_scores_nothing(task):
    for i in range(task.size("all")):
        for question in task.episode("all", i).questions:
            assert task.score(question, question.answers[0])["answer"] == pytest.approx(1.0), question
            assert task.score(question, "") == {"answer": 0.0, "bleu1": 0.0}


def test_splits_are_memory_r1s(data_dir):
    path = str(data_dir / "locomo4.json.gz")
    task = LoCoMo(path=path)
    assert [task.episode(s, 0).id for s in ("train", "validation", "test")] == ["conv-26", "conv-30", "conv-41"]
    single = LoCoMo(path=path, categories=MEMORY_R1, questions="single")
    assert (single.size("train"), single.size("validation")) == (152, 81)  # arXiv 2508.19828
    assert single.size("all") == 152 + 81 + single.size("test")


def test_single_questions_are_those_of_the_conversation(data_dir, task):
    single = LoCoMo(path=str(data_dir / "locomo4.json.gz"), questions="single")
    whole = task.episode("train", 0)
    assert single.size("train") == len(whole.questions)
    for i in (0, 77, 198):
        episode = single.episode("train", i)
        assert episode.questions == (whole.questions[i],)
        assert (episode.sessions, episode.facts) == (whole.sessions, whole.facts)
        assert episode.id == whole.questions[i].id


def test_categories(data_dir):
    task = LoCoMo(path=str(data_dir / "locomo4.json.gz"), categories=["temporal", "adversarial"])
    asked = Counter(question.category for question in task.episode("all", 0).questions)
    assert asked == {"temporal": 37, "adversarial": 47}
    for bad, message in [(["tempral"], "temporal"), ([], "must be a list"), ("temporal", "must be a list")]:
        with pytest.raises(ConfigError, match=message):
            LoCoMo(path=str(data_dir / "locomo4.json.gz"), categories=bad)
    # conv-30 has no open-domain question: no episode of it then
    task = LoCoMo(path=str(data_dir / "locomo4.json.gz"), categories=["open-domain"])
    assert [task.episode("all", i).id for i in range(task.size("all"))] == ["conv-26", "conv-41", "conv-44"]


def test_observations_are_facts_with_their_turn(task):
    for i, row in enumerate(task.rows):
        episode = task.episode("all", i)
        turns = [turn.id for session in episode.sessions for turn in session.turns]
        notes = [note for session in row["observation"].values() for notes in session.values() for note in notes]
        assert len(episode.facts) == len(notes)  # also those whose source is a list or "D26:14, D26:34"
        assert all(fact.source in turns and fact.subject and fact.value for fact in episode.facts)
        sessions = [int(fact.source[1:].split(":")[0]) for fact in episode.facts]
        assert sessions == sorted(sessions)


def test_nltk_is_asked_for_at_construction(data_dir, monkeypatch):
    locomo_scoring.stemmer.cache_clear()
    monkeypatch.setitem(sys.modules, "nltk.stem.porter", None)
    with pytest.raises(MissingExtraError, match=r"\[data\]"):
        LoCoMo(path=str(data_dir / "locomo4.json.gz"))


def test_odd_rows(tmp_path):
    row = {
        "sample_id": "conv-1",
        "conversation": {
            "session_1": [{"speaker": "Ann", "dia_id": "D1:1", "text": "", "blip_caption": "a cat"}],
            "session_1_date_time": "1 May",
            "session_2": [],
            "session_10": [{"speaker": "Ann", "dia_id": "D10:1", "text": "Bye."}],
            "session_10_date_time": "2 May",
        },
        "qa": [{"question": "Who?", "answer": "Ann; for sure", "evidence": ["D9:1 D1:1", "D7:7", "D"], "category": 3}],
    }
    path = tmp_path / "locomo.json"

    def load(**changes):
        path.write_text(json.dumps([row | changes]))
        return LoCoMo(path=str(path)).episode("all", 0)

    episode = load()
    assert [(session.id, session.turns[0].text) for session in episode.sessions] == [
        ("D1", "[shares a photo: a cat]"),
        ("D10", "Bye."),
    ]
    assert episode.questions[0].evidence == ("D1:1",)  # the others name no turn
    assert episode.questions[0].answers == ("Ann", "Ann; for sure")
    assert episode.facts == ()
    with pytest.raises(DataError, match=r"locomo\.json, row 0, qa 0: the field 'category' must be 1 to 5, not 6"):
        load(qa=[row["qa"][0] | {"category": 6}])
    with pytest.raises(DataError, match=r"row 0: the field 'conversation' has no session_1"):
        load(conversation={"speaker_a": "Ann"})
    with pytest.raises(DataError, match=r"'session_1' must be a list"):
        load(conversation={"session_1": "text"})
    with pytest.raises(ConfigError, match="no question of the categories"):
        load(qa=[])
