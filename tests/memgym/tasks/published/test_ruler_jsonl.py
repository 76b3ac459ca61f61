"""RULER's own files: both layouts, and what is wrong with a file."""

from __future__ import annotations

import gzip
import json

import pytest

from memgym.errors import ConfigError, DataError
from memgym.tasks.published.ruler_jsonl import RulerJsonl

PROMPT = "Read the text.\nOne of the special magic numbers for red-fox is: 1234567.\nMore.\nQuestion: Which number?"


def write(tmp_path, *rows):
    path = tmp_path / "validation.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_the_frequent_words_file(data_dir):
    task = RulerJsonl(path=str(data_dir / "eval_fwe_16384.json.gz"))
    assert task.size("all") == 128
    episode = task.episode("all", 0)
    (question,) = episode.questions
    assert [section.id for section in episode.sections] == ["context"]
    assert question.text.startswith("Read the following coded text")
    assert question.match == "all"
    assert task.score(question, f"{question.answers[0]} and {question.answers[2].upper()}") == {"answer": 2 / 3}


def test_a_whole_prompt_is_parted_into_text_and_question(tmp_path):
    row = {
        "index": 4,
        "input": PROMPT + " Answer: It is",
        "outputs": ["1234567"],
        "length": 40,
        "answer_prefix": " Answer: It is",
    }
    episode = RulerJsonl(path=write(tmp_path, row)).episode("all", 0)
    assert episode.id == "4"
    assert episode.text() == PROMPT.rpartition("\n")[0]
    assert episode.questions[0].text == "Which number?"
    assert episode.questions[0].answers == ("1234567",)


def test_documents_become_sections(tmp_path):
    context = "Document 1:\nOne.\n\nTwo.\n\nDocument 2:\nThree."
    row = {"index": 0, "input": "Who?", "context": context, "outputs": ["Ann", "Anna"]}
    task = RulerJsonl(path=write(tmp_path, row), match="any")
    episode = task.episode("all", 0)
    assert [section.id for section in episode.sections] == ["doc1", "doc2"]
    assert episode.text() == context
    assert task.score(episode.questions[0], "Anna!") == {"answer": 1.0}
    assert task.score(episode.questions[0], "") == {"answer": 0.0}


def test_plain_and_packed_files_are_the_same(tmp_path):
    row = {"index": 0, "input": PROMPT, "outputs": ["1234567"]}
    plain = write(tmp_path, row)
    packed = tmp_path / "validation.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(row).encode()))
    first, second = RulerJsonl(path=plain), RulerJsonl(path=str(packed))
    assert first.episode("all", 0) == second.episode("all", 0)
    assert first.fingerprint() == second.fingerprint()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"input": PROMPT}, "row 1: the field 'outputs' is missing"),
        ({"input": PROMPT, "outputs": []}, "row 1: the field 'outputs' must hold"),
        ({"outputs": ["a"]}, "row 1: the field 'input' is missing"),
        ({"input": 5, "outputs": ["a"]}, "row 1: the field 'input' must be a string"),
        ({"input": "Which?", "outputs": ["a"]}, "row 1: the field 'input' is one line"),
        ({"input": "Which?", "outputs": ["a"], "context": None}, "row 1: the field 'context' must be a string"),
        ({"input": PROMPT, "outputs": ["a"], "answer_prefix": 1}, "row 1: the field 'answer_prefix'"),
    ],
)
def test_a_bad_row_is_explained_at_once(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        RulerJsonl(path=write(tmp_path, {"input": PROMPT, "outputs": ["1234567"]}, row))


def test_an_unknown_match_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="match"):
        RulerJsonl(path=write(tmp_path, {"input": PROMPT, "outputs": ["1"]}), match="some")
