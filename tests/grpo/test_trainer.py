"""Whole runs in one process: known optima are found, interrupted runs go on exactly, and settings do what they say."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from grpo import checkpoints
from grpo.buffer import from_rows
from grpo.causal_lm import CausalLM, add_lora
from grpo.config import TrainerConfig, load_config
from grpo.errors import ConfigError, GrpoError, RunFolderError
from grpo.optimizer import learning_rate, make_optimizer
from grpo.options import flatten
from grpo.run_folder import RunFolder
from grpo.trainer import Trainer


def config(tmp_path, name="run", **settings):
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    return load_config(None, [f'out_dir="{tmp_path / name}"', *overrides])


def lines(settings):
    """The metrics of a run without the times."""
    records = RunFolder(settings.out_dir).metrics()
    return [{key: value for key, value in record.items() if not key.startswith("time/")} for record in records]


def parameters(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.policy.parameters()])


@pytest.mark.parametrize("preset", ["grpo", "dapo", "dr_grpo", "bnpo", "gspo", "cispo", "reinforce"])
def test_a_bandit_is_solved(toy, tmp_path, preset):
    extra = (
        {"kl": "none"} if preset == "grpo" else {"overlong_length": 4, "overlong_buffer": 0} if preset == "dapo" else {}
    )
    length = {"constant_length": 1} if preset == "dr_grpo" else {}
    trainer = toy.make(
        "bandit", config(tmp_path, preset=preset, iterations=120, lr=0.05, save_every=1000, **extra, **length)
    )
    trainer.train()
    assert trainer.policy.logits.softmax(-1)[0, 2] > 0.9


@pytest.mark.parametrize("credit", ["episode", "phase"])
def test_two_phases_learn_to_agree_on_a_code(toy, tmp_path, credit):
    settings = config(tmp_path, iterations=250, lr=0.05, credit=credit, scale="none", seed=1, save_every=1000)
    trainer = toy.make("whisper", settings)
    torch.manual_seed(0)
    torch.nn.init.normal_(trainer.policy.logits, std=0.1)  # equal symbols would be a saddle point
    assert toy.success(trainer.policy) < 0.4
    trainer.train()
    assert toy.success(trainer.policy) > 0.95


def test_metrics_are_complete_and_written_once_per_iteration(toy, tmp_path):
    settings = config(tmp_path, iterations=3, epochs=2, kl="k3", save_every=2, micro_tokens=40)
    last = toy.make("llama", settings).train()
    records = lines(settings)
    assert [record["step"] for record in records] == [1, 2, 3]
    assert records[-1] == {"step": 3, **{key: value for key, value in last.items() if not key.startswith("time/")}}
    assert {
        "loss", "grad_norm", "lr", "entropy", "clip_fraction", "ratio", "ratio_max", "policy_kl", "reference_kl",
        "sampler_kl", "effective_sample_size", "advantage_size", "reward/mean", "reward/0/std", "response_length/mean",
    } <= records[0].keys()  # fmt: skip
    assert last["time/tokens_per_second"] > 0
    assert last["updates"] == 6
    assert records[0]["reference_kl"] > 0
    assert RunFolder(settings.out_dir).steps == [3]


@pytest.mark.parametrize("bound", [1, 25, 60, 10_000])
def test_micro_batches_of_any_size_give_the_same_run(toy, tmp_path, bound):
    common = {"preset": "dapo", "dynamic_sampling": False, "iterations": 2, "epochs": 2, "mini_batches": 2, "lr": 1e-2}
    whole = toy.make("llama", config(tmp_path, "whole", micro_tokens=100_000, **common))
    cut = toy.make("llama", config(tmp_path, "cut", micro_tokens=bound, **common))
    whole.train()
    cut.train()
    # Adam divides by the gradient's size, which amplifies rounding: 1e-5 is a thousandth of one step.
    torch.testing.assert_close(parameters(cut), parameters(whole), rtol=0, atol=1e-5)


def test_old_log_probs_are_taken_before_the_first_update(toy, tmp_path):
    once = toy.make("llama", config(tmp_path, "a", iterations=1, lr=0.05)).train()
    twice = toy.make("llama", config(tmp_path, "b", iterations=1, lr=0.05, epochs=2)).train()
    assert once["ratio_max"] == 1
    assert once["clip_fraction"] == 0
    assert twice["ratio_max"] > 1.1
    assert twice["clip_fraction"] > 0


def test_a_run_cut_in_two_equals_a_whole_one(toy, tmp_path):
    common = {"epochs": 2, "mini_batches": 3, "lr": 0.03, "kl": "k3", "save_every": 3, "schedule": "constant"}
    whole = toy.make("llama", config(tmp_path, "whole", iterations=7, **common))
    whole.train()
    first = toy.make("llama", config(tmp_path, "cut", iterations=4, **common))
    first.train()
    second = toy.make("llama", config(tmp_path, "cut", iterations=7, **common))
    second.train(resume=True)
    assert torch.equal(parameters(second), parameters(whole))
    assert lines(second.config) == lines(whole.config)
    states = [trainer.optimizer.state_dict()["state"] for trainer in (second, whole)]
    assert all(
        torch.equal(a, b) for i in states[0] for a, b in zip(states[0][i].values(), states[1][i].values(), strict=True)
    )


def test_ctrl_c_finishes_the_iteration_saves_and_resumes_exactly(toy, tmp_path):
    def interrupt(step, metrics):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    stopped = toy.make("whisper", config(tmp_path, iterations=6, lr=0.05), report=interrupt)
    stopped.train()
    assert signal.getsignal(signal.SIGINT) is before
    assert stopped.iteration == 3
    assert RunFolder(tmp_path / "run").steps == [3]
    resumed = toy.make("whisper", config(tmp_path, iterations=6, lr=0.05))
    resumed.train(resume=True)
    whole = toy.make("whisper", config(tmp_path, "whole", iterations=6, lr=0.05))
    whole.train()
    assert torch.equal(parameters(resumed), parameters(whole))


def test_resuming_refuses_other_settings_and_missing_runs(toy, tmp_path):
    with pytest.raises(RunFolderError, match="no run to resume"):
        toy.make("bandit", config(tmp_path, "nowhere")).train(resume=True)
    toy.make("bandit", config(tmp_path, iterations=2)).train()
    with pytest.raises(RunFolderError, match="holds a run: resume it"):
        toy.make("bandit", config(tmp_path, iterations=2)).train()
    with pytest.raises(RunFolderError, match=r"lr = 1e-06, now 0.1"):
        toy.make("bandit", config(tmp_path, iterations=3, lr=0.1)).train(resume=True)
    with pytest.raises(RunFolderError, match=r"another policy: [\s\S]*logits"):
        toy.make("whisper", config(tmp_path, iterations=3)).train(resume=True)


@contextmanager
def no_file_larger_than(size):
    """In place of a full disk."""
    resource = pytest.importorskip("resource", reason="needs POSIX")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize(("limit", "what"), [(20_000, "step-00000004"), (200, "metrics.jsonl"), (0, "metrics.jsonl")])
def test_a_write_that_fails_keeps_the_last_good_checkpoint(toy, tmp_path, limit, what):
    settings = {"save_every": 2, "lr": 0.05}
    toy.make("llama", config(tmp_path, iterations=2, **settings)).train()
    with pytest.raises(RunFolderError) as caught, no_file_larger_than(limit):
        toy.make("llama", config(tmp_path, iterations=4, **settings)).train(resume=True)
    assert f"{what} cannot be written: File too large" in str(caught.value)
    if "step" in what:
        end = "The last good checkpoint is of iteration 2: make room, and resume from there"
        assert str(caught.value).endswith(end)
    folder = RunFolder(tmp_path / "run")
    assert folder.steps == [2]
    assert not list(folder.path.rglob("*.partial"))
    resumed = toy.make("llama", config(tmp_path, iterations=4, **settings))
    resumed.train(resume=True)
    assert folder.steps == [4]
    whole = toy.make("llama", config(tmp_path, "whole", iterations=4, **settings))
    whole.train()
    assert torch.equal(parameters(resumed), parameters(whole))


@pytest.mark.parametrize(
    "setting",
    ["lr=-1", "lr=nan", "lr=inf", "seed=-1", "beta1=1.0", "beta2=-0.1", "weight_decay=-1", "warmup_updates=-1",
     "max_grad_norm=-1", "max_grad_norm=0", "seed=99999999999999999999999", "final_lr=inf",
     "correction_cap=-1", "correction_cap=0", "correction_cap=nan", "kl_coef=nan", "kl_coef=-1", "clip_low=-1",
     "clip_high=nan", "ratio_cap=-1", "dual_clip=nan", "entropy_coef=inf", "discount=nan", "discount=1.1",
     "step_weight=nan", "step_weight=-1", "reward_weights=[nan]", "reward_weights=[1,-inf]", "overlong_length=-5",
     "overlong_length=0", "overlong_buffer=-1", "constant_length=0", "constant_length=-1",
     "patience=-1", "validate_every=-2", "log_samples=-1", "max_resamples=-3", "out_dir=''"],
)  # fmt: skip
def test_numbers_out_of_range_are_named(setting):
    with pytest.raises(ConfigError, match=f"^{setting.partition('=')[0]} "):
        load_config(None, [setting])


@pytest.mark.parametrize("missing", ["policy", "optimizer", "iteration", "updates", "stale", "best", "config"])
def test_a_checkpoint_that_lacks_something_is_named(toy, tmp_path, missing):
    toy.make("bandit", config(tmp_path, iterations=1)).train()
    file = RunFolder(tmp_path / "run").state_file()
    state = torch.load(file)
    del state[missing]
    torch.save(state, file)
    with pytest.raises(RunFolderError, match=rf"state\.pt is no checkpoint of a trainer: '{missing}' is missing"):
        toy.make("bandit", config(tmp_path, iterations=2)).train(resume=True)


def test_best_and_last_are_kept_and_patience_stops(toy, tmp_path):
    scores = iter([0.1, 0.5, 0.3, 0.5, 0.4, 0.9])
    settings = config(tmp_path, iterations=100, validate_every=2, best_metric="score", patience=3, save_every=3)
    trainer = toy.make("bandit", settings, validate=lambda: {"score": next(scores)})
    trainer.train()
    assert trainer.iteration == 10  # best at 4; 6, 8 and 10 are no better
    folder = RunFolder(tmp_path / "run")
    assert folder.steps == [4, 10]
    assert folder.best_step == 4
    trainer.load_best()
    best = checkpoints.load(folder, 4)["policy"]
    assert all(torch.equal(value, best[name]) for name, value in trainer.policy.named_parameters())
    assert any(not torch.equal(best[name], value) for name, value in checkpoints.load(folder)["policy"].items())
    assert [record["val/score"] for record in lines(settings) if "val/score" in record] == [0.1, 0.5, 0.3, 0.5, 0.4]


def test_a_misspelt_best_metric_costs_nothing_that_was_trained(toy, tmp_path):
    def run(name, folder="run", **changes):
        settings = config(tmp_path, folder, **{"iterations": 6, "validate_every": 2, "lr": 0.05, **changes})
        settings = dataclasses.replace(settings, best_metric=name)
        return toy.make("bandit", settings, validate=lambda: {"score": 1.0})

    with pytest.raises(ConfigError, match=r"'skore' is not among .*'score'.*iteration 2 is saved: resume"):
        run("skore").train()
    mended, whole = run("score"), run("score", "whole")
    mended.train(resume=True)
    whole.train()
    assert torch.equal(parameters(mended), parameters(whole))
    assert lines(mended.config) == lines(whole.config)
    with pytest.raises(RunFolderError, match="best_metric = 'score', now 'skore'"):  # there is a best one by now
        run("skore", iterations=8).train(resume=True)


def test_dynamic_sampling_replaces_groups_without_signal(toy, tmp_path):
    attempts = []

    class Half:
        """Groups 0 and 1; the first attempts' group 0 has equal rewards."""

        def __init__(self, policy):
            self.policy = policy

        def __call__(self, request):
            attempts.append(request.attempt)
            buffer = toy.Bandit(self.policy)(request)
            paid = torch.arange(16) % 2 == 0
            paid[:8] = request.attempt < 1
            buffer["reward"] = paid.float()
            return buffer

    policy = toy.Table(1, 4)
    settings = config(tmp_path, iterations=1, dynamic_sampling=True, max_resamples=5)
    metrics = Trainer(policy, Half(policy), settings).train()
    assert attempts == [0, 1]
    assert metrics["groups_kept"] == 2
    assert metrics["groups"] == 4  # statistics are of all that was collected

    attempts.clear()
    equal = Trainer(policy, lambda request: toy.Bandit(policy)(request).set("reward", torch.ones(16)),
                    config(tmp_path, "equal", iterations=1, dynamic_sampling=True, max_resamples=2))  # fmt: skip
    before = parameters(equal).clone()
    metrics = equal.train()
    assert metrics["groups_kept"] == 0
    assert metrics["updates"] == 0
    assert torch.equal(parameters(equal), before)


def test_every_collection_has_its_own_seed_and_a_run_has_the_same_ones(toy, tmp_path):
    def run(name, seed):
        requests, policy = [], toy.Table(1, 4)

        def collect(request):
            requests.append(request)
            return toy.Bandit(policy)(request).set("reward", torch.ones(16))

        settings = config(tmp_path, name, iterations=3, dynamic_sampling=True, max_resamples=2, seed=seed)
        Trainer(policy, collect, settings).train()
        return [request.seed for request in requests]

    first, again, other = run("a", 0), run("b", 0), run("c", 1)
    assert len(set(first)) == 9
    assert again == first
    assert not set(first) & set(other)


def test_lora_saves_its_adapters_only_and_resumes_exactly(toy, tmp_path):
    pytest.importorskip("peft")

    def run(name, iterations, resume=False):
        settings = config(tmp_path, name, iterations=iterations, lr=0.05, epochs=2, kl="k3")
        torch.manual_seed(0)
        trainer = Trainer(CausalLM(add_lora(toy.tiny_llama(), rank=2)), toy.scripted, settings)
        metrics = trainer.train(resume=resume)
        return trainer, metrics

    whole, metrics = run("whole", 4)
    run("cut", 2)
    resumed, _ = run("cut", 4, resume=True)
    assert torch.equal(parameters(resumed), parameters(whole))
    assert metrics["reference_kl"] > 0.01
    saved = checkpoints.load(RunFolder(tmp_path / "cut"))["policy"]
    assert all("lora_" in name for name in saved)


def test_equal_rewards_move_nothing(toy, tmp_path):
    policy = toy.Table(1, 4)
    trainer = Trainer(policy, lambda request: toy.Bandit(policy)(request).set("reward", torch.full((16,), 0.1)),
                      config(tmp_path, iterations=3, lr=1.0))  # fmt: skip
    trainer.train()
    assert (parameters(trainer) == 0).all()


def test_kl_in_the_reward_pulls_towards_the_reference(toy, tmp_path):
    def run(name, **settings):
        policy, reference = toy.Table(1, 4), toy.Table(1, 4)
        common = {"iterations": 60, "lr": 0.1, "scale": "none", "seed": 3, "save_every": 1000}
        Trainer(policy, toy.Bandit(policy), config(tmp_path, name, **common, **settings), reference=reference).train()
        return policy.logits.softmax(-1).max().item()

    free = run("free")
    assert free > 0.9
    assert run("reward", kl="k1", kl_in="reward", kl_coef=1.0) < 0.75
    assert run("loss", kl="k3", kl_coef=1.0) < 0.75


def test_bf16_autocast_keeps_small_updates(toy, tmp_path):
    trainer = toy.make("llama", config(tmp_path, iterations=1, precision="bf16", lr=1e-6))
    before = parameters(trainer).clone()
    trainer.train()
    moved = parameters(trainer) - before
    assert moved.abs().median() == pytest.approx(1e-6, rel=0.2)
    lost = (parameters(trainer).bfloat16() == before.bfloat16()).float().mean()
    assert lost > 0.95  # what bfloat16 weights would have lost


@pytest.mark.parametrize("bound", [150, 300, 10_000])
@pytest.mark.parametrize("where", [{"kl_in": "reward"}, {"dynamic_sampling": True}])
def test_equal_weights_have_equal_log_probs_to_the_bit(toy, tmp_path, bound, where):
    """Under bfloat16 too, although rows of one length could be batched in any order, and groups are dropped."""

    def collect(request):
        rng = np.random.default_rng(0)
        rows = [
            {"prompt_ids": rng.integers(0, 64, 20).tolist() if i % 3 else [1] * 20, "group_id": i // 4,
             "response_ids": rng.integers(0, 64, rng.integers(1, 20)).tolist(), "rewards": [0], "episode_id": i,
             "reward": i % 2 * (i // 4 % 3 or "kl_in" in where)}
            for i in range(24)
        ]  # fmt: skip
        return from_rows(rows)

    model = toy.tiny_llama()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    policy = CausalLM(model)
    settings = config(tmp_path, iterations=1, precision="bf16", kl="k3", max_resamples=0, micro_tokens=bound, **where)
    metrics = Trainer(policy, collect, settings, reference=copy.deepcopy(policy)).train()
    assert metrics["groups_kept"] == (4 if "dynamic_sampling" in where else 6)
    assert metrics["reference_kl"] == metrics["policy_kl"] == 0
    assert metrics["ratio_max"] == 1


def test_a_gradient_that_is_not_finite_ends_the_run(toy, tmp_path):
    trainer = toy.make("bandit", config(tmp_path, iterations=1))
    torch.nn.init.constant_(trainer.policy.logits, torch.nan)
    trainer.collector = toy.Bandit(toy.Table(1, 4))
    with pytest.raises(GrpoError, match="gradient of update 0 is nan"):
        trainer.train()


def test_what_a_setting_needs_is_asked_for_at_once(toy, tmp_path):
    policy = toy.Table(1, 4)
    with pytest.raises(ConfigError, match="needs a reference"):
        Trainer(policy, toy.Bandit(policy), config(tmp_path, kl="k3"))
    with pytest.raises(ConfigError, match="no `validate`"):
        Trainer(policy, toy.Bandit(policy), config(tmp_path, validate_every=1))
    with pytest.raises(TypeError, match="Linear is no policy: derive it from"):
        Trainer(torch.nn.Linear(1, 1), toy.Bandit(policy), config(tmp_path))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.8, 0.6, 0.4]),
        ("cosine", [0.5, 1.0, 1.0, 1 - 0.8 * (1 - 2**-0.5) / 2, 0.6, 0.2 + 0.8 * (1 - 2**-0.5) / 2]),
    ],
)
def test_schedules_and_warm_up(schedule, expected):
    settings = TrainerConfig(lr=1.0, schedule=schedule, warmup_updates=2, iterations=3, epochs=2, final_lr=0.2)
    assert [learning_rate(update, settings) for update in range(6)] == pytest.approx(expected)


def test_settings_flatten_and_build(tmp_path):
    settings = config(tmp_path, clip_high=0.3, scale="none", lr=1)
    assert dataclasses.asdict(settings)["loss"]["clip_high"] == 0.3
    assert (
        load_config(None, [f"{k}={json.dumps(v)}" for k, v in flatten(settings).items() if v is not None]) == settings
    )


def test_the_fused_optimiser_takes_the_usual_steps(toy, tmp_path):
    settings = config(tmp_path, lr=0.01, weight_decay=0.1, beta1=0.8, beta2=0.95)
    policies = [CausalLM(toy.tiny_llama()) for _ in range(2)]
    usual = torch.optim.AdamW(policies[0].parameters(), lr=0.01, weight_decay=0.1, betas=(0.8, 0.95))
    fused = make_optimizer(policies[1], settings)
    for _ in range(3):
        for policy, optimizer in zip(policies, (usual, fused), strict=True):
            for number, parameter in enumerate(policy.parameters()):
                parameter.grad = torch.full_like(parameter, 0.1 * number - 1)
            optimizer.step()
    for one, other in zip(*(policy.parameters() for policy in policies), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
