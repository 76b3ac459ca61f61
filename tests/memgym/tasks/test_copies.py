"""Copies of tasks and episodes: the same episodes and fingerprint, nothing loaded twice, pickles checked."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from memgym.data.files import read_rows
from memgym.episodes import Episode, Question, Section
from memgym.errors import DataError
from memgym.tasks import Task, make_task

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())
CASES = [(name, json.loads(options)) for name, _, options in (key.partition(" ") for key in RECORDED)]
PROCEDURAL = [(name, options) for name, options in CASES if "/" not in name and "path" not in options]
DATA = [(name, options) for name, options in CASES if "/" not in name and "path" in options]
CURRICULUM = {"stages": [{"task": "locomo", "path": "locomo4.json.gz", "episodes": 1}, {"task": "whereabouts"}]}
CUSTOM = {"id": "a", "sections": ["Ana lives in Lisbon."], "questions": ["Where?"], "answers": ["Lisbon"]}


def some_episodes(task: Task) -> list[Episode]:
    size = task.check_split(task.default_split)
    return [task.episode(task.default_split, i) for i in (0, 1) if size is None or i < size]


def check_copies(task: Task) -> None:
    fingerprint, episodes = task.fingerprint(), some_episodes(task)
    for twin in (copy.deepcopy(task), copy.copy(task), pickle.loads(pickle.dumps(task))):
        assert twin is not task
        assert twin.config == task.config
        assert twin.fingerprint() == fingerprint
        assert twin.episode(task.default_split, 0) == episodes[0]
        assert some_episodes(twin) == episodes
        assert repr(some_episodes(twin)) == repr(episodes)
    for episode in episodes:
        assert copy.deepcopy(episode) is copy.copy(episode) is episode
        assert pickle.loads(pickle.dumps(episode)) == episode


@pytest.mark.parametrize(("task", "options"), PROCEDURAL, ids=lambda value: str(value)[:60])
def test_procedural_tasks(task, options):
    check_copies(make_task(task, **options))


@pytest.mark.parametrize(("task", "options"), [*DATA, ("curriculum", CURRICULUM)], ids=lambda value: str(value)[:60])
def test_file_tasks(data_dir, monkeypatch, task, options):
    monkeypatch.setenv("MEMGYM_DATA", str(data_dir))
    check_copies(make_task(task, **options))


def test_a_deep_copy_loads_nothing(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([CUSTOM]))
    task = make_task("custom", path=str(path))
    path.unlink()
    twin = copy.deepcopy(task)
    assert twin.rows is task.rows
    assert twin.episode("all", 0) == task.episode("all", 0)


def test_a_pickle_finds_its_file_from_another_folder_and_in_another_process(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "rows.json").write_text(json.dumps([CUSTOM]))
    monkeypatch.chdir(tmp_path)
    task = make_task("custom", path="rows.json")
    (tmp_path / "task.pickle").write_bytes(pickle.dumps(task))
    code = (
        "import pathlib, pickle; task = pickle.loads(pathlib.Path('../task.pickle').read_bytes()); "
        "print(task.fingerprint(), task.rows.name, task.episode('all', 0).id)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd="there", capture_output=True, text=True, check=True)
    assert run.stdout.split() == [task.fingerprint(), "rows.json", "a"]


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet"])
def test_a_pickle_of_a_file_that_changed_is_refused(tmp_path, form):
    path = tmp_path / f"rows.{form}"
    rows = [{"id": "a"}, {"id": "b"}]
    write(path, form, rows)
    pickled = pickle.dumps(read_rows(path))
    assert list(pickle.loads(pickled)) == rows
    before = path.stat()
    write(path, form, rows[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # neither size nor time tell
    with pytest.raises(DataError, match=rf"rows\.{form} is not what it was when it was pickled"):
        pickle.loads(pickled)
    path.unlink()
    with pytest.raises(DataError, match=rf"rows\.{form} does not exist"):
        pickle.loads(pickled)


def test_rows_of_a_hub_data_set(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "train.jsonl").write_text('{"id": 1}\n{"id": 2}')
    monkeypatch.chdir(tmp_path)
    rows = read_rows("hf:hub::train")
    pickled = pickle.dumps(rows)
    monkeypatch.chdir("/")
    twin = pickle.loads(pickled)
    assert copy.deepcopy(rows) is copy.copy(rows) is rows
    assert (list(twin), twin.name, twin.digest) == (list(rows), "hf:hub::train", rows.digest)


def test_metadata_is_kept_read_only_and_survives_a_pickle():
    given = {"stage": "1"}
    question = Question("q", "Where?", ("here",), metadata=given)
    given["stage"] = "2"
    assert question.metadata["stage"] == "1"
    episode = Episode("e", (question,), (Section("s", "text"),))
    twin = pickle.loads(pickle.dumps(episode))
    assert twin == episode
    assert repr(twin) == repr(episode)
    for asked in (question, twin.questions[0]):
        with pytest.raises(TypeError):
            asked.metadata["stage"] = "3"


@pytest.mark.parametrize("field", ["answers", "evidence"])
def test_one_text_where_several_may_stand_is_told(field):
    with pytest.raises(ValueError, match=f"question 'q': '{field}' must be a tuple of texts"):
        Question("q", "Where?", **{"answers": ("here",), field: "here"})


def write(path, form: str, rows: list[dict]) -> None:
    if form == "parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text(json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows)))
