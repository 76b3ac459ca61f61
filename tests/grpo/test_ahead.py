"""Collecting one rollout ahead: the same run as playing with last iteration's weights, one thing after the other."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import torch

from grpo.config import load_config
from grpo.errors import ConfigError
from grpo.run_folder import RunFolder
from grpo.trainer import Trainer


def config(tmp_path, name, **settings):
    settings = {"overlap": True, "correction": "truncate", "lr": 0.05, "save_every": 3, **settings}
    return load_config(None, [f'out_dir="{tmp_path / name}"', *(f"{k}={json.dumps(v)}" for k, v in settings.items())])


def lines(trainer):
    records = RunFolder(trainer.config.out_dir).metrics()
    return [{key: value for key, value in record.items() if not key.startswith("time/")} for record in records]


def ahead(toy, settings, **kwargs):
    """A trainer of a bandit whose collector copies the weights when it begins."""

    class Begins(toy.Bandit):
        def begin(self, request):
            return partial(toy.Bandit(copy.deepcopy(self.policy)), request)

    policy = toy.Table(1, 4)
    return Trainer(policy, Begins(policy), settings, **kwargs)


def test_it_is_the_run_that_plays_with_the_weights_of_the_iteration_before(toy, tmp_path):
    trainer = ahead(toy, config(tmp_path, "ahead", iterations=9, epochs=2))
    trainer.train()
    policy = toy.Table(1, 4)
    weights = []

    def late(request):
        """One thing after the other: the first two rollouts are of the first weights, the third of the second ones."""
        weights.append(copy.deepcopy(policy))
        return toy.Bandit(weights[max(0, request.iteration - 1)])(request)

    slow = Trainer(policy, late, config(tmp_path, "slow", iterations=9, epochs=2, overlap=False))
    slow.train()
    assert torch.equal(trainer.policy.logits, policy.logits)
    assert lines(trainer) == lines(slow)
    gaps = [record["sampler_gap_max"] for record in lines(trainer)]
    assert gaps[0] < 1e-5 < 1e-2 < min(gaps[1:])


def test_it_plays_while_the_policy_learns(toy, tmp_path):
    trainer = ahead(toy, config(tmp_path, "run", iterations=2))
    learning = threading.Event()
    begin, forward = trainer.collector.begin, trainer.policy.log_probs

    def waiting(request):
        play = begin(request)
        return lambda: play() if learning.wait(20) else pytest.fail("nothing was learned meanwhile")

    trainer.collector.begin = waiting
    trainer.policy.log_probs = lambda batch: learning.set() or forward(batch)
    trainer.train()
    assert trainer.iteration == 2


def test_a_run_cut_in_two_equals_a_whole_one(toy, tmp_path):
    whole = ahead(toy, config(tmp_path, "whole", iterations=8))
    whole.train()

    def interrupt(step, metrics):
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    ahead(toy, config(tmp_path, "cut", iterations=8), report=interrupt).train()
    rest = ahead(toy, config(tmp_path, "cut", iterations=8))
    rest.train(resume=True)
    assert torch.equal(rest.policy.logits, whole.policy.logits)
    assert lines(rest) == lines(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot send itself Ctrl-C")
def test_a_second_ctrl_c_does_not_wait_for_the_rollout(tmp_path):
    script = f"""if True:
        import os, signal, sys, threading, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import toy
        from grpo.config import load_config
        from grpo.trainer import Trainer

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background has it ignored

        class Endless(toy.Bandit):
            def begin(self, request):
                return (lambda: self.wait()) if request.iteration else (lambda: self(request))

            def wait(self):
                while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)
                while signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # the first was taken
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait()

        policy = toy.Table(1, 4)
        settings = ['out_dir="{tmp_path}"', "overlap=true", "correction=truncate", "iterations=3"]
        Trainer(policy, Endless(policy), load_config(None, settings)).train()
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_iterations_that_are_raised_begin_with_the_newest_weights(toy, tmp_path):
    ahead(toy, config(tmp_path, "run", iterations=3)).train()
    rest = ahead(toy, config(tmp_path, "run", iterations=5))
    rest.train(resume=True)
    gaps = [record["sampler_gap_max"] for record in lines(rest)]
    assert gaps[3] < 1e-5 < 1e-2 < min(gaps[1], gaps[2], gaps[4])


def test_what_it_failed_of_is_raised_and_the_last_checkpoint_is_whole(toy, tmp_path):
    trainer = ahead(toy, config(tmp_path, "run", iterations=6))
    begin = trainer.collector.begin

    def failing(request):
        return begin(request) if request.iteration != 4 else lambda: 1 / 0

    trainer.collector.begin = failing
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    rest = ahead(toy, config(tmp_path, "run", iterations=6))
    rest.train(resume=True)
    whole = ahead(toy, config(tmp_path, "whole", iterations=6))
    whole.train()
    assert torch.equal(rest.policy.logits, whole.policy.logits)


def test_what_does_not_fit_is_said(toy, tmp_path):
    with pytest.raises(ConfigError, match="set correction to 'truncate' or 'mask'"):
        config(tmp_path, "a", correction="none")
    with pytest.raises(ConfigError, match="max_resamples = 0"):
        config(tmp_path, "b", dynamic_sampling=True)
    with pytest.raises(ConfigError, match=r"Bandit has no `begin\(request\)`"):
        toy.make("bandit", config(tmp_path, "c"))
