"""What all file tasks share: refusal of bad files, splits, fingerprints. Parametrised over every loader."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest

from memgym.episodes import Episode
from memgym.errors import ConfigError, DataError
from memgym.tasks.published import base as files
from memgym.tasks.published.custom import Custom
from memgym.tasks.published.hotpotqa import HotpotQA
from memgym.tasks.published.locomo import LoCoMo
from memgym.tasks.published.longmemeval import LongMemEval
from memgym.tasks.published.memagent import MemAgent
from memgym.tasks.published.memfactory import MemFactory
from memgym.tasks.published.memoryagentbench import MemoryAgentBench
from memgym.tasks.published.musique import MuSiQue
from memgym.tasks.published.twowiki import TwoWiki

pytest.importorskip("nltk")  # LoCoMo's score

_WIKI = {
    "_id": "w1",
    "question": "Who?",
    "answer": "Ada",
    "context": [["A", ["One.", " Two."]], ["B", ["Three."]]],
    "supporting_facts": [["B", 0]],
    "type": "bridge",
}
# A row of every layout, and the fields without which it is refused.
SAMPLES: dict[str, tuple[type[files.FileTask], dict[str, Any], tuple[str, ...]]] = {
    "memagent qa": (
        MemAgent,
        {"context": "Document 1:\nA\n\nDocument 2:\nB", "input": "Who?", "answers": ["Ada"], "index": 4},
        ("context", "input", "answers"),
    ),
    "memagent fwe": (
        MemAgent,
        {"context": "aa bb aa", "input": "Which?", "outputs": ["aa", "bb"], "index": 0},
        ("context", "input", "outputs"),
    ),
    "memagent training": (
        MemAgent,
        {
            "prompt": [{"role": "user", "content": "Who?"}],
            "context": "Document 1:\nA",
            "reward_model": {"ground_truth": ["Ada"]},
            "extra_info": {"question": "Who?", "num_docs": 1, "index": 3},
        },
        ("context", "extra_info"),
    ),
    "hotpotqa": (HotpotQA, _WIKI, ("question", "answer", "context", "supporting_facts")),
    "hotpotqa hub": (
        HotpotQA,
        _WIKI
        | {
            "context": {"title": ["A", "B"], "sentences": [["One."], ["Two."]]},
            "supporting_facts": {"title": ["A"], "sent_id": [0]},
        },
        ("question", "answer", "context", "supporting_facts"),
    ),
    "unified": (
        HotpotQA,
        {
            "id": "u1",
            "question": "Who?",
            "answers": ["Ada"],
            "paragraphs": [{"title": "A", "text": "One."}],
            "supporting_titles": ["A"],
        },
        ("question", "paragraphs", "supporting_titles"),
    ),
    "2wiki": (TwoWiki, _WIKI, ("question", "answer", "context", "supporting_facts")),
    "musique": (
        MuSiQue,
        {
            "id": "2hop__1_2",
            "question": "Who?",
            "answer": "Ada",
            "answer_aliases": [],
            "paragraphs": [{"idx": 0, "title": "A", "paragraph_text": "One.", "is_supporting": True}],
        },
        ("question", "answer", "paragraphs"),
    ),
    "locomo": (
        LoCoMo,
        {
            "sample_id": "conv-26",
            "conversation": {
                "speaker_a": "Ann",
                "session_1_date_time": "1 May",
                "session_1": [{"speaker": "Ann", "dia_id": "D1:1", "text": "Hi."}],
            },
            "qa": [{"question": "Who?", "answer": "Ann", "evidence": ["D1:1"], "category": 4}],
            "observation": {"session_1_observation": {"Ann": [["Ann says hi.", "D1:1"]]}},
        },
        ("sample_id", "conversation", "qa"),
    ),
    "longmemeval": (
        LongMemEval,
        {
            "question_id": "q1",
            "question_type": "multi-session",
            "question": "How many?",
            "answer": 3,
            "question_date": "2023/05/30 (Tue) 10:45",
            "haystack_dates": ["2023/05/29 (Mon) 10:45"],
            "haystack_sessions": [[{"role": "user", "content": "Three.", "has_answer": True}]],
        },
        ("question_id", "question_type", "question", "answer", "question_date", "haystack_dates", "haystack_sessions"),
    ),
    "memfactory": (
        MemFactory,
        {
            "M": [{"id": "m1", "key": "home", "value": "Lisbon", "memory_type": "UserMemory", "tags": []}],
            "f": [{"role": "Ann", "content": "Hi.", "timestamp": "2023"}],
            "q": "Where?",
            "a": "Lisbon",
            "context_memory": [],
        },
        ("M", "f", "q", "a"),
    ),
    "custom sections": (
        Custom,
        {"sections": ["One.", {"id": "two", "text": "Two."}], "questions": ["Who?"], "answers": ["Ada"]},
        ("sections", "questions", "answers"),
    ),
    "custom sessions": (
        Custom,
        {
            "sessions": [{"time": "May", "turns": [{"id": "t", "speaker": "Ann", "text": "Hi."}]}],
            "questions": ["Who?"],
            "answers": [["Ann"]],
            "evidence": [["t"]],
            "facts": [{"subject": "Ann", "relation": "mood", "value": "glad", "source": "t"}],
        },
        ("sessions", "questions", "answers"),
    ),
    "memoryagentbench": (
        MemoryAgentBench,
        {
            "context": "Fact 1.",
            "questions": ["Who?"],
            "answers": [["Ada"]],
            "metadata": {"source": "factconsolidation_sh_6k"},
        },
        ("context", "questions", "answers", "metadata"),
    ),
}
ALL = pytest.mark.parametrize("name", SAMPLES)


def write(path, rows, packed=False):
    content = json.dumps(rows).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    return str(path)


@ALL
def test_every_layout_loads(tmp_path, name):
    task_class, row, _ = SAMPLES[name]
    task = task_class(path=write(tmp_path / "data.json", [row]))
    assert task.size("all") == 1
    episode = task.episode("all", 0)
    assert isinstance(episode, Episode)
    assert episode == task.episode("all", 0)
    for question in episode.questions:
        scores, empty = task.score(question, question.answers[0]), task.score(question, "")
        assert all(isinstance(value, float) and 0 <= value <= 1 for value in (*scores.values(), *empty.values()))
        assert empty["answer"] == 0.0 < scores["answer"]
        assert list(scores) == list(empty)
        ids = {part.id for part in episode.sections} | {turn.id for s in episode.sessions for turn in s.turns}
        assert ids.issuperset(question.evidence)


@ALL
def test_each_missing_field_is_named(tmp_path, name):
    task_class, row, needed = SAMPLES[name]
    for field in needed:
        bad = {key: value for key, value in row.items() if key != field}
        with pytest.raises(DataError) as caught:
            task_class(path=write(tmp_path / "bad.json", [row, bad]))
        message = str(caught.value)
        assert "bad.json, row 1" in message
        assert f"'{field}'" in message.partition(". Task")[0]
        assert f"Task {task_class.name!r} reads rows of" in message


@ALL
def test_missing_empty_and_cut_files(tmp_path, name):
    task_class, row, _ = SAMPLES[name]
    with pytest.raises(DataError, match=r"gone\.json does not exist"):
        task_class(path=str(tmp_path / "gone.json"))
    empty = tmp_path / "empty.json"
    empty.write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.json is empty"):
        task_class(path=str(empty))
    whole = write(tmp_path / "whole.json", [row, row], packed=True)
    for cut in (30, 60, -4):
        broken = tmp_path / "broken.json.gz"
        broken.write_bytes((tmp_path / "whole.json").read_bytes()[:cut])
        with pytest.raises(DataError, match=r"broken\.json\.gz is not a whole gzip file"):
            task_class(path=str(broken))
    assert task_class(path=whole).size("all") == 2


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path to every value inside ``value``."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def refusal(task_class: type[files.FileTask], path: str) -> str | None:
    """Return the message of the error that refuses a file, None if it plays."""
    try:
        task_class(path=path).episode("all", 0)
    except (DataError, ConfigError) as error:
        return str(error)
    return None


@ALL
def test_any_value_of_another_type_is_taken_or_refused_clearly(tmp_path, name):
    """Put null, a number, a text, a list and an object in the place of every value in turn."""
    task_class, row, _ = SAMPLES[name]
    refused = 0
    for path in places(row):
        for other in (None, 7, "text", [], [[]], [None], {}, {"a": 1}):
            bad = copy.deepcopy(row)
            parent = bad
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = other
            message = refusal(task_class, write(tmp_path / "odd.json", [bad]))
            refused += message is not None
            assert message is None or "odd.json" in message, (path, other)
    assert refused > 10


@ALL
def test_files_of_other_layouts_are_refused(tmp_path, name):
    task_class, _, _ = SAMPLES[name]
    for other, (other_class, row, _) in SAMPLES.items():
        kin = {HotpotQA, TwoWiki, MuSiQue}
        if other_class is task_class or {task_class, other_class} <= kin:
            continue
        with pytest.raises(DataError, match=r"other\.json, row 0"):
            task_class(path=write(tmp_path / "other.json", [row]))
        assert other != name


def test_options(tmp_path):
    path = write(tmp_path / "data.json", [SAMPLES["memagent qa"][1]])
    with pytest.raises(ConfigError, match="path"):
        MemAgent()
    for bad in ("", None, 3):
        with pytest.raises(ConfigError, match="'path' must name a data file"):
            MemAgent(path=bad)
    with pytest.raises(ConfigError, match="unknown split 'dev' of task 'memagent'"):
        MemAgent(path=path).episode("dev", 0)
    with pytest.raises(ConfigError, match="0 to 0"):
        MemAgent(path=path).episode("all", 1)


def rows_of(count: int) -> list[dict[str, Any]]:
    return [SAMPLES["memagent qa"][1] | {"index": i, "input": f"Question {i}?"} for i in range(count)]


def test_splits_part_the_rows_and_do_not_depend_on_their_order(tmp_path):
    rows = rows_of(400)
    task = MemAgent(path=write(tmp_path / "a.json", rows))
    parts = {s: [task.episode(s, i).id for i in range(task.size(s))] for s in ("train", "validation", "test")}
    assert sorted(chain(*parts.values()), key=int) == [str(i) for i in range(400)]
    assert 0.75 < len(parts["train"]) / 400 < 0.85
    assert 0.06 < len(parts["validation"]) / 400 < 0.14
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(400)]
    again = MemAgent(path=write(tmp_path / "b.json", shuffled))
    for split, ids in parts.items():
        assert sorted(ids) == sorted(again.episode(split, i).id for i in range(again.size(split)))


def test_split_of_is_fixed():
    """A change here moves rows between the splits of published results."""
    found = {
        split: [f"q{i}" for i in range(17) if files.split_of(f"q{i}") == split] for split in ("validation", "test")
    }
    assert found == {"validation": ["q10", "q11", "q16"], "test": ["q3", "q13"]}


def test_an_empty_split_is_refused(tmp_path):
    row = SAMPLES["memagent qa"][1] | {"index": 1}
    with pytest.raises(ConfigError, match="split 'test' of task 'memagent' is empty"):
        MemAgent(path=write(tmp_path / "a.json", [row])).episode("test", 0)


def test_fingerprint_follows_content_not_place(tmp_path):
    rows = rows_of(3)
    plain, packed = write(tmp_path / "a.json", rows), write(tmp_path / "b.json.gz", rows, packed=True)
    other = write(tmp_path / "c.json", rows_of(4))
    prints = [MemAgent(path=path).fingerprint() for path in (plain, packed, other)]
    assert prints[0] == prints[1] != prints[2]


def test_large_files_are_checked_in_part_and_the_rest_when_played(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHECKED_BYTES", 2000)
    rows = rows_of(100)
    del rows[90]["input"]
    task = MemAgent(path=write(tmp_path / "late.json", rows))  # row 90 lies beyond the first 2,000 bytes
    with pytest.raises(DataError, match=r"late\.json, row 90: the field 'input' is missing"):
        task.episode("all", 90)
    del rows[99]["input"]
    with pytest.raises(DataError, match="row 99"):
        MemAgent(path=write(tmp_path / "last.json", rows))


def test_jsonl_cut_in_its_last_row(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHECKED_BYTES", 100)
    path = tmp_path / "cut.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows_of(50))[:-7])
    with pytest.raises(DataError, match=r"row 49 is not valid JSON .*is the file cut off"):
        MemAgent(path=str(path))


@ALL
def test_copies_of_every_layout(tmp_path, name):
    task_class, row, _ = SAMPLES[name]
    task = task_class(path=write(tmp_path / "data.json", [row]))
    for twin in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert twin.fingerprint() == task.fingerprint()
        assert twin.episode("all", 0) == task.episode("all", 0)


def test_every_path_reads_the_same_rows(tmp_path, monkeypatch):
    """One code path after loading: JSON, JSON lines, parquet and a hub data set give the same episodes."""
    pa = pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    from pyarrow import parquet

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    for name in ("memagent training", "hotpotqa hub", "musique", "longmemeval", "memoryagentbench"):
        task_class, row, _ = SAMPLES[name]
        if name == "longmemeval":
            row = row | {"answer": "3"}  # a column has one type
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        parquet.write_table(pa.Table.from_pylist([row] * 3), folder / "train.parquet")
        (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for _ in range(3)))
        paths = (
            write(tmp_path / "rows.json", [row] * 3),
            tmp_path / "rows.jsonl",
            folder / "train.parquet",
            f"hf:{folder}",
        )
        tasks = [task_class(path=str(path)) for path in paths]
        assert [task.size("all") for task in tasks] == [3] * 4
        episodes = [task.episode("all", 2) for task in tasks]
        assert episodes == [episodes[0]] * 4, name


def test_the_same_episode_in_another_process(tmp_path):
    path = write(tmp_path / "data.json", [SAMPLES["hotpotqa"][1] | {"_id": str(i)} for i in range(5)])
    code = (
        "import sys; from memgym.tasks.published.hotpotqa import HotpotQA; "
        "print(repr(HotpotQA(path=sys.argv[1], documents=2, seed=3).episode('all', 1)))"
    )
    here = repr(HotpotQA(path=path, documents=2, seed=3).episode("all", 1))
    for seed in ("1", "2"):
        run = [sys.executable, "-c", code, path]
        there = subprocess.run(run, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed})
        assert there.stdout.strip() == here
