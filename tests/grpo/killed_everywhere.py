"""Kills a run before each of its operations on files in turn, resumes it, and compares it with one that was not killed.

``python killed_everywhere.py FOLDER`` prints how many places there were. Every run is a process forked from this one,
which itself trains nothing and so has one thread.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import toy

from grpo import checkpoints
from grpo.config import TrainerConfig
from grpo.run_folder import RunFolder

SCORES = (0.1, 0.5, 0.3, 0.7, 0.2)
BEST = 4
EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree", "os.truncate"}


def train(out_dir: Path, resume: bool) -> None:
    settings = {"iterations": len(SCORES), "lr": 0.05, "save_every": 2, "validate_every": 1, "best_metric": "score"}
    config = TrainerConfig(out_dir=str(out_dir), **settings)
    trainer = toy.make("bandit", config, validate=lambda: {"score": SCORES[trainer.iteration - 1]})
    trainer.train(resume)


def kill_before(number: int, folder: Path) -> None:
    """Let this process be killed before its operation of that number on a file in the folder."""
    left = number

    def watch(event: str, arguments: tuple) -> None:
        nonlocal left
        writes = event in EVENTS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        path = str(arguments[0])
        if writes and (path.startswith(str(folder)) or not os.path.isabs(path)):  # rmtree names what is in a folder
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def in_child(*steps: Callable[[], None]) -> int:
    """Run some steps in a process of their own, and return its exit status, negative for a signal."""
    child = os.fork()
    if not child:
        try:
            for step in steps:
                step()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def outcome(out_dir: Path) -> tuple:
    folder = RunFolder(out_dir)
    records = [{key: value for key, value in line.items() if "time/" not in key} for line in folder.metrics()]
    policies = [checkpoints.load(folder, step)["policy"] for step in (None, folder.best_step)]
    names = sorted(path.name for path in (*folder.path.iterdir(), *folder.checkpoints.iterdir()))
    return records, [policy["logits"].tolist() for policy in policies], folder.best_step, folder.steps, names


def survives_kill(number: int, out_dir: Path, expected: tuple) -> bool:
    """Kill a run before an operation, and check that it resumes; return False if there are not so many operations."""
    status = in_child(lambda: kill_before(number, out_dir), lambda: train(out_dir, resume=False))
    if status == 0:
        return False
    assert status == -signal.SIGKILL, status
    assert in_child(lambda: train(out_dir, resume=out_dir.exists())) == 0, number
    assert outcome(out_dir) == expected, (number, outcome(out_dir), expected)
    return True


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    whole = folder / "whole"
    assert in_child(lambda: train(whole, resume=False)) == 0
    expected = outcome(whole)
    assert expected[2:4] == (BEST, [BEST, len(SCORES)]), expected
    number = 0
    while survives_kill(number, folder / f"killed-{number}", expected):
        number += 1
    print(number)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
