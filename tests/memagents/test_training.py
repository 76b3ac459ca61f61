"""Training by the command line and by its parts, with a real reranker and a tiny real language model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from grpo import checkpoints
from grpo.collector import RolloutRequest
from grpo.errors import ConfigError as GrpoConfigError
from grpo.errors import RunFolderError
from grpo.run_folder import RunFolder
from memagents.agents import load_agent
from memagents.backends import Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.cli import app
from memagents.training import Run
from memagents.training_recipes import TrainingRecipe, read_training_recipe
from memagents.validation import gain, means, score_episodes
from memgym.errors import ConfigError
from memgym.operators import top_k
from memgym.policy import Policy
from memgym.protocol.observation import Observation
from memgym.statistics import difference_interval

SMALL = ("env.turns=0", "env.questions=3", "groups=2", "group_size=4", "schedule=constant")
SMALL += ("save_every=1", "validate_every=2", "validation.episodes=4")


def reranker(folder: Path, *overrides: str) -> TrainingRecipe:
    return read_training_recipe("reranker", [f"out_dir={folder}", *SMALL, *overrides])


def memagents(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memagents", *map(str, arguments)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)


def test_the_command_line_trains_and_resumes_exactly(tmp_path: Path) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    first = memagents("train", "reranker", f"out_dir={stopped}", *SMALL, "iterations=2")
    assert first.returncode == 0, first.stderr
    assert "validation after iteration 2" in first.stdout
    assert "held-out evidence_recall" in first.stdout
    resumed = memagents("train", "reranker", f"out_dir={stopped}", *SMALL, "iterations=3", "--resume")
    assert resumed.returncode == 0, resumed.stderr

    Run(reranker(whole, "iterations=3")).train()
    records, expected = (_without_times(RunFolder(folder).metrics()) for folder in (stopped, whole))
    # The run that was to end at iteration 2 also validated there, as this one does.
    assert [record["step"] for record in records] == [1, 2, 3]
    assert records == expected
    assert {"reward/evidence_recall/mean", "loss", "entropy", "clip_fraction"} <= records[0].keys()
    assert "val/evidence_recall" in records[1]
    assert len(RunFolder(stopped).samples()) == 3
    ends = [checkpoints.load(RunFolder(folder))["policy"] for folder in (stopped, whole)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[1])
    assert all(tensor.abs().sum() > 0 for tensor in ends[1].values())


def test_training_raises_the_recall_on_held_out_episodes_and_is_kept(tmp_path: Path) -> None:
    sizes = ("iterations=8", "groups=4", "group_size=8", "env.questions=10", "validation.episodes=24")
    sizes += ("env.answer_tokens=128",)  # with less to show, the order matters more
    run = Run(reranker(tmp_path, *sizes, "schedule=linear", "validate_every=8"))
    before = run.validation.scores()
    metrics = run.train()
    rise, low, high = gain(before, run.validation.scores(), "evidence_recall")
    assert low < rise < high
    assert rise > 0.02
    assert metrics["val/evidence_recall"] == pytest.approx(means(before)["evidence_recall"] + rise)
    # What was saved plays as what was trained.
    agent = dict(run.recipe.agent)
    weights = tmp_path / "checkpoints" / "step-00000008" / "state.pt"
    agent["modules"] = {**agent["modules"], "retrieve": {**agent["modules"]["retrieve"], "weights": str(weights)}}
    assert means(score_episodes(load_agent(agent), run.validation.env, run.validation.indices)) == run.validation()


def test_a_language_model_trains_by_the_same_recipe_tables(model_dir: Path, tmp_path: Path) -> None:
    run = Run(read_training_recipe(str(_language_recipe(model_dir, tmp_path)), ["validation.episodes=2"]))
    start = {name: value.clone() for name, value in run.policy.named_parameters()}
    metrics = run.train()
    assert run.complete
    assert metrics["reference_kl"] > 0
    assert metrics["val/format"] >= 0
    assert any(not torch.equal(start[name], value) for name, value in run.policy.named_parameters())
    samples = RunFolder(tmp_path / "run").samples()[0]["samples"]
    assert all(text.startswith(("[read, step", "[answer, step")) for text in samples)
    assert all("\n>>>\n" in text for text in samples)
    backends = {"tiny": {"kind": "transformers", "model": str(tmp_path / "run" / "model")}}
    saved = load_agent({**run.recipe.agent, "backends": backends})
    for name, value in saved.learner.backend.model.named_parameters():
        assert torch.equal(value, run.policy.model.get_parameter(name))


@pytest.mark.parametrize("lora", ["", "lora_rank=2"])
def test_rollouts_in_another_dtype_follow_what_is_trained(model_dir: Path, tmp_path: Path, lora: str) -> None:
    if lora:
        pytest.importorskip("peft")
    settings = ["backends.tiny.rollout_dtype=bfloat16", "validation.episodes=2", "lr=0.01", *filter(None, [lora])]
    run = Run(read_training_recipe(str(_language_recipe(model_dir, tmp_path)), settings))
    metrics = run.train()
    assert 0 < metrics["sampler_kl"] < 1e-3
    run.validation()
    backend = run.agent.learner.backend
    for mine, trained in zip(backend._sampled.parameters(), backend.model.parameters(), strict=True):
        assert mine.dtype == torch.bfloat16
        assert torch.equal(mine, trained.bfloat16())


def test_adapters_train_alone(model_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    run = Run(read_training_recipe(str(_language_recipe(model_dir, tmp_path)), ["lora_rank=2", "validate_every=0"]))
    run.train()
    trained = [name for name, value in run.policy.named_parameters() if value.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    merged = TransformersBackend.from_pretrained(tmp_path / "run" / "model", device="cpu")
    chat = [[{"role": "user", "content": "Who?"}]]
    sampling = Sampling(max_tokens=8, seeds=(0,))
    (saved,), (trained,) = merged.chat(chat, sampling), run.agent.learner.backend.chat(chat, sampling)
    assert saved.token_ids == trained.token_ids
    assert saved.log_probs == pytest.approx(trained.log_probs, abs=1e-5)
    assert merged.chat(chat, sampling) != TransformersBackend.from_pretrained(model_dir).chat(chat, sampling)


def test_ranks_share_the_groups_and_iterations_draw_others(tmp_path: Path) -> None:
    collector = Run(reranker(tmp_path, "groups=5", "train_episodes=30")).trainer.collector
    requests = [RolloutRequest(iteration, attempt, 0, 0, 0, 1) for iteration in range(3) for attempt in range(2)]
    drawn = [collector.episodes(request) for request in requests]
    assert len({tuple(indices) for indices in drawn}) == len(drawn)
    for indices in drawn:
        assert len(set(indices)) == 5
        assert set(indices) <= set(range(30))
    assert drawn == [collector.episodes(request) for request in requests]
    rows = [collector(RolloutRequest(0, 0, 7 + rank, 3, rank, 2)) for rank in range(2)]
    assert [len(part["group_id"].unique()) for part in rows] == [3, 2]
    again = collector(RolloutRequest(0, 0, 8, 3, 1, 2))
    assert torch.equal(again["picks"], rows[1]["picks"])
    assert (again["policy_version"] == 3).all()
    alone = collector(RolloutRequest(0, 0, 9, 3, 0, 1))  # one rank plays what two play
    for group in range(5):
        part = rows[group % 2]
        mine, theirs = alone["group_id"] == group, part["group_id"] == group // 2
        for key in ("picks", "query", "reward"):
            assert torch.equal(alone[key][mine], part[key][theirs])
    assert not torch.equal(collector(RolloutRequest(0, 1, 9, 3, 0, 1))["picks"], alone["picks"])


class _Leader(Policy):
    """Keeps the embedder's order."""

    def act(self, observation: str) -> str:
        return top_k(Observation.parse(observation))


def test_an_untrained_reranker_ranks_like_the_embedder(tmp_path: Path) -> None:
    run = Run(reranker(tmp_path))
    scores = run.validation.scores()
    other = score_episodes(_Leader(), run.validation.env, run.validation.indices)
    assert means(scores)["evidence_recall"] == pytest.approx(means(other)["evidence_recall"])
    assert scores["answer"].shape == (4, 2)
    assert (scores["answer"][:, 1] == 3).all()
    assert (scores["reward"][:, 1] == 1).all()
    assert means(scores)["format"] == 1


def test_the_interval_of_a_gain_pairs_episodes() -> None:
    before = {"s": np.array([[0.0, 2], [1, 1], [2, 4]])}
    after = {"s": np.array([[1.0, 2], [1.5, 1], [4, 4]])}  # every question scores 0.5 more
    assert gain(before, after, "s") == pytest.approx((0.5, *difference_interval(before["s"], after["s"])))
    assert means(before) == {"s": pytest.approx(3 / 7)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr_=1", "unknown setting 'lr_'.*'lr'"),
        ("lr=high", "lr = 'high' is not of type float"),
        ("lr", "key=value"),
        ("preset=grop", "unknown preset.*'grpo'"),
        ("groups=0", "groups = 0 must be at least 1"),
        ("seed=99999999999999999999999", "seed = 99999999999999999999999 must be a finite number of 64 bits"),
        ("train.reward_weights={answer='x'}", "'train.reward_weights.answer' must be a number, not 'x'"),
        ("train.reward_weights={answer=nan}", "'train.reward_weights.answer' must be a number, not nan"),
        ("rank_patience=inf", "rank_patience = inf must be a finite number"),
        ("rank_patience=nan", "rank_patience = nan must be a finite number"),
        ("rank_patience=1e300", r"rank_patience = 1e\+300 must be above 0 and at most 1000000.0"),
        ("shaping.weight=nan", "weight = nan must be a finite number"),
        ("teacher.rows=0", "rows = 0 must be at least 1"),
        ("validation.episode=3", "unknown setting 'episode'.*'episodes'"),
        ("validation.repeats=0", "repeats = 0 must be at least 1"),
        ("validate.episodes=3", "unknown key.*'validate'.*'validation'"),
        ("env=3", "unknown setting 'env'"),
        ("env.id=3", r"\[env\] must name its id"),
        ("env.id.x=3", "'id' is no table"),
    ],
)
def test_what_a_recipe_says_wrong_is_named(override: str, message: str) -> None:
    with pytest.raises((ConfigError, GrpoConfigError), match=message):
        read_training_recipe("reranker", [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("env.difficulty=esay", "esay"),
        ("env.dificulty=easy", "'difficulty'"),
        ("modules.retrieve.status=frozen", "trains nothing"),
        ("modules.retrieve.pick=3", "'picks'"),
        ("train_episodes=1", "groups = 2, but there are only 1 episodes"),
        ("validation.split=held", "held"),
        ("lora_rank=4", "language models"),
    ],
)
def test_what_does_not_fit_is_found_before_training(override: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, GrpoConfigError), match=message):
        Run(reranker(tmp_path, override))


def test_a_frozen_module_asks_no_backend_that_is_trained(tmp_path: Path) -> None:
    settings = [f"out_dir={tmp_path}", "modules.answer.status=frozen", "groups=1"]
    with pytest.raises(ConfigError, match=r"\[modules.answer\] is frozen, but asks the backend that 'read' trains"):
        Run(read_training_recipe("tiny_reader", settings))
    alone = ["backends.answerer={kind='transformers', model='tiny_reader'}", "modules.answer.backend=answerer"]
    run = Run(read_training_recipe("tiny_reader", [*settings, *alone, "modules.read.backend=main"]))
    assert run.agent.parts["answer"].backend is not run.agent.parts["read"].backend


def test_errors_are_one_line_on_the_command_line(tmp_path: Path) -> None:
    Run(reranker(tmp_path, "iterations=1")).train()
    for arguments, message in [
        (["rerankr"], "error: unknown training recipe 'rerankr'. Did you mean 'reranker'?"),
        (["reranker", "lr_=1"], "error: unknown setting 'lr_'. Did you mean 'lr'?"),
        (["reranker", f"out_dir={tmp_path}", *SMALL], f"error: {tmp_path} holds a run: resume it"),
    ]:
        done = CliRunner().invoke(app, ["train", *arguments])
        assert done.exit_code == 2
        assert done.stderr.startswith(message)
    recipe = tmp_path / "recipe.json"
    recipe.write_text(recipe.read_text()[:40])
    done = CliRunner().invoke(app, ["train", "reranker", f"out_dir={tmp_path}", *SMALL, "iterations=2", "--resume"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: {recipe} is damaged: ")


def test_a_run_is_not_resumed_by_another_recipe(tmp_path: Path) -> None:
    Run(reranker(tmp_path, "iterations=1")).train()
    with pytest.raises(ConfigError, match=r'env\.difficulty = "easy", now "medium"'):
        Run(reranker(tmp_path, "iterations=2", "env.difficulty=medium")).train(resume=True)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("groups=5", "train.groups = 2, now 5"),
        ("group_size=3", "train.group_size = 4, now 3"),
        ("train_episodes=7", "train.train_episodes = 0, now 7"),
        ("threads=2", "train.threads = 1, now 2"),
        ("lr=0.5", "train.lr = 0.005, now 0.5"),
        ("preset=dapo", "train.clip_high = 0.2, now 0.28"),
        ("validation.episodes=6", "validation.episodes = 4, now 6"),
        ("validation.repeats=2", "validation.repeats = 1, now 2"),
        ("env.turns=1", "env.turns = 0, now 1"),
        ("env.reward_weights.answer=0.3", "env.reward_weights.answer = 0.2, now 0.3"),
        ("env.top_k=3", "env.top_k = null, now 3"),
        ("modules.retrieve.picks=4", "modules.retrieve.picks = 5, now 4"),
        ("credit=weight", 'train.credit = "step", now "weight"'),
    ],
)
def test_a_run_goes_on_with_the_settings_it_was_started_with(override: str, message: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_recipe(reranker(tmp_path, "iterations=1").content)
    with pytest.raises(ConfigError, match="was started with another recipe: ") as caught:
        reranker(tmp_path, "iterations=1", override).check_same(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["preset=dapo"], "credit = 'weight', not 'episode'"),
        (["credit=phase"], "credit = 'weight', not 'phase'"),
        (["groups=2", "order=sequential"], "groups = 2, order = sequential would do nothing"),
        (["group_size=3"], "group_size = 3 would do nothing"),
        (["train_episodes=5", "shaping.weight=2.0"], r"train_episodes = 5, \[shaping\] would do nothing"),
    ],
)
def test_what_does_nothing_beside_a_teacher_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_training_recipe("tiny_reader_imitation", settings)


def test_a_recipe_that_learns_from_rewards_becomes_one_that_imitates(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_recipe(read_training_recipe("linear_manager").content)
    imitation = read_training_recipe("linear_manager", ["teacher.policy=baselines:Oracle"])
    assert imitation.run.trainer.advantage.credit == "weight"
    with pytest.raises(ConfigError, match=r'train\.surrogate = "clip", now "reinforce"'):
        imitation.check_same(folder)


@pytest.mark.parametrize(
    "override",
    ["iterations=9", "save_every=1", "keep=3", "log_samples=0", "gradient_checkpointing=true", "groups=2", "kl=none"],
)
def test_what_changes_no_step_may_change(override: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_recipe(reranker(tmp_path, "iterations=1").content)
    reranker(tmp_path, "iterations=1", override).check_same(folder)


@pytest.mark.parametrize("content", ["{}", '{"agent": 3}', '{"env": {"id": "x"}, "train": {"old": 1}}', "[" * 100_000])
def test_a_recipe_that_was_written_down_otherwise_is_named(content: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.recipe_file.write_text(content)
    with pytest.raises(RunFolderError, match=r"recipe\.json is damaged"):
        reranker(tmp_path).check_same(folder)


def test_a_run_killed_before_its_recipe_was_written_gets_one(tmp_path: Path) -> None:
    Run(reranker(tmp_path, "iterations=1")).train(resume=True)
    assert load_agent(str(tmp_path)).recipe.agent == "MemoryRMMAgent"
    (tmp_path / "recipe.json").unlink()
    with pytest.raises(RunFolderError, match=r"recipe\.json is missing"):
        Run(reranker(tmp_path, "iterations=2")).train(resume=True)


def test_a_misspelt_best_metric_is_found_before_training_and_may_be_mended_until_there_is_a_best(
    tmp_path: Path,
) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    arguments = [f"out_dir={stopped}", *SMALL, "iterations=4", "best_metric=recal"]
    done = CliRunner().invoke(app, ["train", "reranker", *arguments])
    assert done.exit_code == 2
    assert "best_metric = 'recal' is not among" in done.stderr
    assert not RunFolder(stopped).has_checkpoint

    right = "best_metric=evidence_recall"
    with pytest.raises(GrpoConfigError, match="iteration 2 is saved"):
        Run(reranker(stopped, "iterations=4", "best_metric=recal")).train()
    for folder, iterations, resume in ((stopped, 4, True), (stopped, 5, True), (whole, 5, False)):
        Run(reranker(folder, f"iterations={iterations}", right)).train(resume)
    ends = [checkpoints.load(RunFolder(folder))["policy"] for folder in (stopped, whole)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[1])
    with pytest.raises(ConfigError, match=r'train\.best_metric = "evidence_recall", now "answer"'):
        reranker(stopped, "best_metric=answer").check_same(RunFolder(stopped))


def _without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if not key.startswith("time/")} for record in records]


def _language_recipe(model_dir: Path, folder: Path) -> Path:
    path = folder / "language.toml"
    path.write_text(
        f"""
        agent = "MemoryAgent"

        [backends.tiny]
        kind = "transformers"
        model = '{model_dir}'

        [modules.read]
        status = "trained"
        max_tokens = 24

        [modules.answer]
        status = "trained"
        max_tokens = 24

        [env]
        id = "memgym/Longcontext-v1"
        task = "multihop"
        length = 500
        section_tokens = 250
        reward_weights = {{ token_cost = -1.0 }}

        [train]
        preset = "memagent"
        out_dir = '{folder / "run"}'
        iterations = 3
        groups = 1
        group_size = 8
        lr = 1e-3
        validate_every = 1
        """
    )
    return path
