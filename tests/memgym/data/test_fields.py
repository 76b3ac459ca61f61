"""Gold answers as files have them: what a person would write, and nothing that cannot be right."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgym.data.fields import is_blank, texts
from memgym.errors import DataError
from memgym.tasks import make_task


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (7.0, "7"),
        (70.0, "70"),
        (-0.0, "0"),
        (3.5, "3.5"),
        (0.1, "0.1"),
        (1e-05, "0.00001"),
        (1e21, "1" + "0" * 21),
        (-2.50, "-2.5"),
        (2022, "2022"),
        (0, "0"),
        (10**30, "1" + "0" * 30),
        (" Lisbon ", " Lisbon "),
        ("NaN", "NaN"),
        ("❤️", "❤️"),
    ],
)
def test_a_number_is_what_a_person_would_write(value: Any, written: str) -> None:
    assert texts({"answers": value}, "answers", "f") == texts({"answers": [value]}, "answers", "f") == (written,)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_the_number(number: float) -> None:
    (written,) = texts({"a": number}, "a", "f")
    assert float(written) == number
    assert not set(written) - set("-.0123456789")


BAD = [
    (math.nan, "NaN|nan, which is no number"),
    (math.inf, "inf, which is no number"),
    ("", "a blank text"),
    (" \n\t", "a blank text"),
    ("\u200b", "a blank text"),
    ("\u00a0\ufeff", "a blank text"),
    ("\u2060\u3164", "a blank text"),
    ("\x00", "a blank text"),
    (True, "only texts"),
    (False, "only texts"),
    (None, "only texts"),
    (["x"], "only texts"),
    ({"text": "x"}, "only texts"),
]


@pytest.mark.parametrize(("value", "message"), BAD, ids=repr)
def test_what_can_never_be_right_is_refused(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"^f\.json, row 3: the field 'answers' .*({message})"):
        texts({"answers": ["x", value]}, "answers", "f.json, row 3")


def test_a_list_without_answers_is_refused() -> None:
    with pytest.raises(DataError, match="at least one text"):
        texts({"answers": []}, "answers", "f")


def test_blank() -> None:
    assert all(map(is_blank, ("", " ", "\u2800", "\u00ad\u200d", "\u2028")))
    assert not any(map(is_blank, (".", "0", "里", "\u0301", "🎷")))


HOTPOT = {"id": "h", "question": "?", "context": [["T", ["s."]]], "supporting_facts": [["T", 0]], "type": "bridge"}
UNIFIED = {"id": "u", "question": "?", "paragraphs": [{"title": "T", "text": "t"}], "supporting_titles": ["T"]}
MUSIQUE = {
    "id": "2hop__m",
    "question": "?",
    "paragraphs": [{"title": "T", "paragraph_text": "t", "is_supporting": True}],
}
LONGMEMEVAL = {
    "question_id": "l", "question_type": "multi-session", "question": "?", "question_date": "2023/05/30",
    "haystack_dates": ["2023/05/30"], "haystack_sessions": [[{"role": "user", "content": "c", "has_answer": True}]],
}  # fmt: skip
TURN = {"dia_id": "D1:1", "speaker": "A", "text": "t"}
LOCOMO = {"sample_id": "c", "conversation": {"session_1": [TURN], "session_1_date_time": "now"}}


def locomo(answer: Any, category: int = 4) -> dict[str, Any]:
    return LOCOMO | {"qa": [{"question": "?", "answer": answer, "category": category, "evidence": []}]}


def beam(gold: Any) -> dict[str, Any]:
    probe = {"question": "?", "answer": gold, "rubric": ["x"]}
    chat = [{"turns": [[{"id": 0, "role": "user", "content": "c"}]]}]
    return {"chat": chat, "probing_questions": {"knowledge_update": [probe]}}


def halumem(gold: Any) -> dict[str, Any]:
    session = {"dialogue": [{"role": "user", "content": "c"}], "questions": [{"question": "?", "answer": gold}]}
    return {"uuid": "u", "sessions": [session]}


LOADERS: dict[str, Any] = {
    "ama_bench": lambda gold: {"task": "t", "trajectory": [], "qa_pairs": [{"question": "?", "answer": gold}]},
    "halumem": halumem,
    "beam": beam,
    "custom": lambda gold: {"sections": ["t"], "questions": ["?"], "answers": [gold]},
    "hotpotqa": lambda gold: HOTPOT | {"answer": gold},
    "2wiki": lambda gold: UNIFIED | {"answers": [gold]},
    "musique": lambda gold: MUSIQUE | {"answer": "x", "answer_aliases": [gold]},
    "longmemeval": lambda gold: LONGMEMEVAL | {"answer": gold},
    "locomo": locomo,
    "memagent": lambda gold: {"context": "c", "input": "?", "answers": [gold]},
    "ruler2_jsonl": lambda gold: {"question": "c\n?", "expected_answer": [gold]},
    "ruler_jsonl": lambda gold: {"context": "c", "input": "?", "outputs": [gold]},
    "memfactory": lambda gold: {"M": [], "f": [{"role": "user", "content": "c"}], "q": "?", "a": gold},
    "memoryagentbench": lambda gold: {
        "context": "c", "questions": ["?"], "answers": [[gold]], "metadata": {"source": "icl"}
    },
}  # fmt: skip


@pytest.mark.parametrize("task", LOADERS)
def test_every_loader_reads_numbers_and_refuses_blanks(tmp_path: Any, task: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([LOADERS[task](7.0)]))
    assert "7" in make_task(task, path=str(path)).episode("all", 0).questions[0].answers
    for wrong in (math.nan, " ", "\u200b"):
        path.write_text(json.dumps([LOADERS[task]("x"), LOADERS[task](wrong)]))
        with pytest.raises(DataError, match=r"rows\.json, row 1.* the field '\w+' holds"):
            make_task(task, path=str(path))


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("locomo", locomo("; likely no", 3), "qa 0: the field 'answer' is blank up to its ';'"),
        ("locomo", locomo("x") | {"observation": {"o": {"A": [["\u200b", "D1:1"]]}}}, r"must hold \[text, dia_id\]"),
        ("memoryagentbench", LOADERS["memoryagentbench"]("label: "), "nothing behind its label"),
        (
            "custom",
            LOADERS["custom"]("x") | {"facts": [{"subject": "s", "relation": "r", "value": " ", "source": "1"}]},
            "fact 0: the field 'value' is blank",
        ),
    ],
)
def test_blanks_that_a_loader_makes_are_refused(tmp_path: Any, task: str, row: Any, message: str) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    with pytest.raises(DataError, match=rf"rows\.json, row 0.*{message}"):
        make_task(task, path=str(tmp_path / "rows.json"))


def test_ruler_refuses_a_blank_answer_of_squad(tmp_path: Any) -> None:
    qas = [{"id": "1", "question": "?", "answers": [{"text": " "}]}]
    squad = {"data": [{"paragraphs": [{"context": "c", "qas": qas}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(squad))
    with pytest.raises(DataError, match="the field 'answers' holds a blank text"):
        make_task("ruler", subtask="qa_1", length=4096, path=str(tmp_path / "squad.json"))


def test_longmemeval_takes_every_answer(tmp_path: Any) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([LONGMEMEVAL | {"answer": ["25 minutes (or 25:00)", 7.0]}]))
    (question,) = make_task("longmemeval", path=str(tmp_path / "rows.json")).episode("all", 0).questions
    assert question.answers == ("25 minutes (or 25:00)", "25 minutes", "25:00", "7")
