"""On rows made to the schema of the published files (``questions_32k.csv``, ``shared_contexts_32k.jsonl``)."""

from __future__ import annotations

import csv
import gzip
import json
import pickle

import pytest

from memgym.errors import ConfigError, DataError
from memgym.tasks.published.personamem import ASK, PersonaMem, chosen

COLUMNS = (
    "persona_id question_id question_type topic context_length_in_tokens context_length_in_letters "
    "distance_to_ref_in_blocks distance_to_ref_in_tokens num_irrelevant_tokens distance_to_ref_proportion_in_context "
    "user_question_or_message correct_answer all_options shared_context_id end_index_in_shared_context"
).split()
REPLIES = ["(a) Try a concert.", '(b) How about the "Opera", then?', "(c) It's hiking that you like.", "(d) Sing."]
CONTEXTS = {
    "ctx-one": [
        {"role": "system", "content": "Current user persona: Kai."},
        {"role": "user", "content": "User: I love hiking."},
        {"role": "assistant", "content": "Assistant: Good."},
        {"role": "system", "content": "Current user persona: Kai."},
        {"role": "user", "content": "User: I'm tired of hiking, it's the opera now."},
        {"role": "assistant", "content": "Assistant: I see."},
    ],
    "ctx-two": [{"role": "user", "content": "User: Hello."}],
}


def row(number, end, **changes):
    values = {
        "persona_id": "4", "question_id": f"q{number}", "question_type": "recall_user_shared_facts", "topic": "music",
        "user_question_or_message": "What shall I do tonight?\nAny idea?", "correct_answer": "(c)",
        "all_options": repr(REPLIES), "shared_context_id": "ctx-one", "end_index_in_shared_context": end,
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | values | changes


ROWS = [
    row(1, 3),
    row(2, 6, correct_answer="(b)", question_type="recommendation"),
    row(3, 3, all_options=json.dumps(REPLIES)),
    row(4, 1, shared_context_id="ctx-two", persona_id="7"),
]


def write(folder, rows=ROWS, contexts=CONTEXTS):
    with (folder / "questions_32k.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    lines = [json.dumps({name: messages}) for name, messages in contexts.items()]
    (folder / "shared_contexts_32k.jsonl").write_text("\n".join(lines))
    return str(folder / "questions_32k.csv")


@pytest.fixture
def task(tmp_path):
    return PersonaMem(path=write(tmp_path))


def test_each_question_at_its_own_point_of_the_history(task):
    first, second, third = (task.episode("all", i) for i in range(task.size("all")))
    assert [question.id for question in first.questions] == ["q1", "q3"]
    assert [question.id for question in second.questions] == ["q2"]
    assert [question.id for question in third.questions] == ["q4"]
    assert [len(session.turns) for session in first.sessions] == [3]
    assert [len(session.turns) for session in second.sessions] == [3, 3]  # a system message begins a session
    assert "opera" not in first.text()
    assert [turn.id for session in second.sessions for turn in session.turns] == ["0", "1", "2", "3", "4", "5"]
    assert first.id == "ctx-one-3"


def test_the_question_shows_the_replies_and_the_gold_is_one(task):
    question = task.episode("all", 0).questions[0]
    assert question.text == "\n".join(["What shall I do tonight?\nAny idea?", "", ASK, *REPLIES])
    assert question.answers == ("(c) It's hiking that you like.",)
    assert (question.category, question.evidence, question.answerable) == ("recall_user_shared_facts", (), True)
    for asked in (q for i in range(3) for q in task.episode("all", i).questions):
        assert task.score(asked, asked.answers[0]) == {"answer": 1.0}
        assert task.score(asked, "") == {"answer": 0.0}
        assert task.score(asked, " ".join(REPLIES)) == {"answer": 0.0}


@pytest.mark.parametrize(
    ("answer", "letters"),
    [
        ("(c)", "c"),
        ("c", "c"),
        ("C.", "c"),
        ("The answer is c.", "c"),
        ("**Option B**", "b"),
        ("I weigh (a) and (b). <final_answer> (c)", "c"),
        ("<final_answer>c</final_answer>", "c"),
        ("I choose (d). <final_answer>", "d"),
        ("Reasons.\nFinal answer: (B)", "b"),
        ("(a) or (b)", "ab"),
        ("You would enjoy a concert", ""),
        ("I'd say so", ""),
        ("the reply(s)", ""),
        ("", ""),
    ],
)
def test_what_is_chosen(answer, letters):
    assert chosen(answer) == set(letters)


def test_splits_part_the_people(tmp_path):
    rows = [row(i, 1 + i % 3, persona_id=str(i % 12), shared_context_id="ctx-one") for i in range(36)]
    contexts = {"ctx-one": CONTEXTS["ctx-one"]}
    task = PersonaMem(path=write(tmp_path, [r | {"shared_context_id": "ctx-one"} for r in rows], contexts))
    assert task.size("all") == sum(task.size(split) for split in ("train", "validation", "test")) == 3


def test_packed_files_elsewhere_and_pickles(task, tmp_path):
    for name in ("questions_32k.csv", "shared_contexts_32k.jsonl"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    packed = PersonaMem(
        path=str(tmp_path / "questions_32k.csv.gz"), contexts=str(tmp_path / "shared_contexts_32k.jsonl.gz")
    )
    assert packed.fingerprint() == task.fingerprint()
    assert packed.episode("all", 1) == task.episode("all", 1)
    assert PersonaMem(path=str(tmp_path / "questions_32k.csv.gz")).episode("all", 2) == task.episode("all", 2)
    assert pickle.loads(pickle.dumps(task)).episode("all", 1) == task.episode("all", 1)


def test_the_histories_are_part_of_the_fingerprint(task, tmp_path):
    before = task.fingerprint()
    write(tmp_path, contexts=CONTEXTS | {"ctx-two": [{"role": "user", "content": "User: Bye."}]})
    assert PersonaMem(path=str(tmp_path / "questions_32k.csv")).fingerprint() != before


def test_errata_by_the_id_of_the_question(tmp_path):
    (tmp_path / "errata.json").write_text(json.dumps([{"id": "q3", "answers": ["(d)"]}, {"id": "q4", "answers": []}]))
    task = PersonaMem(path=write(tmp_path), errata=str(tmp_path / "errata.json"))
    question = task.episode("all", 0).questions[1]
    assert task.score(task.errata.mended(question), "(d)") == {"answer": 1.0}
    assert task.errata.mended(task.episode("all", 2).questions[0]) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"correct_answer": "(e)"}, r"'correct_answer' must be the letter of a reply, e.g. '\(c\)', not '\(e\)'"),
        ({"correct_answer": ""}, "'correct_answer' must be the letter"),
        ({"all_options": "(a) x"}, "'all_options' is neither a Python literal nor JSON"),
        ({"all_options": "[]"}, "'all_options' must hold at least one text"),
        ({"shared_context_id": "ctx-x"}, "has no history 'ctx-x'"),
        ({"end_index_in_shared_context": "end"}, "'end_index_in_shared_context' must be an int, not 'end'"),
        ({"end_index_in_shared_context": "7"}, "the history has 6 messages, not 7"),
        ({"end_index_in_shared_context": "0"}, "the history has 6 messages, not 0"),
    ],
)
def test_bad_rows(tmp_path, changes, told):
    with pytest.raises(DataError, match=rf"questions_32k\.csv, row 0.*{told}"):
        PersonaMem(path=write(tmp_path, [row(1, 3, **changes)])).episode("all", 0)


def test_the_histories_must_be_there(tmp_path):
    path = write(tmp_path)
    (tmp_path / "shared_contexts_32k.jsonl").unlink()
    with pytest.raises(DataError, match=r"shared_contexts_32k\.jsonl does not exist"):
        PersonaMem(path=path)
    with pytest.raises(ConfigError, match="'contexts' must name the file"):
        PersonaMem(path="hf:bowen-upenn/PersonaMem::32k")
