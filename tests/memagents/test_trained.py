"""A training run's folder as a recipe: it plays what was trained."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from grpo import checkpoints, precision
from grpo.errors import RunFolderError
from grpo.run_folder import RunFolder
from memagents.agents import load_agent
from memagents.backends import transformers_backend
from memagents.recipes import read_recipe
from memagents.training import Run
from memagents.training_recipes import read_training_recipe
from memagents.validation import means, score_episodes
from memgym.errors import ConfigError, DataError

RERANKER = ("env.turns=0", "env.questions=3", "groups=2", "group_size=4", "iterations=2", "validation.episodes=4")
READER = ("groups=2", "group_size=2", "iterations=1", "validate_every=1", "validation.episodes=4")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("reranker", RERANKER),
        ("tiny_reader", READER),
        ("tiny_reader", (*READER, "backends.main.rollout_dtype=bfloat16")),
    ],
)
def test_a_run_plays_as_it_did_at_its_end(name: str, settings: tuple[str, ...], tmp_path: Path) -> None:
    run = Run(read_training_recipe(name, [f"out_dir={tmp_path}", *settings, "lr=0.02"]))
    start = {name: value.clone() for name, value in run.policy.state_dict().items()}
    run.train()
    assert any((value != start[name]).any() for name, value in run.policy.state_dict().items())
    trained = load_agent(str(tmp_path))
    assert means(score_episodes(trained, run.validation.env, run.validation.indices)) == run.validation()


def test_precisions_left_to_the_machine_are_those_of_the_machine_that_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto = (*READER, f"out_dir={tmp_path}", "save_every=1", "precision=auto", "backends.main.rollout_dtype=auto")

    def on(fast: bool, *settings: str) -> Run:
        for module in (precision, transformers_backend):
            monkeypatch.setattr(module, "computes_in_bfloat16", lambda device: fast)
        return Run(read_training_recipe("tiny_reader", [*auto, *settings]))

    slow = on(False)
    assert slow.agent.learner.backend.rollout_dtype is None
    run = on(True)
    assert run.agent.learner.backend.rollout_dtype == "bfloat16"
    run.train()
    kept = RunFolder(tmp_path).recipe()
    assert kept is not None
    assert (kept["train"]["precision"], kept["backends"]["main"]["rollout_dtype"]) == ("bf16", "bfloat16")
    with pytest.raises(ConfigError, match=r'dtype = "bfloat16", now null; train.precision = "bf16", now "fl'):
        on(False, "iterations=2").train(resume=True)
    # Played there too in what was validated, and resumed by what the message names.
    assert load_agent(str(tmp_path)).learner.backend.model.dtype == torch.bfloat16
    on(False, "iterations=2", "precision=bf16", "backends.main.rollout_dtype=bfloat16").train(resume=True)


@pytest.mark.parametrize("name", ["reranker", "tiny_reader"])
def test_the_recipe_before_is_that_of_the_training(name: str) -> None:
    before, training = read_recipe(name), read_recipe(read_training_recipe(name).agent)
    assert (before.agent, before.backends) == (training.agent, training.backends)
    for phase, table in training.modules.items():
        for key in ("status", "temperature") if phase == "retrieve" else ("status",):
            table.pop(key, None)
        assert before.modules[phase] == table


def test_a_language_model_is_there_once_its_run_has_come_to_its_end(tmp_path: Path) -> None:
    few = ["groups=1", "group_size=2", "validation.episodes=2", "iterations=3", "validate_every=0", "save_every=1"]
    settings = [f"out_dir={tmp_path}", *few]

    def stop(step: int, metrics: Mapping[str, float]) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    Run(read_training_recipe("tiny_reader", settings)).train(report=stop)
    with pytest.raises(ConfigError, match="has not come to its end; 'memagents train --resume' continues"):
        read_recipe(str(tmp_path))
    Run(read_training_recipe("tiny_reader", settings)).train(resume=True)
    assert load_agent(str(tmp_path)).recipe.agent == "MemoryAgent"


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no training run"):
        read_recipe(str(tmp_path))
    content = read_training_recipe("tiny_reader").content
    (tmp_path / "recipe.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="has not come to its end"):
        read_recipe(str(tmp_path))
    (tmp_path / "recipe.json").write_text(json.dumps(read_training_recipe("reranker").content))
    with pytest.raises(ConfigError, match="has no checkpoint yet"):
        read_recipe(str(tmp_path))
    for damaged in ("{}", "", '{"agent": "Mem', "[]"):
        (tmp_path / "recipe.json").write_text(damaged)
        with pytest.raises(DataError, match=r"recipe\.json is damaged"):
            read_recipe(str(tmp_path))


@pytest.mark.parametrize("damaged", ["", '{"step"', '{"step": "two"}'])
def test_a_damaged_mark_of_the_best_checkpoint_is_named(damaged: str, tmp_path: Path) -> None:
    run = Run(read_training_recipe("reranker", [f"out_dir={tmp_path}", *RERANKER, "validate_every=1"]))
    run.train()
    RunFolder(tmp_path).best_file(2).write_text(damaged)
    with pytest.raises(DataError, match=r"best\.json is damaged"):
        read_recipe(str(tmp_path))


def test_a_reranker_beside_a_language_model_is_what_was_trained(tmp_path: Path) -> None:
    """The model is frozen: no folder of it is written, and none is waited for."""
    Run(read_training_recipe("reranker", [f"out_dir={tmp_path}", *RERANKER])).train()
    content = json.loads((tmp_path / "recipe.json").read_text())
    for backends in ({}, {"main": {"kind": "transformers", "model": "smollm2"}}):
        (tmp_path / "recipe.json").write_text(json.dumps({**content, "backends": backends}))
        assert read_recipe(str(tmp_path)).modules["retrieve"]["weights"].endswith("state.pt")


@pytest.mark.parametrize("backends", [{}, [], None, 3, {"main": 3}, {"other": {}}])
def test_a_run_whose_backends_are_damaged_is_named(backends: object, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    content = {**read_training_recipe("tiny_reader").content, "backends": backends}
    content["modules"]["read"]["backend"] = "main"
    (tmp_path / "recipe.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"recipe\.json is damaged"):
        read_recipe(str(tmp_path))


def test_the_folder_of_a_stranger_runs_nothing_of_theirs(tmp_path: Path) -> None:
    """A folder is data: classes and prompts are ours, hosts and keys the reader's, unless it is trusted."""
    content = read_training_recipe("tiny_reader").content
    name = next(iter(content["backends"]))
    foreign = (
        ("agent", "canary:Agent"),
        ("backends", {name: {"kind": "canary:Backend", "model": "x"}}),
        ("backends", {name: {"kind": "openai", "model": "x", "base_url": "http://192.0.2.1:9"}}),
        ("backends", {name: {"kind": "vllm", "model": "x", "engine": {"trust_remote_code": True}}}),
        ("backends", {name: {"kind": "memagents.backends.smollm2:subprocess.run", "args": ["touch", "canary"]}}),
        ("backends", {name: {"kind": "vllm", "model": "x", "engine": {"worker_extension_cls": "canary.Worker"}}}),
        ("modules", {"read": {"module": "canary.modules:Module"}}),
        ("modules", {"read": {"module": "canary-1:Module"}}),
        ("modules", {"read": {"module": "канарейка:Module"}}),
        ("modules", {"read": {"module": "canary:Module x"}}),
        ("modules", {"read": {"prompt": "/dev/zero"}}),
        ("modules", {"retrieve": {"module": "LinearReranker", "embedder": "canary:Embedder"}}),
        ("modules", {"retrieve": {"module": "LinearReranker", "embedder": "api:their-model"}}),
    )
    for key, value in foreign:
        (tmp_path / "recipe.json").write_text(json.dumps({**content, key: value}))
        with pytest.raises(
            ConfigError, match=rf"recipe\.json: {key}.* is code, a host or a file of whoever trained there"
        ):
            load_agent(str(tmp_path))
    (tmp_path / "recipe.json").write_text(json.dumps({**content, "agent": "canary:Agent"}))
    with pytest.raises(ConfigError, match="No module named 'canary'"):
        load_agent(str(tmp_path), trust_code=True)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("canary was run"),)  # type: ignore[return-value]


def test_weights_that_are_a_pickle_of_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(read_training_recipe("reranker", [f"out_dir={tmp_path / 'run'}", *RERANKER]))
    run.train()
    state = RunFolder(tmp_path / "run").state_file()
    torch.save({"format": 1, "policy": _Bomb()}, state)
    with pytest.raises(ConfigError, match="does not hold the maps of this module"):
        load_agent(str(tmp_path / "run"))
    with pytest.raises(RunFolderError, match="is damaged"):
        checkpoints.load(RunFolder(tmp_path / "run"))
    assert not (tmp_path / "canary was run").exists()
