"""RULER v2's own files: rows made to the schema and the prompts of its scripts, and what is wrong with a file."""

from __future__ import annotations

import json

import pytest

from memgym.errors import DataError
from memgym.tasks.published.ruler2_jsonl import Ruler2Jsonl, chosen

NEEDLES = (
    "A special magic number is hidden within the following text. Make sure to memorize it.\n"
    "One of the special magic numbers for red-fox is: 1234567890.\n"
    "One of the special magic numbers for old-oak is: 2345678901.\n"
    "What is the special magic number for red-fox mentioned in the provided text?"
)
ITEMS = [("1111111", "Is it so? A. yes B. no C. both D. none"), ("2222222", "Two and two? A. 1 B. 2 C. 3 D. 4")]
FOUR = [("1111111", "Why one?"), ("2222222", "Why?"), ("1111111", "Why two?"), ("1111111", "Why three?")]
PAGES = [("3333333", "Ann\nAnn was born in Rome."), ("4444444", "Rome\nRome is old.\n\nVery old."), ("5555555", "x")]


def questions(items, asked):
    listed = "\n\n".join(f"Question {number}: {text}" for number, text in items)
    return f"Below are some questions. I will ask you to copy one of them.\n\n{listed}\n\n{asked}"


def documents(asked):
    listed = "\n\n".join(f"Document {number}:\n{text}" for number, text in PAGES)
    return f"Below are some documents.\n\n{listed}\n\n{asked}"


EXAMPLES = (
    "Here are some examples to help you understand the task:\n\nPlease copy the Question 1111111 from the context and "
    "then solve it with an answer from A, B, C, D.\nQuestion 1111111: Is it so? A. yes B. no C. both D. none\n"
    "Solution: \\boxed{A}\n\nHere is the actual task you need to solve:\n\nPlease copy the Question 2222222 from the "
    "context and then solve it with an answer from A, B, C, D."
)
HARD = EXAMPLES.replace("copy the Question 2222222 from the context and then solve it", "solve the Question 2222222")
FIRST_COPY = "Please first copy all the Question 1111111 from the context and then copy the 2nd (1 indexed) Question "
ROWS = {
    "mk_niah_basic": (NEEDLES, ["1234567890"], ()),
    "mk_niah_easy": (questions(ITEMS, "Please copy the Question 2222222 from the context."), [ITEMS[1][1]], ("q2",)),
    "mk_niah_medium": (questions(ITEMS, EXAMPLES), "D", ("q2",)),
    "mk_niah_hard": (questions(ITEMS, HARD), "D", ("q2",)),
    "mv_niah_basic": (NEEDLES, ["1234567890", "2345678901"], ()),
    "mv_niah_easy": (
        questions(FOUR, "Please find and copy all the Question 1111111 from the context."),
        ["Why one?", "Why two?", "Why three?"],
        ("q1", "q3", "q4"),
    ),
    "mv_niah_medium": (questions(FOUR, f"{FIRST_COPY}1111111 at the end."), ["Why two?"], ("q1", "q3")),
    "mv_niah_hard": (
        questions(FOUR, "Please copy the 2nd (1 indexed) Question 1111111 from the context."),
        ["Why two?"],
        ("q1", "q3"),
    ),
    "qa_basic": (documents("Text: Ann\nAnn was born in Rome.\nMost relevant document index:"), ["3333333"], ("doc1",)),
    "qa_easy": (
        documents("Question: How old is Ann's town?\nIndex of the most relevant document that can help:"),
        ["3333333", "4444444"],
        ("doc1", "doc2"),
    ),
    "qa_medium": (
        documents("Please first find and copy paste the documents and then answer it.\n\nQuestion: Where?"),
        ["Rome", "Roma"],
        (),
    ),
    "qa_hard": (documents("Please answer the following question.\n\nQuestion: Where?"), ["Rome", "Roma"], ()),
}


def write(tmp_path, *rows):
    path = tmp_path / "test.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def task_of(tmp_path, subtask):
    prompt, expected, _ = ROWS[subtask]
    row = {"index": 4, "question": prompt, "expected_answer": expected, "length": 99}
    return Ruler2Jsonl(path=write(tmp_path, row))


@pytest.mark.parametrize("subtask", ROWS)
def test_a_prompt_is_parted_into_text_and_question(tmp_path, subtask):
    prompt, expected, evidence = ROWS[subtask]
    episode = task_of(tmp_path, subtask).episode("all", 0)
    (question,) = episode.questions
    assert episode.id == question.id == "4"
    assert episode.text() + ("\n" if "basic" in subtask and "qa" not in subtask else "\n\n") + question.text == prompt
    assert question.answers == (tuple(expected) if isinstance(expected, list) else (expected,))
    assert question.evidence == evidence
    names = [section.id for section in episode.sections]
    kind, count = ("doc", 3) if "qa" in subtask else ("q", 4 if "mv" in subtask else 2)
    plain = subtask in ("mk_niah_basic", "mv_niah_basic")
    assert names == (["context"] if plain else ["intro", *(f"{kind}{i + 1}" for i in range(count))])


@pytest.mark.parametrize(
    ("subtask", "answer", "official", "contained"),
    [
        ("mk_niah_basic", "It is 1234567890.", 1, 1),
        ("mk_niah_basic", "It is 1234567891.", 0, 0),
        ("mk_niah_easy", "question 2222222: two and two? a. 1 b. 2 c. 3 d. 4", 1, 1),
        ("mk_niah_easy", "Two and three? A. 1 B. 2 C. 3 D. 4", 10 / 11, 0),  # one of eleven words
        ("mk_niah_easy", "", 0, 0),
        ("mk_niah_medium", "Question 2222222: ... \\boxed{D}", 1, 1),
        ("mk_niah_hard", "D", 1, 1),
        ("mk_niah_hard", "A", 0, 0),
        ("mv_niah_basic", "2345678901", 0.5, 0.5),
        ("mv_niah_easy", "Why one?\nWhy three?", 2 / 3, 2 / 3),  # for the third it is too long
        ("mv_niah_easy", "Why not?", 0.5, 0),
        ("mv_niah_medium", "Why one?\n\nWhy two?", 1, 1),
        ("mv_niah_medium", "Why two?\n\nWhy one?", 0.5, 0),
        ("mv_niah_hard", "why TWO?", 1, 1),
        ("qa_basic", "3333333", 1, 1),
        ("qa_easy", "4444444", 1, 1),
        ("qa_easy", "5555555", 0, 0),
        ("qa_medium", "Document 3333333:\nAnn\nAnn was born in Rome.\n\nIn Oslo.", 0, 0),
        ("qa_medium", "Document 3333333:\nAnn\nAnn was born in Rome.\n\nIn Roma.", 1, 1),
        ("qa_hard", "Rome", 1, 1),
    ],
)
def test_the_score_is_that_of_the_subtask(tmp_path, subtask, answer, official, contained):
    task = task_of(tmp_path, subtask)
    (question,) = task.episode("all", 0).questions
    assert task.score(question, answer) == pytest.approx({"answer": official, "contained": contained})


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("\\boxed{B} no, \\boxed{C}", "C"),
        ("\\boxed{(c) or rather D}", "D"),
        ("The final answer is B.", "B"),
        ("**Answer**: b", "B"),
        ("(C).", "C"),
        ("A cat sat on B", ""),
        ("", ""),
    ],
)
def test_the_letter_that_an_answer_chooses(answer, letter):
    assert chosen(answer) == letter


def test_what_is_copied_first_has_room(tmp_path):
    limits = {}
    for subtask in ROWS:
        task = task_of(tmp_path, subtask)
        limits[subtask] = task.answer_limit(task.episode("all", 0).questions[0])
    assert all((limits[name] > 1_000) == name.endswith("medium") for name in limits), limits


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": NEEDLES}, "row 1: the field 'expected_answer' is missing"),
        ({"question": NEEDLES, "expected_answer": []}, "row 1: the field 'expected_answer' must hold"),
        ({"expected_answer": ["a"]}, "row 1: the field 'question' is missing"),
        ({"question": "Which?", "expected_answer": ["a"]}, "row 1: the field 'question' is one line"),
        (
            {"question": "Below.\n\nQuestion 1: Why?", "expected_answer": ["a"]},
            "row 1: the field 'question' ends with its text",
        ),
    ],
)
def test_a_bad_row_is_explained_at_once(tmp_path, row, message):
    good = {"question": NEEDLES, "expected_answer": ["1234567890"]}
    with pytest.raises(DataError, match=message):
        Ruler2Jsonl(path=write(tmp_path, good, row))
