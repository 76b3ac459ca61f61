"""MemoryAgentBench: metric by sub-dataset, subsets, film titles."""

from __future__ import annotations

import json

import pytest

from memgym.errors import ConfigError, DataError
from memgym.tasks.published.memoryagentbench import MemoryAgentBench

ANSWERS = {
    "ruler_qa1_197K": ["Ada", "Lady Ada"],
    "factconsolidation_mh_6k": ["Rome"],
    "eventqa_full": ["He left.", "She stayed."],
    "icl_banking77_5900shot_balance": ["label: 31"],
    "detective_qa": ["B. The butler"],
    "infbench_sum_eng_shots2": ["A long tale of two cities."],
    "recsys_redial_full": ["7", "8"],
}


def rows():
    return [
        {"context": f"Text {i}.", "questions": ["Q1?", "Q2?"], "answers": [gold, gold], "metadata": {"source": source}}
        for i, (source, gold) in enumerate(ANSWERS.items())
    ]


@pytest.fixture
def path(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(rows()), tmp_path / "bench.parquet")
    films = {
        "<http://dbpedia.org/resource/The_Matrix_(1999_film)>": 7,
        "<http://dbpedia.org/resource/Alien>": 8,
        "<http://dbpedia.org/resource/Aliens>": 9,
    }
    (tmp_path / "entity2id.json").write_text(json.dumps(films))
    return tmp_path / "bench.parquet"


@pytest.fixture
def task(path):
    return MemoryAgentBench(path=str(path), entities=str(path.parent / "entity2id.json"))


def question(task, source):
    return task.episode("all", list(ANSWERS).index(source)).questions[0]


def test_rows(task):
    assert task.size("all") == len(ANSWERS)
    episode = task.episode("all", 1)
    assert [(section.id, section.text) for section in episode.sections] == [("context", "Text 1.")]
    assert [q.text for q in episode.questions] == ["Q1?", "Q2?"]
    assert len({q.id for i in range(len(ANSWERS)) for q in task.episode("all", i).questions}) == 2 * len(ANSWERS)


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        ("ruler_qa1_197K", "I think it was Lady Ada.", 1.0),
        ("ruler_qa1_197K", "", 0.0),
        ("factconsolidation_mh_6k", "Answer: Rome", 1.0),
        ("eventqa_full", "he left. SHE STAYED.", 1.0),
        ("eventqa_full", "He left.", 0.0),
        ("icl_banking77_5900shot_balance", "label: 31", 1.0),
        ("icl_banking77_5900shot_balance", "31", 1.0),
        ("icl_banking77_5900shot_balance", "31 or 32", 0.0),
        ("detective_qa", "B. the butler", 1.0),
        ("detective_qa", "It was B. The butler", 0.0),
        ("detective_qa", "I think so.\nAnswer: B. The butler\nHe had the key.", 1.0),
        ("icl_banking77_5900shot_balance", "It is a card.\nAnswer: 31\nSurely.", 1.0),
        ("icl_banking77_5900shot_balance", "label: 31\nas it is a card", 1.0),
        ("icl_banking77_5900shot_balance", "It is a card.\nlabel: 31", 0.0),
        ("infbench_sum_eng_shots2", "A tale of two cities", 0.8889),
        ("recsys_redial_full", "Try these:\n1. Matrix (1999)\n2. Up\n3. Alien", 1.0),
        ("recsys_redial_full", "The Matrix, Aliens", 0.5),
        ("recsys_redial_full", "1. A\n2. B\n3. C\n4. D\n5. E\n6. The Matrix", 0.0),
        ("recsys_redial_full", "", 0.0),
    ],
)
def test_metric_by_sub_dataset(task, source, answer, expected):
    scores = task.score(question(task, source), answer)
    assert scores["answer"] == pytest.approx(expected, abs=1e-4)
    assert list(scores) == ["answer", "em", "sub_em", "f1"]


def test_film_numbers_become_titles(task):
    assert question(task, "recsys_redial_full").answers == ("The Matrix", "Alien")


def test_subset(path):
    task = MemoryAgentBench(path=str(path), subset="icl")  # without the films, which it does not need
    assert task.size("all") == 1
    assert task.episode("all", 0).questions[0].category == "icl_banking77_5900shot_balance"
    assert sum(task.size(split) for split in ("train", "validation", "test")) == 1
    with pytest.raises(ConfigError, match="begins with 'icle': detective_qa, eventqa_full"):
        MemoryAgentBench(path=str(path), subset="icle")


def test_fingerprint_follows_the_content_of_both_files(path):
    films, other = path.parent / "entity2id.json", path.parent / "other.json"
    other.write_text(films.read_text())
    prints = [MemoryAgentBench(path=str(path), entities=str(file)).fingerprint() for file in (films, other)]
    other.write_text(films.read_text() + "\n")
    prints.append(MemoryAgentBench(path=str(path), entities=str(other)).fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_films_need_their_names(path):
    with pytest.raises(ConfigError, match=r"give 'entities', the path of entity2id\.json"):
        MemoryAgentBench(path=str(path))
    (path.parent / "few.json").write_text('{"<Alien>": 8}')
    with pytest.raises(DataError, match=r"row 6, question 0: entity '7' is not in .*few\.json"):
        MemoryAgentBench(path=str(path), entities=str(path.parent / "few.json"))
    for bad in ("[1]", "{", None):
        broken = path.parent / "broken.json"
        broken.unlink(missing_ok=True)
        if bad:
            broken.write_text(bad)
        with pytest.raises(DataError, match=r"broken\.json is no JSON object of names and ids"):
            MemoryAgentBench(path=str(path), entities=str(broken))


def test_questions_and_answers_must_match(tmp_path):
    row = rows()[0] | {"answers": [["Ada"]]}
    (tmp_path / "bench.json").write_text(json.dumps([row]))
    with pytest.raises(DataError, match="row 0: there are 2 'questions' and 1 'answers'"):
        MemoryAgentBench(path=str(tmp_path / "bench.json"))
