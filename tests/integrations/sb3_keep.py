"""Stable-Baselines3 and sb3-contrib: MaskablePPO learns what a bounded bank should keep.

pip install '.' sb3-contrib
python sb3_keep.py
"""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

import memgym  # registers the environments
from memgym.vector import twin
from memgym.wrappers import Features, KeepAction, PotentialShaping


def numbers(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Return four numbers for each candidate: [items, 4]."""
    alike = (arrays["item"] * arrays["near"]).sum(axis=1)
    return np.stack([alike, arrays["near"].any(axis=1), arrays["order"], arrays["mask"]], axis=1).astype(np.float32)


def make() -> gym.Env:
    """Facts that overtake others, and a bank that holds a third of them: keep, drop, or put in place of an old one."""
    env = memgym.make(
        "memgym/MemoryBank-v1",
        task="conflict",
        difficulty="easy",
        phases=["update"],
        memory_tokens=1200,
        reward_weights={"memory_recall": 1.0},
    )
    env = KeepAction(Features(PotentialShaping(env), items=10))
    return gym.wrappers.TransformObservation(env, numbers, gym.spaces.Box(-1, 1, (10, 4), np.float32))


def recall(model: MaskablePPO, episodes: int = 20) -> float:
    """Return the mean memory recall at the end of episodes that are not trained on."""
    env, ends = make(), []
    for index in range(episodes):
        obs, _ = env.reset(options={"index": 1_000_000 + index})
        done = False
        while not done:
            masks = env.get_wrapper_attr("action_masks")()
            obs, _, done, _, info = env.step(model.predict(obs, action_masks=masks, deterministic=True)[0])
        ends.append(info["rewards"]["memory_recall"])
    return float(np.mean(ends))


def main(steps: int = 12_000, seed: int = 0) -> tuple[float, float]:
    template = make()
    envs = VecMonitor(DummyVecEnv([partial(twin, template)] * 8))  # twins: nothing is loaded twice
    model = MaskablePPO(
        "MlpPolicy", envs, n_steps=128, batch_size=256, n_epochs=4, learning_rate=3e-3, gamma=1.0, seed=seed
    )
    start = recall(model)
    model.learn(steps)
    return start, recall(model)


if __name__ == "__main__":
    start, end = main()
    print(f"Stable-Baselines3: memory recall {start:.3f} -> {end:.3f}")
