"""What the tests of grpo share: few threads, and random rollouts."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tensordict import TensorDict

from grpo.buffer import from_rows

torch.set_num_threads(1)


def random_rows(
    seed: int, groups: int = 3, vocabulary: int = 64, max_length: int = 6, components: int = 2
) -> list[dict]:
    """Rows of groups of 1 to 4 episodes of 1 to 3 calls, in a shuffled order, with rewards on a coarse grid."""
    rng = np.random.default_rng(seed)
    rows, episode = [], 0
    for group in range(groups):
        prompt = rng.integers(0, vocabulary, rng.integers(1, max_length + 1)).tolist()
        for _ in range(rng.integers(1, 5)):
            for turn in range(rng.integers(1, 4)):
                length = int(rng.integers(1, max_length + 1))
                rewards = rng.integers(0, 4, components) / 4
                rows.append(
                    {
                        "prompt_ids": prompt if turn == 0 else rng.integers(0, vocabulary, 1 + turn).tolist(),
                        "response_ids": rng.integers(0, vocabulary, length).tolist(),
                        "sampler_log_prob": (-rng.exponential(1.0, length)).tolist(),
                        "old_log_prob": (-rng.exponential(1.0, length)).tolist(),
                        "ref_log_prob": (-rng.exponential(1.0, length)).tolist(),
                        "rewards": rewards.tolist(),
                        "reward": float(rewards @ np.arange(1, components + 1)),
                        "group_id": group,
                        "episode_id": episode,
                        "turn_id": turn,
                        "phase_id": int(turn > 0),
                        "finish_reason": int(rng.integers(0, 2)),
                        "anchor": int(rng.integers(0, 2)),
                        "weight": float(rng.integers(0, 3)),
                        "advantage": float(rng.normal()),
                    }
                )
            episode += 1
    rng.shuffle(rows)
    return rows


@pytest.fixture(scope="session")
def rows() -> Callable[..., list[dict]]:
    """The function :func:`random_rows`."""
    return random_rows


@pytest.fixture(scope="session")
def rollout() -> Callable[..., TensorDict]:
    """``rollout(seed, …)``: a buffer of :func:`random_rows`."""
    return lambda seed, **sizes: from_rows(random_rows(seed, **sizes))


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The module ``toy.py`` beside this file: small policies, collectors, and a script."""
    spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
