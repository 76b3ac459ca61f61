"""Errata: which golds they mend, and which files are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from memgym.errors import DataError
from memgym.tasks import make_task
from memgym.tasks.base import Task
from memgym.tasks.published.locomo import LoCoMo

ROWS = [
    {
        "id": "ana",
        "sections": ["Ana lives in Porto."],
        "questions": ["Where?", "Since when?"],
        "answers": ["Lisbon", "May"],
    },
    {"id": "ben", "sections": ["Ben has a cat."], "questions": ["A dog?"], "answers": ["yes"]},
]  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return write(tmp_path / "data.jsonl", ROWS)


def make(data: str, *errata: dict[str, Any]) -> Task:
    return make_task("custom", path=data, errata=write(Path(data).parent / "errata.jsonl", list(errata)))


def test_golds_are_mended_or_dropped_and_episodes_stay(data: str) -> None:
    task = make(
        data, {"id": "ana-q0", "answers": ["Porto", "Oporto"], "question": "Where?"}, {"id": "ben-q0", "answers": []}
    )
    plain = make_task("custom", path=data)
    where, since = task.episode("all", 0).questions
    (dog,) = task.episode("all", 1).questions
    assert task.errata is not None
    assert plain.errata is None
    mended = task.errata.mended(where)
    assert mended is not None
    assert (mended.answers, mended.text) == (("Porto", "Oporto"), "Where?")
    assert task.errata.mended(since) == since
    assert task.errata.mended(dog) is None
    assert task.episode("all", 0) == plain.episode("all", 0)
    assert task.fingerprint() == plain.fingerprint()


def test_the_hash_is_that_of_the_content_packed_or_not(data: str, tmp_path: Path) -> None:
    rows = [{"id": "ana-q1", "answers": ["June"]}]
    packed = tmp_path / "errata.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(rows[0]).encode() + b"\n"))
    found = [make(data, *rows), make_task("custom", path=data, errata=str(packed)), make(data, *rows, *ROWS[2:])]
    assert len({task.errata.digest for task in found if task.errata}) == 1
    other = make(data, {"id": "ana-q1", "answers": ["July"]})
    assert other.errata
    assert found[0].errata
    assert other.errata.digest != found[0].errata.digest


def test_rows_about_other_parts_of_the_set_are_counted(data: str) -> None:
    task = make(data, {"id": "ana-q0", "answers": ["Porto"]}, {"id": "cleo-q0", "answers": ["x"]})
    assert task.errata is not None
    assert task.errata.elsewhere == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "ana-q0"}, "errata.jsonl, row 0: the field 'answers' is missing.*Errata have rows {id, answers"),
        ({"answers": ["x"]}, "row 0: the field 'id' is missing"),
        ({"id": "ana-q0", "answers": "Porto"}, "'answers' must be a list"),
        ({"id": "ana-q0", "answers": [" "]}, "'answers' holds a blank text"),
        ({"id": "ana-q0", "answers": [None]}, "'answers' must hold at least one text"),
        ({"id": "ana-q7", "answers": ["x"]}, "row 0: .*data.jsonl, row 0 has no question 'ana-q7'"),
        ({"id": "ana-q0", "answers": ["x"], "question": "Who?"}, "question 'ana-q0' of .*data.jsonl is 'Where\\?'"),
        ({"id": "cleo-q0", "answers": ["x"]}, "errata.jsonl mends no question of .*data.jsonl"),
    ],
)
def test_a_wrong_file_is_refused(data: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(data, row)


def test_a_question_is_mended_once(data: str) -> None:
    with pytest.raises(DataError, match="row 1: question 'ana-q0' is mended twice"):
        make(data, {"id": "ana-q0", "answers": ["x"]}, {"id": "ana-q0", "answers": ["y"]})
    with pytest.raises(DataError, match=r"missing\.jsonl does not exist"):
        make_task("custom", path=data, errata="missing.jsonl")


def test_the_audit_of_locomo(data_dir: Path) -> None:
    paths = {"path": str(data_dir / "locomo4.json.gz"), "errata": str(data_dir / "locomo_errata.json.gz")}
    task = LoCoMo(**paths)
    with gzip.open(paths["errata"], "rt") as file:
        wrong = [row for row in json.load(file) if row["error_type"] != "WRONG_CITATION"]
    assert len(wrong) == 99
    conversations = {task.episode("all", i).id for i in range(task.size("all"))}
    here = {f"{row['sample_id']}-q{row['qa_index']}" for row in wrong if row["sample_id"] in conversations}
    assert task.errata is not None
    assert task.errata.answers.keys() == here
    assert len(here) + task.errata.elsewhere == 99
    questions = {question.id: question for i in range(4) for question in task.episode("all", i).questions}
    race = task.errata.mended(questions["conv-26-q5"])
    assert race is not None
    assert race.answers[0] == "The Saturday before 25 May 2023"  # a remark in parentheses is no part of it
    assert (
        task.score(questions["conv-26-q5"], race.answers[0])["answer"]
        < task.score(race, race.answers[0])["answer"]
        == 1
    )
    some = LoCoMo(**paths, categories=["temporal"], questions="single")  # of which fewer questions are asked
    assert some.errata == task.errata


def test_errata_of_another_set_are_refused(data_dir: Path, tmp_path: Path) -> None:
    audit = str(data_dir / "locomo_errata.json.gz")
    with pytest.raises(DataError, match=r"row 0: the field 'id' is missing"):
        make_task("hotpotqa", path=str(data_dir / "hotpotqa_dev.jsonl.gz"), errata=audit)
    with pytest.raises(DataError, match="mends no question of"):
        make_task("locomo", path=str(data_dir / "locomo4.json.gz"), errata=str(data_dir / "hotpotqa_dev.jsonl.gz"))
    shifted = {"sample_id": "conv-26", "qa_index": 3, "question": "When did Melanie paint a sunrise?"}
    path = write(tmp_path / "shifted.jsonl", [shifted | {"error_type": "HALLUCINATION", "correct_answer": "2022"}])
    with pytest.raises(DataError, match=r"row 0: question 'conv-26-q3' of .* is 'What did Caroline research"):
        make_task("locomo", path=str(data_dir / "locomo4.json.gz"), errata=path)


def test_documents_need_not_be_padded_to_check_errata(data_dir: Path, tmp_path: Path) -> None:
    path = str(data_dir / "hotpotqa_train_small.jsonl.gz")
    first = make_task("hotpotqa", path=path).episode("all", 0)
    errata = write(tmp_path / "errata.jsonl", [{"id": first.questions[0].id, "answers": ["another"]}])
    task = make_task("hotpotqa", path=path, errata=errata, length=3000)
    (question,) = task.episode("all", 0).questions
    assert task.errata is not None
    mended = task.errata.mended(question)
    assert mended is not None
    assert mended.answers == ("another",)
