"""qa_1 and qa_2: invented documents, and the files of SQuAD and HotpotQA."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from memgym.errors import ConfigError, DataError
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ruler import Ruler
from memgym.tasks.procedural.ruler.prose import sentences
from memgym.tokens import get_counter


def squad(articles: int = 12, paragraphs: int = 6) -> dict:
    """A file of SQuAD's schema: one question with an answer and one without per paragraph."""
    rng = np.random.default_rng(0)
    data = []
    for a in range(articles):
        article = {"title": f"T{a}", "paragraphs": []}
        for p in range(paragraphs):
            context = " ".join([*sentences(rng, 5), f"The code of item {a}-{p} is {a:02}x{p:02}.", *sentences(rng, 5)])
            answers = [{"text": f"{a:02}x{p:02}", "answer_start": context.index(f"{a:02}x{p:02}")}]
            article["paragraphs"].append({"context": context, "qas": [
                {"id": f"q{a}-{p}", "question": f"What is the code of item {a}-{p}?", "answers": answers * 2},
                {"id": f"n{a}-{p}", "question": "Who knows?", "answers": [], "is_impossible": True},
            ]})  # fmt: skip
        data.append(article)
    return {"version": "v2.0", "data": data}


@pytest.fixture
def squad_file(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(squad()))
    return path


def documents(episode) -> list[str]:
    assert [s.text.split("\n")[0] for s in episode.sections] == [
        f"Document {i}:" for i in range(1, len(episode.sections) + 1)
    ]
    return [s.text.split("\n", 1)[1] for s in episode.sections]


@pytest.mark.parametrize(("subtask", "hops"), [("qa_1", 1), ("qa_2", 2)])
def test_invented_documents_hold_the_answer_in_the_last_hop(subtask, hops):
    for index in range(100):
        episode = Ruler(subtask=subtask, length=1_500).episode("train", index)
        (question,) = episode.questions
        texts = dict(zip([s.id for s in episode.sections], documents(episode), strict=True))
        assert len(question.evidence) == hops
        assert question.match == "any"
        assert question.answers[0] in texts[question.evidence[-1]]
        assert question.answers[0].lower() not in ("yes", "no")
        assert len(texts) > 2 * hops


def test_squad_questions_stand_among_other_paragraphs(squad_file):
    task = Ruler(subtask="qa_1", length=2_000, path=str(squad_file))
    assert sum(task.size(split) for split in SPLITS) == 72
    asked, places = set(), set()
    for split in SPLITS:
        for index in range(task.size(split)):
            episode = task.episode(split, index)
            (question,) = episode.questions
            item, code = re.search(r"item (\d+-\d+)", question.text)[1], question.answers[0]
            assert question.answers == (code,)
            holding = [s.id for s in episode.sections if f"item {item} is {code}." in s.text]
            assert question.evidence == tuple(holding)
            assert len(set(documents(episode))) == len(episode.sections)
            assert abs(get_counter("chars").count(episode.text()) - 2_000) <= 40
            assert task.score(question, f"the code: {code.upper()}") == {"answer": 1.0}
            asked.add(item)
            places.add(holding[0])
    assert len(asked) == 72  # every question, in one split only
    assert len(places) > 3


def test_squad_paragraphs_of_the_same_article_come_first(squad_file):
    task = Ruler(subtask="qa_1", length=1_500, path=str(squad_file))
    episode = task.episode("train", 0)
    article = re.search(r"item (\d+)-", episode.questions[0].text)[1]
    assert set(re.findall(r"code of item (\d+)-", episode.text())) == {article}


def test_hotpotqa_file(data_dir):
    path = str(data_dir / "hotpotqa_train_small.jsonl.gz")
    task = Ruler(subtask="qa_2", length=20_000, path=path)
    assert sum(task.size(split) for split in SPLITS) == 200
    for index in range(5):
        episode = task.episode("train", index)
        (question,) = episode.questions
        assert len(question.evidence) == 2
        assert abs(get_counter("chars").count(episode.text()) - 20_000) <= 400
        assert len(set(documents(episode))) == len(episode.sections) > 50
    assert task.fingerprint() != Ruler(subtask="qa_2", length=20_000).fingerprint()


def test_files_that_do_not_suffice_are_refused(squad_file, tmp_path):
    with pytest.raises(ConfigError, match="lower argument 'length' from 1000000"):
        Ruler(subtask="qa_1", length=1_000_000, path=str(squad_file))
    long = squad(articles=1)
    for paragraph in long["data"][0]["paragraphs"]:
        paragraph["context"] *= 4
    path = tmp_path / "long.json"
    path.write_text(json.dumps(long))
    with pytest.raises(ConfigError, match="raise argument 'length' from 500"):
        Ruler(subtask="qa_1", length=500, path=str(path))


def test_an_index_beyond_the_file_is_refused(squad_file):
    task = Ruler(subtask="qa_1", length=1_000, path=str(squad_file))
    with pytest.raises(ConfigError, match="out of range"):
        task.episode("test", task.size("test"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.pop("data"), r"row 0: the field 'data' is missing"),
        (lambda file: file["data"][3].pop("paragraphs"), r"data\[3\]: the field 'paragraphs' is missing"),
        (lambda file: file["data"][0]["paragraphs"][2].update(context=5), r"paragraphs\[2\]: the field 'context'"),
        (lambda file: file["data"][1]["paragraphs"][0]["qas"][0].update(answers=[]), r"qas\[0\]: the field 'answers'"),
        (lambda file: file["data"][1]["paragraphs"][0]["qas"][0].pop("id"), r"qas\[0\]: the field 'id' is missing"),
    ],
)
def test_a_damaged_squad_file_is_explained(tmp_path, damage, message):
    file = squad(articles=4)
    damage(file)
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(file))
    with pytest.raises(DataError, match=message):
        Ruler(subtask="qa_1", length=500, path=str(path))


def test_a_missing_file_is_explained():
    with pytest.raises(DataError, match=r"nowhere\.json does not exist"):
        Ruler(subtask="qa_2", path="nowhere.json")
