"""MO-Gymnasium and morl-baselines: how many memories is an answer worth? A Pareto front, as a picture.

pip install '.' mo-gymnasium morl-baselines matplotlib
python mo_front.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium as gym
import matplotlib
import numpy as np
from mo_gymnasium.wrappers import LinearReward, MORecordEpisodeStatistics
from morl_baselines.common.pareto import filter_pareto_dominated
from morl_baselines.multi_policy.envelope.envelope import Envelope

import memgym
from memgym.wrappers import Features, PickAction


class NextOrStop(gym.Wrapper):
    """Two actions: take the best memory that is left, or stop. The second part of the reward is a cost."""

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self.action_space = gym.spaces.Discrete(2)
        self.observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)

    def reset(self, **kwargs):
        arrays, info = self.env.reset(**kwargs)
        return self._seen(arrays), info

    def step(self, action):
        stop = self.env.action_space.n - 1
        arrays, reward, *rest = self.env.step(stop if action else int(self._likeness.argmax()))
        return self._seen(arrays), reward * np.array([1, -1]), *rest

    def _seen(self, arrays):
        alike = arrays["item"] @ arrays["query"]
        self._likeness = np.where(arrays["mask"], alike, -1.0)
        picked = (~arrays["mask"].astype(bool) & arrays["item"].any(axis=1)).mean()
        best = self._likeness.max()
        return np.array([picked, best, alike.max() - best, alike.mean()], np.float32)


def make() -> gym.Env:
    env = memgym.make(
        "memgym/RMMReranker-v1",
        task="persona",
        difficulty="easy",
        action_tokens=16,
        vector_reward=["answer", "token_cost"],
    )
    return NextOrStop(PickAction(Features(env, items=20)))


def front(agent: Envelope, questions: int = 150) -> list[np.ndarray]:
    """Return answer and cost of a question, as a mean, for each of several preferences between them."""
    points = []
    for share in np.linspace(0, 1, 6):
        weight = np.array([1 - share, share])
        env = LinearReward(MORecordEpisodeStatistics(make()), weight=weight)  # pays the weighted sum, keeps the vector
        returns = []
        obs, _ = env.reset(seed=1_000_000)  # the same questions each time, of 2**31 episodes
        for _ in range(questions):
            done = False
            while not done:
                obs, _, done, _, info = env.step(agent.eval(obs, weight))
            returns.append(info["episode"]["r"])
            obs, _ = env.reset()
        points.append(np.mean(returns, axis=0))
    return points


def picture(before: list[np.ndarray], after: list[np.ndarray], path: Path) -> None:
    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    for name, points, mark in (("before", before, "x"), ("after", after, "o")):
        plt.scatter([-p[1] for p in points], [p[0] for p in points], marker=mark, label=name)
    best = sorted(filter_pareto_dominated(np.array(after)), key=lambda point: -point[1])
    plt.plot([-p[1] for p in best], [p[0] for p in best], label="Pareto front")
    plt.xlabel("cost of a question (share of 16 tokens)")
    plt.ylabel("answer")
    plt.legend()
    plt.savefig(path)
    plt.close()


def spread(points: list[np.ndarray]) -> float:
    """Return the area that the points dominate, up to an answer of 0 at a cost of 1."""
    from morl_baselines.common.performance_indicators import hypervolume

    return hypervolume(np.array([0.0, -1.0]), points)


def main(path: Path, steps: int = 4_000, seed: int = 0) -> tuple[float, float]:
    env = make()
    env.reset(seed=seed)
    agent = Envelope(
        env,
        learning_rate=1e-3,
        initial_epsilon=1.0,
        final_epsilon=0.05,
        epsilon_decay_steps=steps // 2,
        net_arch=[64, 64],
        batch_size=64,
        gamma=1.0,
        per=False,
        log=False,
        seed=seed,
        device="cpu",
    )
    before = front(agent)
    agent.train(total_timesteps=steps)
    after = front(agent)
    picture(before, after, path)
    for point in after:
        print(f"  answer {point[0]:.3f} at cost {-point[1]:.3f}")
    return spread(before), spread(after)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "pareto.svg")
    start, end = main(target)
    print(f"MO-Gymnasium: hypervolume of answer and cost {start:.3f} -> {end:.3f}, front in {target}")
