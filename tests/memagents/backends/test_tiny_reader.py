"""The shipped model: it loads, knows the words of its task, and comes from the documented recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs the train extra")

from memagents.agents import load_agent
from memagents.backends.tiny_reader import build_blank, tiny_blank_dir, tiny_reader_dir
from memagents.backends.transformers_backend import TransformersBackend
from memagents.training import Run
from memagents.training_recipes import read_training_recipe
from memagents.validation import means, score_episodes
from memgym.registration import make
from memgym.tasks.base import SPLITS

MEGABYTE = 2**20


def test_the_shipped_model_plays_better_than_chance_and_far_from_right() -> None:
    recipe = read_training_recipe("tiny_reader")
    scores = means(score_episodes(load_agent("tiny_reader"), recipe.make_env(split="test"), range(60)))
    assert 0.15 < scores["answer"] < 0.75
    assert scores["format"] == 1.0


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in tiny_reader_dir().iterdir()) < 4 * MEGABYTE


def test_every_text_of_its_task_comes_back_from_its_tokens() -> None:
    backend = TransformersBackend.from_pretrained("tiny_reader")
    for split in SPLITS:
        env = make("memgym/Longcontext-v1", task="whereabouts", quiet=2, split=split).unwrapped
        for index in range(200):
            episode = env.task.episode(split, index)
            for text in [question.text for question in episode.questions] + [s.text for s in episode.sections]:
                ids = backend.tokenizer.encode(text, add_special_tokens=False)
                assert backend.tokenizer.unk_token_id not in ids
                assert backend.decode(ids) == text


def test_the_untrained_model_is_the_same_every_time_and_has_the_shipped_tokenizer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    build_blank(tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tiny_blank_dir() / name).read_bytes() == (tmp_path / name).read_bytes()
    shipped, blank = (tiny_reader_dir() / "tokenizer.json", tmp_path / "tokenizer.json")
    assert shipped.read_bytes() == blank.read_bytes()


def test_the_recipe_of_the_shipped_weights_runs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MEMGYM_CACHE", str(tmp_path / "cache"))
    settings = ["teacher.episodes=50", "teacher.rows=16", "iterations=4", "warmup_updates=0", "validation.episodes=2"]
    run = Run(read_training_recipe("tiny_reader_imitation", [f"out_dir={tmp_path / 'run'}", *settings]))
    shipped = TransformersBackend.from_pretrained("tiny_reader").model.config.to_dict()
    mine = run.policy.model.config.to_dict()
    assert {key: mine[key] for key in mine if key != "_name_or_path"} == {
        key: shipped[key] for key in mine if key != "_name_or_path"
    }
    first, _ = run.trainer.step()
    run.train()
    last, _ = run.trainer.step()
    assert last["loss"] < first["loss"]
