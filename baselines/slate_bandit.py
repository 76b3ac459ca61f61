"""Rank memories by a linear contextual bandit: which of those shown paid? NumPy alone.

``python -m baselines slate-bandit`` trains.
"""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np

from baselines._progress import held_out, tell
from baselines.item_features import NUMBERS, ItemScorer, item_features, save_weights
from memgym.registration import make
from memgym.wrappers import Features, ScoreAction

SLATE = 5
"""How many memories are kept for an answer."""


class SlateBandit(ItemScorer):
    """Ranks memories by what each is expected to add to the recall of the evidence.

    The weights that come with it were learned on ``persona`` (see ``baselines/weights/README.md``).
    """

    shipped = ("slate_bandit",)


class LinearThompson:
    """Bayesian linear regression on slates: the reward of a slate is the sum of its items' worths, each linear.

    Thompson sampling draws weights from the posterior and shows the best slate under them (combinatorial bandits with
    linear rewards: Wen, Kveton & Ashkan, arXiv 1406.7443).

    Args:
        prior: the weights expected at first, [F].
        scale: standard deviation of each weight at first, [F].
        noise: standard deviation of a slate's reward about its expectation.
    """

    def __init__(self, prior: np.ndarray, scale: np.ndarray, noise: float):
        self._noise = noise
        self._precision = np.diag(1 / scale**2)
        self._evidence = self._precision @ prior

    def learn(self, slates: np.ndarray, rewards: np.ndarray) -> None:
        """Take in slates, summed over their items [N, F], and what they paid [N]."""
        self._precision += slates.T @ slates / self._noise**2
        self._evidence += slates.T @ rewards / self._noise**2

    def mean(self) -> np.ndarray:
        """Return the weights expected now, [F]."""
        return np.linalg.solve(self._precision, self._evidence)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return weights drawn from the posterior, [F]."""
        root = np.linalg.cholesky(self._precision)
        return self.mean() + np.linalg.solve(root.T, rng.standard_normal(len(root)))


def play(env: gym.Env, bandit: LinearThompson, rng: np.random.Generator) -> None:
    """Play one episode by weights drawn once, and learn from its questions."""
    arrays, _ = env.reset()
    weights, slates, rewards, done = bandit.draw(rng), [], [], False
    while not done:
        rows = item_features(arrays)
        scores = rows @ weights
        shown = np.flatnonzero(arrays["mask"])
        best = shown[np.argsort(-scores[shown])[:SLATE]]
        span = np.abs(scores).max() or 1.0
        arrays, reward, done, _, _ = env.step((scores / span).astype(np.float32))
        slates.append(rows[best].sum(axis=0))
        rewards.append(reward)
    bandit.learn(np.array(slates), np.array(rewards))


def train(
    task: str = "persona",
    difficulty: str = "medium",
    train_episodes: int = 800,
    scale: float = 0.02,
    noise: float = 0.3,
    seed: int = 0,
    episodes: int = 50,
    out: Path = Path("slate_bandit.npz"),
) -> None:
    """Train a ranker as a bandit, and tell what it gets on held-out episodes before and after.

    Args:
        task: of the episodes; those of the split ``train`` are learned from.
        difficulty: of the task.
        train_episodes: how many.
        scale: how far weights may be from the start, as a standard deviation.
        noise: standard deviation of a slate's reward.
        seed: of weights drawn and episodes.
        episodes: of the split ``validation``, on which it is measured.
        out: the file of weights to write.
    """
    kwargs = {"task": task, "difficulty": difficulty, "phases": ["retrieve"], "answer_k": SLATE}
    world = {"reward_weights": {"evidence_recall": 1.0}, "instructions": False, **kwargs}
    env = ScoreAction(Features(make("memgym/MemoryBank-v1", split="train", **world), items=20))
    validation = make("memgym/MemoryBank-v1", split="validation", **world)
    embedder = env.get_wrapper_attr("embedder")
    prior = np.zeros(len(NUMBERS) + embedder.dim)
    prior[NUMBERS.index("like the query")] = 0.05
    spread = np.full(len(prior), scale)
    spread[: len(NUMBERS)] *= 10
    bandit = LinearThompson(prior, spread, noise)
    rng = np.random.default_rng(seed)

    def measured() -> np.ndarray:
        save_weights(out, "retrieve", embedder.name, bandit.mean()[None])
        return held_out(ItemScorer(str(out)), validation, "evidence_recall", episodes)

    before = measured()
    env.reset(seed=seed)
    for _ in range(train_episodes):
        play(env, bandit, rng)
    tell(f"SlateBandit on {task} {difficulty}, seed {seed}: evidence_recall", before, measured())
