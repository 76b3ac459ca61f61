"""Two gloo ranks take the steps that one process takes, and their checkpoint loads on one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from grpo.distributed import TorchWorld, shares
from grpo.run_folder import RunFolder

SETTINGS = (
    "preset=dapo", "dynamic_sampling=false", "overlong_length=8", "overlong_buffer=4", "kl=k3", "kl_coef=0.1",
    "epochs=2", "mini_batches=2", "micro_tokens=60", "lr=0.01", "save_every=1",
)  # fmt: skip


def metrics(folder: Path) -> list[dict]:
    return [{k: v for k, v in line.items() if not k.startswith("time/")} for line in RunFolder(folder).metrics()]


@pytest.fixture(scope="module")
def alone(toy, tmp_path_factory):
    """States after 3 and 4 steps of one process, and the folder of the longer run."""
    folder, states = tmp_path_factory.mktemp("alone"), []
    for steps in (3, 4):
        final = folder / f"{steps}.pt"
        toy.main("llama", str(folder / str(steps)), str(final), *SETTINGS, f"iterations={steps}")
        states.append(torch.load(final))
    return *states, folder / "4"


def close(found: dict, expected: dict) -> None:
    assert found["policy"].keys() == expected["policy"].keys()
    for key, value in expected["policy"].items():  # a step is 1e-2: these are rounding
        torch.testing.assert_close(found["policy"][key], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_equal_one_and_their_checkpoint_loads_on_one(toy, tmp_path, alone, strategy):
    after_3, after_4, folder = alone
    final, common = tmp_path / "two.pt", [*SETTINGS, f"strategy={strategy}"]
    script = str(Path(__file__).with_name("toy.py"))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*launch, script, "llama", str(tmp_path / "run"), str(final), *common, "iterations=3"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=True,
    )
    close(torch.load(final), after_3)
    for found, expected in zip(metrics(tmp_path / "run"), metrics(folder), strict=False):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)

    toy.main("llama", str(tmp_path / "run"), str(tmp_path / "one.pt"), *common, "iterations=4", "--resume")
    close(torch.load(tmp_path / "one.pt"), after_4)
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("bound", [1, 40, 10_000])
def test_every_rank_has_as_many_batches_and_every_row_counts_once(rollout, size, bound):
    buffer = rollout(3)
    chosen = torch.arange(len(buffer))[::2]
    work = [shares(buffer, chosen, bound, True, TorchWorld(rank, size)) for rank in range(size)]
    assert len({len(batches) for batches in work}) == 1
    counted = torch.cat([rows for batches in work for rows, idle in batches if not idle])
    assert sorted(counted.tolist()) == chosen.tolist()
