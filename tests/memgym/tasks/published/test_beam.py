from __future__ import annotations

import copy
import gzip
import json
import pickle
import shutil

import pytest

from memgym.episodes import RUBRIC
from memgym.errors import ConfigError, DataError
from memgym.tasks import make_task
from memgym.tasks.published.beam import ABILITIES, Beam


@pytest.fixture(scope="module")
def folder(data_dir):
    return data_dir / "beam"


@pytest.fixture(scope="module")
def task(folder):
    return Beam(path=str(folder))


def read(path):
    return json.loads(gzip.decompress(path.read_bytes()))


def test_every_chat_of_the_repository(task, folder):
    chats = ["100K/1", "100K/2", "100K/3", "100K/7", "500K/4", "1M/3"]  # by size, then by number
    assert task.size("all") == len(chats)
    for i, chat in enumerate(chats):
        batches = read(folder / chat / "chat.json.gz")
        probing = read(folder / chat / "probing_questions" / "probing_questions.json.gz")
        episode = task.episode("all", i)
        assert episode.id == chat.replace("/", "-")
        assert len(episode.sessions) == len(batches)
        assert [session.time for session in episode.sessions] == [b["turns"][0][0]["time_anchor"] for b in batches]
        messages = {str(m["id"]): m for batch in batches for turns in batch["turns"] for m in turns}
        turns = {turn.id: turn for session in episode.sessions for turn in session.turns}
        assert list(turns) == list(messages)
        for key, turn in turns.items():
            assert turn.speaker == messages[key]["role"]
            assert "->->" not in turn.text
            assert messages[key]["content"].startswith(turn.text)
        asked = [(ability, probe) for ability in probing for probe in probing[ability]]
        assert len(asked) == len(episode.questions) == 20
        for question, (ability, probe) in zip(episode.questions, asked, strict=True):
            assert (question.text, question.category) == (probe["question"], ability)
            assert len(question.metadata[RUBRIC].splitlines()) == len(probe["rubric"])
            ids = probe.get("source_chat_ids") or []
            flat = [i for part in ids.values() for i in part] if isinstance(ids, dict) else ids
            assert question.evidence == tuple(dict.fromkeys(map(str, flat)))
            assert question.answerable is (ability != "abstention")
            assert not question.evidence or question.answerable
        assert {question.category for question in episode.questions} == set(ABILITIES)


def test_the_gold_answers_of_all_kinds_of_question(task, folder):
    probing = read(folder / "100K" / "1" / "probing_questions" / "probing_questions.json.gz")
    fields = {
        "contradiction_resolution": "ideal_answer",
        "summarization": "ideal_summary",
        "abstention": "ideal_response",
        "preference_following": "expected_compliance",
        "event_ordering": "answer",
    }
    for question in task.episode("all", 0).questions:
        if question.category in fields:
            golds = [probe[fields[question.category]] for probe in probing[question.category]]
            assert question.answers[0] in golds


def test_gold_answers_and_points_score_and_nothing_does_not(task):
    for i in range(task.size("all")):
        for question in task.episode("all", i).questions:
            assert task.score(question, question.answers[0]) == {"answer": 1.0, "f1": 1.0}
            assert task.score(question, "") == {"answer": 0.0, "f1": 0.0}
            assert len(question.answers[0].encode()) <= 4 * task.answer_limit(question)
            if question.category in ("event_ordering", "knowledge_update", "temporal_reasoning"):
                assert task.score(question, question.metadata[RUBRIC])["answer"] == 1.0
                assert task.score(question, question.text)["answer"] == 0.0


def test_a_folder_of_one_size_or_one_chat_and_plain_files(task, folder, tmp_path):
    assert Beam(path=str(folder / "100K")).size("all") == 4
    one = Beam(path=str(folder / "100K" / "7"))
    assert one.episode("all", 0) == task.episode("all", 3)
    plain = tmp_path / "100K" / "7"
    for path in (folder / "100K" / "7").rglob("*.gz"):
        target = plain / path.relative_to(folder / "100K" / "7").with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.decompress(path.read_bytes()))
    unpacked = Beam(path=str(plain))
    assert unpacked.episode("all", 0) == one.episode("all", 0)
    assert unpacked.fingerprint() == one.fingerprint() != task.fingerprint()


def test_abilities_are_chosen(folder):
    task = Beam(path=str(folder / "100K"), abilities=["knowledge_update", "abstention"])
    assert [q.category for q in task.episode("all", 0).questions] == ["abstention"] * 2 + ["knowledge_update"] * 2
    for wrong in ("abstention", [], ["recall"]):
        with pytest.raises(ConfigError, match="'abilities'"):
            Beam(path=str(folder), abilities=wrong)


def test_copies_and_pickles(task, folder, tmp_path):
    assert pickle.loads(pickle.dumps(task)).episode("all", 2) == task.episode("all", 2)
    assert copy.deepcopy(task).episode("all", 1) == task.episode("all", 1)
    shutil.copytree(folder / "100K" / "1", tmp_path / "1")
    pickled = pickle.dumps(Beam(path=str(tmp_path / "1")))
    (tmp_path / "1" / "chat.json.gz").unlink()
    (tmp_path / "1" / "chat.json").write_text(json.dumps([BATCH]))
    with pytest.raises(DataError, match="is not what it was when it was pickled"):
        pickle.loads(pickled)


def message(number, content, role="user", **more):
    return {"id": number, "role": role, "content": content, **more}


BATCH = {
    "batch_number": 1,
    "time_anchor": None,
    "turns": [
        [
            message(0, "It ends on May 3. ->-> 1,1", time_anchor="May-01-2024"),
            message(1, "Noted. ->-> kept", "assistant"),
        ],
        [message(2, "Now on May 7 ->-> 1,N/A\n"), message(3, "Fine.", "assistant")],
    ],
}
PROBE = {
    "question": "When does it end?",
    "answer": "It ends on May 7.",
    "rubric": ["LLM response should state: May 7"],
    "source_chat_ids": {"original_info": [0], "updated_info": [2]},
}
PROBING = {"knowledge_update": [PROBE], "abstention": [{"question": "Why?", "ideal_response": "?", "rubric": ["no"]}]}


def load(tmp_path, row):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    return Beam(path=str(tmp_path / "rows.jsonl")).episode("all", 0)


@pytest.mark.parametrize("written", [repr, json.dumps, lambda value: value])
@pytest.mark.parametrize("flat", [True, False])
def test_rows_of_the_hub(tmp_path, written, flat):
    """There a batch is the list of its messages, and the questions are a Python literal."""
    chat = [[m for turns in BATCH["turns"] for m in turns]] if flat else [BATCH]
    episode = load(tmp_path, {"conversation_id": "5", "chat": chat, "probing_questions": written(PROBING)})
    (session,) = episode.sessions
    assert (episode.id, session.id, session.time) == ("5", "S1", "May-01-2024")
    texts = {turn.id: turn.text for turn in session.turns}
    assert texts == {"0": "It ends on May 3.", "1": "Noted. ->-> kept", "2": "Now on May 7", "3": "Fine."}
    update, why = episode.questions
    assert (update.id, update.evidence, update.answers) == ("5-q0", ("0", "2"), ("It ends on May 7.",))
    assert update.metadata == {RUBRIC: "May 7"}
    assert (why.answerable, why.evidence) == (False, ())


def plan(first):
    return [[message(first, "a"), message(first + 1, "b", "assistant")], [message(first + 2, "c")]]


@pytest.mark.parametrize("first", [0, 3])  # counted from 0 in each plan, or on from one plan to the next
def test_ten_million_tokens_are_several_plans(tmp_path, first):
    chat = [{"plan-1": plan(0), "plan-2": None}, {"plan-1": None, "plan-2": plan(first)}]
    probing = {"knowledge_update": [PROBE | {"source_chat_ids": [4, 99]}]}
    episode = load(tmp_path, {"chat": chat, "probing_questions": probing})
    assert [turn.id for session in episode.sessions for turn in session.turns] == ["0", "1", "2", "3", "4", "5"]
    assert len(episode.sessions) == 4
    assert episode.questions[0].evidence == ("4",)  # 99 is no message


def test_plans_in_folders_are_read_in_their_order(tmp_path):
    chat = tmp_path / "10M" / "2"
    for number in range(11):
        (chat / f"plan-{number}").mkdir(parents=True)
        (chat / f"plan-{number}" / "chat.json").write_text(json.dumps([[message(0, f"This is plan {number}.")]]))
    (chat / "probing_questions").mkdir()
    (chat / "probing_questions" / "probing_questions.json").write_text(json.dumps(PROBING))
    episode = Beam(path=str(tmp_path)).episode("all", 0)
    assert episode.id == "10M-2"
    assert [turn.text for s in episode.sessions for turn in s.turns] == [f"This is plan {n}." for n in range(11)]


def test_the_cut_chat_is_read_where_there_is_one(tmp_path):
    (tmp_path / "probing_questions").mkdir()
    (tmp_path / "probing_questions" / "probing_questions.json").write_text(json.dumps(PROBING))
    (tmp_path / "chat.json").write_text(json.dumps([BATCH, BATCH]))
    (tmp_path / "chat_trunecated.json").write_text(json.dumps([BATCH]))
    assert len(Beam(path=str(tmp_path)).episode("all", 0).sessions) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chat": []}, "the field 'chat' has no messages"),
        ({"chat": [5]}, "chat 0: the field 'turns' must be a list, not an int"),
        ({"chat": [BATCH, BATCH]}, "chat 1: the message id 0 stands twice"),
        ({"chat": [[{"role": "user", "content": "x"}]]}, "the field 'id' is missing"),
        ({"chat": [[message(0, None)]]}, "message 0: the field 'content' must be a string, not null"),
        ({"probing_questions": "import os"}, "'probing_questions' is neither a Python literal nor JSON: 'import os'"),
        ({"probing_questions": {"recall": []}}, "'recall'; abilities are abstention"),
        ({"probing_questions": {"abstention": [{}]}}, "abstention 0: the field 'rubric' is missing"),
        ({"probing_questions": {"abstention": [{"question": "?", "rubric": [" "]}]}}, "'rubric' holds a blank text"),
        (
            {"probing_questions": {"abstention": [{"question": "?", "rubric": ["LLM response should state: "]}]}},
            "'rubric' has a point that asks for nothing",
        ),
        ({"probing_questions": {"abstention": [PROBE | {"source_chat_ids": 1.5}]}}, "ids of messages, not a number"),
    ],
)
def test_bad_rows(tmp_path, changes, told):
    with pytest.raises(DataError, match=told):
        load(tmp_path, {"chat": [BATCH], "probing_questions": PROBING} | changes)


def test_bad_folders(tmp_path):
    with pytest.raises(DataError, match="holds no chat of BEAM"):
        Beam(path=str(tmp_path))
    (tmp_path / "probing_questions").mkdir()
    (tmp_path / "probing_questions" / "probing_questions.json").write_text("{")
    with pytest.raises(DataError, match=r"neither chat\.json nor plan-\*/chat\.json"):
        Beam(path=str(tmp_path))
    (tmp_path / "chat.json").write_text(json.dumps([BATCH]))
    with pytest.raises(DataError, match=r"probing_questions\.json is not valid JSON"):
        Beam(path=str(tmp_path))


def test_other_abilities_are_asked_for(tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([{"chat": [BATCH], "probing_questions": PROBING}]))
    with pytest.raises(ConfigError, match="has no question on summarization: choose other abilities"):
        make_task("beam", path=str(tmp_path / "rows.json"), abilities=["summarization"])


def test_errata_take_the_rubric_with_them(tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([{"chat": [BATCH], "probing_questions": PROBING}]))
    (tmp_path / "errata.json").write_text(json.dumps([{"id": "0-q0", "answers": ["on May 8"]}]))
    task = Beam(path=str(tmp_path / "rows.json"), errata=str(tmp_path / "errata.json"), abilities=["knowledge_update"])
    question = task.episode("all", 0).questions[0]
    mended = task.errata.mended(question)
    assert (mended.answers, mended.metadata) == (("on May 8",), {})
    assert (task.score(question, "May 8")["answer"], task.score(mended, "May 8")["answer"]) == (0.0, 1.0)
