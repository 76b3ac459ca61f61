"""Stable-Baselines3 and sb3-contrib: MaskablePPO learns which memories answer a question.

pip install '.' sb3-contrib
python sb3_pick.py
"""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

import memgym
from memgym.vector import twin
from memgym.wrappers import Features, PickAction


def numbers(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Return three numbers for each memory: [items, 3]."""
    return np.stack([arrays["item"] @ arrays["query"], arrays["order"], arrays["mask"]], axis=1).astype(np.float32)


def make() -> gym.Env:
    """Where is it now? Of the twenty memories found, the newest about the thing is wanted, and no other beside it."""
    env = memgym.make("memgym/RMMReranker-v1", task="whereabouts", moves=30, things=10, questions=4)
    env = PickAction(Features(env, items=20))
    return gym.wrappers.TransformObservation(env, numbers, gym.spaces.Box(-1, 1, (20, 3), np.float32))


def reward(model: MaskablePPO, questions: int = 200) -> float:
    """Return the mean reward of questions that are not trained on, as the policy samples."""
    env, rewards = make(), []
    obs, _ = env.reset(seed=1_000_000)
    for _ in range(questions):
        done = False
        while not done:
            masks = env.get_wrapper_attr("action_masks")()
            obs, paid, done, _, _ = env.step(model.predict(obs, action_masks=masks)[0])
        rewards.append(paid)
        obs, _ = env.reset()
    return float(np.mean(rewards))


def main(steps: int = 20_000, seed: int = 0) -> tuple[float, float]:
    template = make()
    envs = VecMonitor(DummyVecEnv([partial(twin, template)] * 8))  # twins: nothing is loaded twice
    model = MaskablePPO(
        "MlpPolicy", envs, n_steps=128, batch_size=256, n_epochs=4, learning_rate=1e-3, gamma=1.0, seed=seed
    )
    start = reward(model)
    model.learn(steps)
    return start, reward(model)


if __name__ == "__main__":
    start, end = main()
    print(f"Stable-Baselines3: reward of a question {start:.3f} -> {end:.3f}")
