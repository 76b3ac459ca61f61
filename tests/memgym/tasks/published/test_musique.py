"""MuSiQue: unified and official schema."""

from __future__ import annotations

import json

import pytest

from memgym.tasks.published.musique import MuSiQue


def test_published_rows(data_dir):
    task = MuSiQue(path=str(data_dir / "musique_train_small.jsonl.gz"))
    assert task.size("all") == 100
    repeated = 0
    for i in range(100):
        row, episode = task.rows[i], task.episode("all", i)
        assert len(episode.sections) == 20
        (question,) = episode.questions
        # evidence is by position: titles repeat, and a title may support by one of its paragraphs only
        assert question.evidence == tuple(f"doc{n + 1}" for n in sorted(row["supporting_idx"]))
        assert question.answers == tuple(row["answers"])
        assert question.category == row["type"]
        titles = [p["title"] for p in row["paragraphs"]]
        repeated += any(titles.count(title) > 1 for title in row["supporting_titles"])
    assert repeated > 0


def test_padding(data_dir):
    task = MuSiQue(path=str(data_dir / "musique_train_small.jsonl.gz"), documents=40)
    for i in range(0, 100, 10):
        episode = task.episode("all", i)
        texts = {section.id: section.text.partition("\n")[2] for section in episode.sections}
        row = task.rows[i]
        supporting = [row["paragraphs"][n] for n in row["supporting_idx"]]
        found = {texts[e] for e in episode.questions[0].evidence}
        assert (len(texts), found) == (40, {f"{p['title']}\n{p['text']}" for p in supporting})


@pytest.fixture
def task(tmp_path):
    row = {
        "id": "3hop1__1_2_3",
        "question": "Who?",
        "answer": "James K. Polk",
        "answer_aliases": ["Polk"],
        "answerable": True,
        "paragraphs": [
            {"idx": 0, "title": "A", "paragraph_text": "One.", "is_supporting": False},
            {"idx": 1, "title": "A", "paragraph_text": "Two.", "is_supporting": True},
        ],
        "question_decomposition": [],
    }
    (tmp_path / "musique.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"answerable": False}) + "\n")
    return MuSiQue(path=str(tmp_path / "musique.jsonl"))


def test_official_schema(task):
    episode = task.episode("all", 0)
    assert [section.text for section in episode.sections] == ["Document 1:\nA\nOne.", "Document 2:\nA\nTwo."]
    (question,) = episode.questions
    assert (question.answers, question.evidence, question.category) == (("James K. Polk", "Polk"), ("doc2",), "3hop1")
    assert task.score(question, "polk") == {"answer": 1.0, "f1": 1.0, "sub_em": 1.0}


def test_unanswerable_questions_ask_for_abstention(task):
    (question,) = task.episode("all", 1).questions
    assert not question.answerable
    assert task.score(question, "The text does not mention it.") == {"answer": 1.0, "f1": 1.0, "sub_em": 1.0}
    assert task.score(question, "Polk") == {"answer": 0.0, "f1": 0.0, "sub_em": 0.0}
