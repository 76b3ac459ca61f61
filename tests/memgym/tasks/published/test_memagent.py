"""MemAgent's evaluation files and training parquet."""

from __future__ import annotations

import json

import pytest

from memgym.episodes import Question
from memgym.errors import DataError
from memgym.tasks.published.memagent import MemAgent, split_documents


@pytest.mark.parametrize(("file", "documents"), [("eval_50.json.gz", 50), ("eval_100.json.gz", 100)])
def test_published_qa_files(data_dir, file, documents):
    task = MemAgent(path=str(data_dir / file))
    assert task.size("all") == 128
    for i in range(128):
        row, episode = task.rows[i], task.episode("all", i)
        assert episode.text() == row["context"]
        assert [section.id for section in episode.sections] == [f"doc{n}" for n in range(1, documents + 1)]
        (question,) = episode.questions
        assert (question.text, list(question.answers), question.match) == (row["input"], row["answers"], "any")
        assert episode.id == str(row["index"])
        assert question.evidence == ()


def test_same_questions_of_both_files_are_in_the_same_split(data_dir):
    short, long = (MemAgent(path=str(data_dir / f"eval_{n}.json.gz")) for n in (50, 100))
    for split in ("train", "validation", "test"):
        ids = [[task.episode(split, i).id for i in range(task.size(split))] for task in (short, long)]
        assert ids[0] == ids[1] != []


def test_published_frequent_words_file(data_dir):
    task = MemAgent(path=str(data_dir / "eval_fwe_16384.json.gz"))
    assert task.size("all") == 128
    for i in range(128):
        row, episode = task.rows[i], task.episode("all", i)
        assert [(section.id, section.text) for section in episode.sections] == [("context", row["context"])]
        (question,) = episode.questions
        assert (list(question.answers), question.match) == (row["outputs"], "all")
        assert task.score(question, "They are " + ", ".join(row["outputs"]).upper())["answer"] == 1.0
        assert task.score(question, row["outputs"][1])["answer"] == pytest.approx(1 / 3)


def test_training_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [
        {
            "data_source": "hotpotqa",
            "prompt": [{"role": "user", "content": f"Q{i}?"}],
            "context": "Document 1:\nA\nOne.\n\nDocument 2:\nB\nTwo.",
            "reward_model": {"ground_truth": ["Ada", "Ada L."], "style": "rule"},
            "extra_info": {"index": 10 + i, "question": f"Q{i}?", "num_docs": 2},
        }
        for i in range(5)
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    task = MemAgent(path=str(tmp_path / "train.parquet"))
    episode = task.episode("all", 3)
    assert (episode.id, len(episode.sections)) == ("13", 2)
    assert episode.questions[0] == Question(id="13", text="Q3?", answers=("Ada", "Ada L."))


def test_scores():
    task = MemAgent.__new__(MemAgent)  # the scorer needs no file
    question = Question("q", "Who?", ("Ada Lovelace", "Lady Lovelace"))
    assert task.score(question, "It was the Ada Lovelace.") == {"answer": 1.0, "em": 0.0, "f1": pytest.approx(2 / 3)}
    assert task.score(question, "lady lovelace")["em"] == 1.0
    assert task.score(question, "Lovelace")["answer"] == 0.0
    assert task.score(question, "") == {"answer": 0.0, "em": 0.0, "f1": 0.0}  # MemAgent's symmetric rule gives it 1
    words = Question("q", "Which?", ("aaa", "bbb"), match="all")
    assert task.score(words, "AAA bbb") == {"answer": 1.0, "em": 1.0, "f1": 1.0}
    assert task.score(words, "") == {"answer": 0.0, "em": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("context", "parts"),
    [
        ("Document 1:\nA\n\nstill A\n\nDocument 2:\nB", 2),
        ("Document 1:\nonly", 1),
        ("no headers at all", 1),
        ("", 1),
        ("preface\n\nDocument 1:\nA", 1),
        ("Document 1:\nquotes\n\nDocument 7:\nof another text\n\nDocument 2:\nB", 1),
        ("Document 0:\nA\n\nDocument 1:\nB", 1),
    ],
)
def test_split_documents(context, parts):
    sections = split_documents(context)
    assert "\n\n".join(section.text for section in sections) == context
    assert len(sections) == parts
    assert sections[0].id == ("doc1" if context.startswith("Document 1") and "7" not in context else "context")


def test_rows_without_gold_answers_are_named(tmp_path):
    path = tmp_path / "eval.json"
    good = {"context": "A", "input": "Who?", "answers": ["Ada"]}
    for bad, message in [
        ({"context": "A", "input": "Who?"}, "neither the field 'answers' nor the field 'outputs'"),
        (good | {"answers": []}, "'answers' must hold at least one text"),
        (good | {"answers": [None]}, "'answers' must hold at least one text"),
        (good | {"context": ["A"]}, "'context' must be a string, not a list"),
    ]:
        path.write_text(json.dumps([good, bad]))
        with pytest.raises(DataError, match=rf"eval\.json, row 1.*{message}"):
            MemAgent(path=str(path))
