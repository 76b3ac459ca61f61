from __future__ import annotations

import json

import pytest

from grpo.config import load_config
from grpo.errors import GrpoError
from grpo.files import cut_back
from grpo.run_folder import RunFolder
from grpo.tracking import Tracker


def test_a_resumed_run_is_cut_back_to_its_checkpoint(tmp_path):
    folder = RunFolder(tmp_path)
    tracker = Tracker(folder, step=0)
    for step in range(1, 6):
        tracker.log(step, {"loss": 1 / step}, [f"trajectory {step} «é»"])
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 6, "lo')  # torn by a kill
    Tracker(folder, step=3).log(4, {"loss": 9.0})
    assert [record["loss"] for record in folder.metrics()] == [1, 1 / 2, 1 / 3, 9.0]
    assert folder.samples()[-1] == {"step": 3, "samples": ["trajectory 3 «é»"]}


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": \n{"step": 3}\n')
    with pytest.raises(GrpoError, match=r"metrics\.jsonl, line 2: not JSON"):
        cut_back(path, 3)


def test_swanlab_offline_holds_the_metrics_and_the_samples(toy, tmp_path):
    """A real run, read back with SwanLab's own reader of its offline store."""
    pytest.importorskip("swanlab")
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record
    from swanlab.sdk.internal.core_python.store import DataStoreReader

    overrides = [f'out_dir="{tmp_path / "run"}"', "iterations=3", "swanlab=offline", "project=memory", "log_samples=2"]
    config = load_config(None, overrides)
    toy.make("bandit", config, decode=lambda row: f"arm {int(row['choice'])}").train()

    (store,) = (tmp_path / "run" / "swanlab").glob("run-*/run-*.swanlab")
    reader = DataStoreReader()
    reader.open(store)
    scalars, records = {}, []
    for data in reader:
        record = Record()
        record.ParseFromString(data)
        records.append(record)
        if record.HasField("scalar"):
            scalars[record.scalar.key, record.scalar.step] = record.scalar.value.number
    reader.close()
    expected = RunFolder(tmp_path / "run").metrics()
    assert len(expected) == 3
    for line in expected:
        step = line.pop("step")
        assert {key: scalars[key, step] for key in line} == pytest.approx(line)
    assert records[0].start.project == "memory"
    assert any(record.HasField("finish") for record in records)
    samples = RunFolder(tmp_path / "run").samples()
    texts = [path.read_text() for path in (store.parent / "media").rglob("*.txt")]
    assert sorted({text for line in samples for text in line["samples"]}) == sorted(set(texts))
    assert json.loads(json.dumps(samples[0]))["samples"][0].startswith("arm ")
