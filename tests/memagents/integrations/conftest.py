"""What the tests of adapters share: a real small model whose answers follow from its prompts."""

from __future__ import annotations

import importlib.util
import sys
import typing
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

INDICES, GROUP_SIZE = [8, 9, 10, 11], 4


if importlib.util.find_spec("skyrl") and sys.version_info < (3, 12):
    # SkyRL is for Python 3.12. All that keeps the parts used here from 3.11, where PyTorch for CPUs is easier to have,
    # is where pydantic wants TypedDict to be from.
    typing.TypedDict = importlib.import_module("typing_extensions").TypedDict


def settled_model() -> Any:
    """Return a backend that samples; what a prompt gets follows from the prompt alone, whoever asks and when."""
    pytest.importorskip("torch", reason="needs PyTorch")
    from memagents.backends.transformers_backend import TransformersBackend

    class Settled(TransformersBackend):
        def generate(self, prompts, sampling):
            seeds = tuple(zlib.crc32(str(list(prompt)).encode()) for prompt in prompts)
            return super().generate(prompts, replace(sampling, seeds=seeds))

    return Settled.from_pretrained("tiny_reader", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def model() -> Any:
    """The settled model."""
    return settled_model()


def assert_collected(calls: list[Any], model: Any, indices: Sequence[int], group_size: int, seed: int) -> None:
    """Hold calls to the rows of ``collect``, on the same episodes and seed: every column, to the last bit."""
    import torch

    from grpo.buffer import from_rows
    from memagents.agents import load_agent
    from memagents.collect import collect, rows_of
    from memagents.training_recipes import read_training_recipe

    recipe = read_training_recipe("tiny_reader")
    agent = load_agent({**recipe.agent, "backends": {}}, {"main": model})
    collected = collect(agent, recipe.make_env(), indices, group_size, seed)
    rows = from_rows(rows_of(calls))
    assert set(rows.keys()) == set(collected.keys())
    for key in set(rows.keys()):
        assert torch.equal(rows[key], collected[key]), key
    assert rows["reward"].unique().numel() > 1  # else nothing was compared
    print(f"{len(calls)} rows of {len(indices) * group_size} episodes have all {len(rows.keys())} columns of collect")


@pytest.fixture(scope="module")
def expected(model) -> list[list[Any]]:
    """The calls of each episode, as this package plays it."""
    from memagents.sessions import answer_by, open_sessions, outside

    sessions = open_sessions(*outside("tiny_reader"), INDICES, group_size=GROUP_SIZE)
    answer_by(model, sessions)
    calls = [session.calls() for session in sessions]
    assert_collected([call for episode in calls for call in episode], model, INDICES, GROUP_SIZE, seed=0)
    assert len({sum(call.reward for call in episode) for episode in calls}) > 1  # else nothing is compared
    return calls


def unsettled(model: Any) -> Any:
    """Return what asks the same model, with other draws at each call."""
    calls = iter(range(10**9))

    def generate(prompts, sampling):
        seeds = tuple(next(calls) for _ in prompts)
        return super(type(model), model).generate(prompts, replace(sampling, seeds=seeds))

    return generate


def learned(group: int, episode: int, turn: int, reward: float) -> Any:
    """Return a step of the trace of which nothing else is of interest."""
    from memgym.steptrace import TraceStep

    place = {"episode_id": "", "index": group, "trial": 0, "group": group, "episode": episode, "turn": turn}
    what = {"phase": "read", "final": False, "observation": "", "action": "", "error": "", "trained": True}
    return TraceStep(**place, **what, rewards={}, reward=reward)
