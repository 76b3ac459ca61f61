"""Rank memories, and manage the bank, by linear scores that MaskablePPO learned.

``python -m baselines masked-ppo`` trains (extra ``sb3``); playing takes NumPy alone.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from baselines._progress import held_out, tell
from baselines.item_features import ItemScorer, item_features, save_weights
from memgym.playing import twin
from memgym.registration import make
from memgym.wrappers import Features, KeepAction, PickAction, PotentialShaping

PLACES = {"retrieve": 20, "update": 32}
PPO: dict[str, dict[str, Any]] = {
    "retrieve": {"n_steps": 256, "batch_size": 256, "n_epochs": 4, "gamma": 1.0},
    # A session is paid at once by what the memory gained; its decisions' joint ratio soon leaves a narrow clip.
    "update": {"n_steps": 32, "batch_size": 64, "n_epochs": 4, "gamma": 0.0, "clip_range": 0.5},
}
PAID = {"retrieve": "evidence_recall", "update": "memory_recall"}
"""Phase to the reward that is learned from."""


class MaskedPPO(ItemScorer):
    """Picks memories for a question, and keeps, drops or replaces by what was said, as learned by masked PPO.

    The weights that come with it were learned on ``persona`` (see ``baselines/weights/README.md``).
    """

    shipped = ("masked_ppo_retrieve", "masked_ppo_update")


def numbered(env: gym.Env, phase: str) -> gym.Env:
    """Return an environment with features of items in place of texts, and with picks or decisions as actions."""
    if phase == "retrieve":
        env = PickAction(Features(env, items=PLACES[phase]))
    else:
        env = KeepAction(Features(PotentialShaping(env, PAID[phase]), items=PLACES[phase]))
    rows = item_features(env.observation_space.sample()).shape
    return gym.wrappers.TransformObservation(env, item_features, gym.spaces.Box(-np.inf, np.inf, rows, np.float32))


def train(
    phase: str = "retrieve",
    task: str = "persona",
    difficulty: str = "medium",
    price: float = 1.5,
    memory_tokens: int = 700,
    steps: int = 80_000,
    lr: float = 1e-2,
    entropy: float = 0.0,
    seed: int = 0,
    episodes: int = 50,
    out: Path = Path("masked_ppo.npz"),
) -> None:
    """Train a scorer with sb3-contrib's MaskablePPO, and tell what it gets on held-out episodes before and after.

    Args:
        phase: ``retrieve`` (picks, paid by recall of the evidence) or ``update`` (decisions, paid by memory recall).
        task: of the episodes; those of the split ``train`` are learned from.
        difficulty: of the task.
        price: of an action of 1,024 tokens, in ``update``: what is kept must be worth it.
        memory_tokens: budget of the bank, in ``update``, where it is measured; it is learned without one.
        steps: of all environments together: picks, or sessions.
        lr: Adam's learning rate, which falls to 0.
        entropy: weight of the entropy bonus.
        seed: of weights, sampling and episodes.
        episodes: of the split ``validation``, on which it is measured.
        out: the file of weights to write.
    """
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    from baselines._item_policy import ItemPolicy

    paid = PAID[phase]
    kwargs: dict[str, Any] = {"task": task, "difficulty": difficulty, "instructions": False}
    kwargs |= {"answer_k": 5} if phase == "retrieve" else {}
    world = partial(make, "memgym/MemoryBank-v1", phases=[phase], **kwargs)
    cost = {} if phase == "retrieve" else {"token_cost": -price}
    template = numbered(world(split="train", reward_weights={paid: 1.0, **cost}), phase)
    validation = world(split="validation", memory_tokens=None if phase == "retrieve" else memory_tokens)
    model = MaskablePPO(
        ItemPolicy,
        DummyVecEnv([partial(twin, template)] * 8),
        learning_rate=lambda left: lr * left,
        ent_coef=entropy,
        seed=seed,
        **PPO[phase],
    )
    embedder = template.get_wrapper_attr("embedder").name

    def measured() -> np.ndarray:
        heads = model.policy.mlp_extractor.state_dict()
        stop = float(heads["stop"][0]) if phase == "retrieve" else -np.inf
        save_weights(out, phase, embedder, heads["scores.weight"].numpy(), stop)
        return held_out(ItemScorer(str(out)), validation, paid, episodes)

    before = measured()
    model.learn(steps)
    tell(f"MaskedPPO, {phase} on {task} {difficulty}, seed {seed}: {paid}", before, measured())
