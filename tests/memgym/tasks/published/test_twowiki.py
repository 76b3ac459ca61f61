"""2WikiMultihopQA: official file and the hub's packed form."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.twowiki import TwoWiki

ROW = {
    "_id": "w1",
    "question": "Who was born first?",
    "answer": "Ada",
    "context": [["Ada", ["Ada was born in 1815.", "She wrote."]], ["Bob", ["Bob was born in 1900."]]],
    "supporting_facts": [["Ada", 0], ["Bob", 0]],
    "evidences": [["Ada", "date of birth", "1815"]],
    "type": "comparison",
}


def load(tmp_path, row):
    (tmp_path / "dev.json").write_text(json.dumps([row]))
    return TwoWiki(path=str(tmp_path / "dev.json")).episode("all", 0)


def test_official_schema_puts_spaces_between_sentences(tmp_path):
    episode = load(tmp_path, ROW)
    assert episode.sections[0].text == "Document 1:\nAda\nAda was born in 1815. She wrote."
    (question,) = episode.questions
    assert (question.category, question.answers, question.evidence) == ("comparison", ("Ada",), ("doc1", "doc2"))


def test_json_strings_of_the_hub(tmp_path):
    packed = ROW | {field: json.dumps(ROW[field]) for field in ("context", "supporting_facts")}
    assert load(tmp_path, packed) == load(tmp_path, ROW)
    with pytest.raises(DataError, match=r"dev\.json, row 0: .*'context'.* is not valid JSON"):
        load(tmp_path, ROW | {"context": "[["})


def test_aliases_of_version_1_1(tmp_path):
    """As the official script of that version: an answer is right by any name of what its id stands for."""
    row = ROW | {"answer_id": "Q7259"}
    plain = load(tmp_path, row)
    assert plain.questions[0].answers == ("Ada",)
    before = TwoWiki(path=str(tmp_path / "dev.json")).fingerprint()
    names = {"Q_id": "Q7259", "aliases": ["Ada Lovelace", "Ada"], "demonyms": ["Lady Ada"]}
    (tmp_path / "names.json").write_text(json.dumps(names) + "\n")
    named = TwoWiki(path=str(tmp_path / "dev.json"), aliases=str(tmp_path / "names.json"))
    (question,) = named.episode("all", 0).questions
    assert question.answers == ("Ada", "Ada Lovelace", "Lady Ada")
    assert named.score(question, "lady ada")["answer"] == 1.0
    (tmp_path / "id_aliases.json").write_text(json.dumps(names) + "\n")
    beside = TwoWiki(path=str(tmp_path / "dev.json"))
    assert beside.episode("all", 0) == named.episode("all", 0)
    assert before != beside.fingerprint() == named.fingerprint()
