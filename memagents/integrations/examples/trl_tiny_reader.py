"""TRL trains the tiny reader on two CPU cores, and it rises on episodes that it was not trained on: a few minutes."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from memagents.agents import load_agent
from memagents.backends.local import find_model
from memagents.backends.transformers_backend import TransformersBackend
from memagents.integrations.trl import Rollouts
from memagents.training_recipes import read_training_recipe
from memagents.validation import means, score_episodes

EPISODES, GROUP_SIZE, CALLS = 8, 8, 6


def held_out(model: Any, tokenizer: Any, episodes: int = 200) -> float:
    """Return the share of right answers on validation episodes, decoded greedily."""
    recipe = read_training_recipe("tiny_reader")
    agent = load_agent({**recipe.agent, "backends": {}}, {"main": TransformersBackend(model, tokenizer)})
    return means(score_episodes(agent, recipe.make_env(split="validation"), range(episodes)))["answer"]


def main(steps: int = 20) -> tuple[float, float]:
    """Train, and return the share of right answers before and after."""
    torch.set_num_threads(1)  # a small model is not faster on more
    path = find_model("tiny_reader")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    rollouts = Rollouts("tiny_reader", calls=CALLS)
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            **rollouts.settings(EPISODES, GROUP_SIZE),
            per_device_train_batch_size=EPISODES * GROUP_SIZE * CALLS,
            max_steps=steps,
            learning_rate=5e-4,
            max_completion_length=8,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            seed=0,
            save_strategy="no",
            logging_steps=5,
            report_to=[],
        )
        trainer = GRPOTrainer(
            model,
            reward_funcs=rollouts.reward_funcs,
            args=config,
            train_dataset=rollouts.dataset(range(EPISODES * steps)),
            processing_class=tokenizer,
            rollout_func=rollouts,
        )
        before = held_out(model, tokenizer)
        trainer.train()
        after = held_out(model, tokenizer)
    print(f"right answers on held-out episodes: {before:.3f} before, {after:.3f} after {steps} steps")
    return before, after


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
