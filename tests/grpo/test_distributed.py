"""Two gloo ranks take the steps that one process takes, and their checkpoint loads on one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from grpo.causal_lm import CausalLM
from grpo.distributed import TorchWorld, accumulate, shares, wrap
from grpo.run_folder import RunFolder

SETTINGS = (
    "preset=dapo", "dynamic_sampling=false", "overlong_length=8", "overlong_buffer=4", "kl=k3", "kl_coef=0.1",
    "epochs=2", "mini_batches=2", "micro_tokens=60", "lr=0.01", "save_every=1",
)  # fmt: skip


LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


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
        torch.testing.assert_close(found["policy"][key], value, rtol=0, atol=3e-5)


@pytest.mark.parametrize("strategy", [pytest.param("ddp", marks=pytest.mark.slow), "fsdp"])
def test_two_ranks_equal_one_and_their_checkpoint_loads_on_one(toy, tmp_path, alone, strategy):
    after_3, after_4, folder = alone
    final, common = tmp_path / "two.pt", [*SETTINGS, f"strategy={strategy}"]
    script = str(Path(__file__).with_name("toy.py"))
    subprocess.run(
        [*LAUNCH, script, "llama", str(tmp_path / "run"), str(final), *common, "iterations=3"],
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


RESUME = """
import os, sys
sys.path.insert(0, {folder!r})
import toy
from grpo import checkpoints
load = checkpoints.load
def told(*args):
    os.write(1, f"read by rank {{os.environ['RANK']}}\\n".encode())
    return load(*args)
checkpoints.load = told
toy.main(*sys.argv[1:])
"""


@pytest.mark.parametrize("strategy", ["ddp", pytest.param("fsdp", marks=pytest.mark.slow)])
def test_only_the_first_rank_reads_the_checkpoint_that_all_resume_from(toy, tmp_path, alone, strategy):
    after_4 = alone[1]
    run, final, script = tmp_path / "run", tmp_path / "two.pt", tmp_path / "resume.py"
    common = [*SETTINGS, f"strategy={strategy}"]
    toy.main("llama", str(run), str(tmp_path / "one.pt"), *common, "iterations=3")
    script.write_text(RESUME.format(folder=str(Path(__file__).parent)))
    done = subprocess.run(
        [*LAUNCH, str(script), "llama", str(run), str(final), *common, "iterations=4", "--resume"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=400,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["read by rank 0"]
    close(torch.load(final), after_4)
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_checkpoint_of_another_policy_is_told_by_every_rank(toy, tmp_path):
    run, script = tmp_path / "run", str(Path(__file__).with_name("toy.py"))
    toy.main("bandit", str(run), str(tmp_path / "one.pt"), "iterations=1", "save_every=1")
    done = subprocess.run(
        [*LAUNCH, script, "llama", str(run), str(tmp_path / "two.pt"), "iterations=2", "save_every=1", "--resume"],
        timeout=400,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "the checkpoint is of another policy" in done.stderr


SLOW = """
import os, sys, time
sys.path.insert(0, {folder!r})
import toy
scripted = toy.scripted
def slow(request):
    if request.iteration == 2:
        os.write(1, b"collecting\\n")  # whole, beside the other rank
        time.sleep(60)
    return scripted(request)
toy.scripted = slow
toy.main(*sys.argv[1:])
"""


def test_ctrl_c_saves_before_torchrun_kills(toy, tmp_path, alone):
    script, run = tmp_path / "slow.py", tmp_path / "run"
    script.write_text(SLOW.format(folder=str(Path(__file__).parent)))
    settings = [*SETTINGS, "save_every=100", "iterations=4"]
    process = subprocess.Popen(
        [*LAUNCH, str(script), "llama", str(run), str(tmp_path / "never.pt"), *settings],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "5"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(2):
        assert process.stdout.readline() == "collecting\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to torchrun, which sends it on, and to the ranks
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "saved: iteration 2" in errors
    assert RunFolder(run).steps == [2]
    after_4 = alone[1]
    toy.main("llama", str(run), str(tmp_path / "one.pt"), *settings, "--resume")
    close(torch.load(tmp_path / "one.pt"), after_4)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("bound", [1, 40, 10_000])
def test_every_rank_has_as_many_batches_and_every_row_counts_once(rollout, size, bound):
    buffer = rollout(3)
    chosen = torch.arange(len(buffer))[::2]
    work = [shares(buffer, chosen, bound, 0.1, TorchWorld(rank, size)) for rank in range(size)]
    assert len({len(batches) for batches in work}) == 1
    counted = torch.cat([rows for batches in work for rows, idle in batches if not idle])
    assert sorted(counted.tolist()) == chosen.tolist()


def test_replicas_hold_one_set_of_gradients(toy, rollout, tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        policy = CausalLM(toy.tiny_llama())
        forward = wrap(policy, "ddp", TorchWorld(0, 2))
        for exchange in (True, False, False, True):
            with accumulate(forward, exchange):
                forward(rollout(11, vocabulary=64))[0].sum().backward()
            held = {parameter.grad.untyped_storage().data_ptr() for parameter in policy.parameters()}
            assert len(held) == 1  # the bucket in which they are exchanged
    finally:
        dist.destroy_process_group()
