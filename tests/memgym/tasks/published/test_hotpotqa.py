"""HotpotQA, and what all tasks over documents share: padding, shuffling, exclusion, evidence."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from memgym.data.files import read_rows
from memgym.episodes import Question
from memgym.errors import ConfigError, DataError
from memgym.tasks.published.hotpotqa import HotpotQA
from memgym.tasks.published.memagent import MemAgent
from memgym.tokens import get_counter

DEV, TRAIN = "hotpotqa_dev.jsonl.gz", "hotpotqa_train_small.jsonl.gz"


def evidence_titles(episode) -> set[str]:
    texts = {section.id: section.text for section in episode.sections}
    return {texts[section_id].split("\n")[1] for section_id in episode.questions[0].evidence}


@pytest.mark.parametrize(("file", "size"), [(DEV, 877), (TRAIN, 200)])
def test_unified_files_as_they_are(data_dir, file, size):
    task = HotpotQA(path=str(data_dir / file))
    assert task.size("all") == size
    for i in range(size):
        row, episode = task.rows[i], task.episode("all", i)
        expected = [f"Document {n}:\n{p['title']}\n{p['text']}" for n, p in enumerate(row["paragraphs"], 1)]
        assert [section.text for section in episode.sections] == expected
        assert evidence_titles(episode) == set(row["supporting_titles"])
        assert (episode.id, episode.questions[0].category) == (row["id"], row["type"])


def test_layout_is_that_of_memagents_files(data_dir):
    """The row that an evaluation row was made from, with the same documents, gives the same text per document."""
    task = HotpotQA(path=str(data_dir / DEV))
    evaluation = MemAgent(path=str(data_dir / "eval_50.json.gz"))
    for i in range(0, 128, 16):
        row = evaluation.rows[i]
        own = {section.text.partition("\n")[2] for section in task.episode("all", row["index"]).sections}
        theirs = {section.text.partition("\n")[2] for section in evaluation.episode("all", i).sections}
        assert own <= theirs


def official(count: int = 1) -> list[dict]:
    return [
        {
            "_id": f"id{i}",
            "question": f"Question {i}?",
            "answer": "yes",
            "context": [[f"T{i}-{j}", [f"First of {i}-{j}.", " Second."]] for j in range(4)],
            "supporting_facts": [[f"T{i}-1", 0], [f"T{i}-3", 1], [f"T{i}-3", 0]],
            "type": "comparison",
            "level": "hard",
        }
        for i in range(count)
    ]


def written(tmp_path, rows, name="data.json") -> str:
    (tmp_path / name).write_text(json.dumps(rows))
    return str(tmp_path / name)


def test_official_and_hub_schema(tmp_path):
    rows = official(2)
    hub = [
        row
        | {
            "context": {"title": [t for t, _ in row["context"]], "sentences": [s for _, s in row["context"]]},
            "supporting_facts": {"title": [t for t, _ in row["supporting_facts"]], "sent_id": [0, 1, 0]},
        }
        for row in rows
    ]
    task = HotpotQA(path=written(tmp_path, rows))
    episode = task.episode("all", 1)
    assert episode.sections[2].text == "Document 3:\nT1-2\nFirst of 1-2. Second."
    assert episode.questions == (
        Question("id1", "Question 1?", ("yes",), evidence=("doc2", "doc4"), category="comparison"),
    )
    assert HotpotQA(path=written(tmp_path, hub)).episode("all", 1) == episode


@pytest.mark.parametrize("documents", [2, 6, 50])
def test_padding_to_a_number_of_documents(data_dir, documents):
    task = HotpotQA(path=str(data_dir / DEV), documents=documents)
    plain = HotpotQA(path=str(data_dir / DEV))
    for i in range(0, 877, 40):
        episode, before = task.episode("all", i), plain.episode("all", i)
        assert len(episode.sections) == documents
        assert [section.id for section in episode.sections] == [f"doc{n}" for n in range(1, documents + 1)]
        assert all(section.text.startswith(f"Document {n}:\n") for n, section in enumerate(episode.sections, 1))
        assert evidence_titles(episode) == evidence_titles(before)
        bodies = [section.text.partition("\n")[2] for section in episode.sections]
        assert len(set(bodies)) == documents
        if documents >= 10:  # the question's own distractors are kept too
            assert {section.text.partition("\n")[2] for section in before.sections} <= set(bodies)


@pytest.mark.parametrize("counter", ["chars", "words"])
@pytest.mark.parametrize("length", [2_000, 8_000, 30_000])
def test_padding_to_a_length(data_dir, length, counter):
    task = HotpotQA(path=str(data_dir / DEV), length=length, counter=counter)
    for i in range(0, 877, 100):
        episode = task.episode("all", i)
        assert 0.98 * length <= get_counter(counter).count(episode.text()) <= length
        assert len(episode.questions[0].evidence) == 2


def test_supporting_documents_lie_anywhere_and_elsewhere_per_item(data_dir):
    """MemAgent's fixed shuffle puts them into the same slots in every item."""
    task = HotpotQA(path=str(data_dir / DEV), documents=10)
    slots = Counter(e for i in range(300) for e in task.episode("all", i).questions[0].evidence)
    assert set(slots) == {f"doc{n}" for n in range(1, 11)}
    assert max(slots.values()) < 2 * min(slots.values())  # 60 expected in each
    other = HotpotQA(path=str(data_dir / DEV), documents=10, seed=1)
    assert sum(task.episode("all", i) == other.episode("all", i) for i in range(50)) == 0


def test_a_row_has_the_same_context_in_every_split(data_dir):
    task = HotpotQA(path=str(data_dir / TRAIN), documents=20)
    whole = {task.episode("all", i).id: task.episode("all", i) for i in range(200)}
    for split in ("train", "validation", "test"):
        for i in range(0, task.size(split), 5):
            episode = task.episode(split, i)
            assert episode == whole[episode.id]


def test_evaluation_rows_stay_out_of_training(data_dir):
    exclude = str(data_dir / "eval_50.json.gz")
    task = HotpotQA(path=str(data_dir / DEV), documents=50, exclude=exclude)
    assert task.size("all") == 749
    assert sum(task.size(split) for split in ("train", "validation", "test")) == 749
    held_out = {row["input"] for row in read_rows(exclude)}
    assert len(held_out) == 128
    assert not held_out & {task.item(number).question for number in task.keys("all")}
    # nor are the held-out questions' documents drawn as distractors
    plain = HotpotQA(path=str(data_dir / DEV))
    kept = {task.rows[n]["id"] for n in task.keys("all")}
    public = {p["title"] for row in plain.rows if row["id"] in kept for p in row["paragraphs"]}
    for i in range(0, 749, 50):
        assert {section.text.split("\n")[1] for section in task.episode("all", i).sections} <= public
    assert task.fingerprint() != HotpotQA(path=str(data_dir / DEV), documents=50).fingerprint()


def test_only_plays_the_rows_of_an_evaluation_file_among_others(data_dir):
    only = str(data_dir / "eval_50.json.gz")
    task = HotpotQA(path=str(data_dir / DEV), documents=12, only=only)
    rows = read_rows(only)
    episodes = [task.build("all", index) for index in range(task.size("all"))]
    assert {episode.questions[0].text for episode in episodes} == {row["input"] for row in rows}
    assert len(episodes) == len(rows) == 128
    assert {len(episode.sections) for episode in episodes} == {12}
    with pytest.raises(ConfigError, match="'exclude' and 'only' exclude each other"):
        HotpotQA(path=str(data_dir / DEV), only=only, exclude=only)
    with pytest.raises(DataError, match="'only' that was made from this one"):
        HotpotQA(path=str(data_dir / TRAIN), only=only)


def test_exclude_must_be_made_from_the_file(data_dir):
    with pytest.raises(DataError, match=r"eval_50\.json\.gz, row 0: its 'index' 6 is not the row with its question in"):
        HotpotQA(path=str(data_dir / TRAIN), exclude=str(data_dir / "eval_50.json.gz"))
    with pytest.raises(DataError, match=r"hotpotqa_dev.*row 0: the field 'index' is missing"):
        HotpotQA(path=str(data_dir / DEV), exclude=str(data_dir / DEV))
    with pytest.raises(DataError, match="does not exist"):
        HotpotQA(path=str(data_dir / DEV), exclude=str(data_dir / "nowhere.json"))


def test_targets_that_cannot_be_met(tmp_path):
    path = written(tmp_path, official(3))
    assert len(HotpotQA(path=path, documents=12).episode("all", 0).sections) == 12
    with pytest.raises(ConfigError, match="too few distinct documents for 'documents' = 13; lower it"):
        HotpotQA(path=path, documents=13)
    with pytest.raises(ConfigError, match="2 supporting documents; raise 'documents' from 1"):
        HotpotQA(path=path, documents=1)
    with pytest.raises(ConfigError, match="too few distinct documents for 'length' = 5000; lower it"):
        HotpotQA(path=path, length=5000)
    with pytest.raises(ConfigError, match="tokens of supporting documents; raise 'length' from 5"):
        HotpotQA(path=path, length=5)
    with pytest.raises(ConfigError, match="exclude each other"):
        HotpotQA(path=path, length=50, documents=5)
    with pytest.raises(ConfigError, match="'documents' must be an int of at least 0"):
        HotpotQA(path=path, documents=-1)
    with pytest.raises(ConfigError, match="unknown token counter"):
        HotpotQA(path=path, counter="bytes")


def test_distractors_carry_no_title_of_the_question(tmp_path):
    """Another version of a supporting article would be evidence too."""
    rows = official(3)
    rows[1]["context"].append(["T0-1", ["Another version."]])
    task = HotpotQA(path=written(tmp_path, rows), documents=12)
    titles = [section.text.split("\n")[1] for section in task.episode("all", 0).sections]
    assert titles.count("T0-1") == 1


def test_scores(tmp_path):
    task = HotpotQA(path=written(tmp_path, official()))
    question = Question("q", "Who?", ("the Ada Lovelace",))
    assert task.score(question, "Ada Lovelace!") == {"answer": 1.0, "f1": 1.0, "sub_em": 1.0}
    assert task.score(question, "I say Ada Lovelace") == {"answer": 0.0, "f1": pytest.approx(2 / 3), "sub_em": 1.0}
    closed = Question("q", "Is it?", ("yes",))
    assert task.score(closed, "yes it is") == {"answer": 0.0, "f1": 0.0, "sub_em": 1.0}


def test_paragraphs_are_required(tmp_path):
    row = official()[0] | {"context": []}
    with pytest.raises(DataError, match="row 0: there are no documents"):
        HotpotQA(path=written(tmp_path, [row]))
    row = official()[0] | {"context": [["A", "not a list"]]}
    with pytest.raises(DataError, match=r"'context' must hold \[title, \[sentence, ...\]\]"):
        HotpotQA(path=written(tmp_path, [row]))
