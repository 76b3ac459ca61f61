"""Many environments at once play what single ones play, and load nothing twice."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import memgym
from memgym.errors import ConfigError
from memgym.playing import twin
from memgym.registration import make
from memgym.vector import make_vec
from memgym.wrappers import Features, KeepAction, PickAction

POLICY = memgym.PhasePolicy()


def pick(env: gym.Env) -> gym.Env:
    return PickAction(Features(env, items=20))


def keep(env: gym.Env) -> gym.Env:
    return KeepAction(Features(env, items=12))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("env_id", ["memgym/MemoryBank-v1", "memgym/Longcontext-v1"])
def test_texts_are_those_of_single_environments(env_id: str, workers: int) -> None:
    many = make_vec(env_id, 2, workers=workers, difficulty="easy")
    singles = [make(env_id, difficulty="easy") for _ in range(2)]
    texts, info = many.reset(seed=11)
    alone = [env.reset(seed=11 + place) for place, env in enumerate(singles)]
    assert list(texts) == [text for text, _ in alone]
    assert list(info["index"]) == [info["index"] for _, info in alone]
    ended = 0
    for _ in range(40):
        texts, rewards, ends, _, info = many.step(tuple(POLICY.act(text) for text in texts))
        for place, env in enumerate(singles):
            text, reward, done, _, _ = env.step(POLICY.act(alone[place][0]))
            assert (reward, done) == (rewards[place], ends[place])
            if done:
                ended += 1
                assert info["final_info"]["rewards"]["format"][place] == 1.0
                text, _ = env.reset()
            alone[place] = (text, {})
        assert list(texts) == [text for text, _ in alone]
    assert ended >= 2
    many.close()


@pytest.mark.parametrize("wrap", [pick, keep])
def test_arrays_are_those_of_single_environments(wrap: Any) -> None:
    kwargs = {"phases": ["retrieve" if wrap is pick else "update"], "difficulty": "easy"}
    many = make_vec("memgym/MemoryBank-v1", 3, wrap=wrap, **kwargs)
    singles = [wrap(make("memgym/MemoryBank-v1", **kwargs)) for _ in range(3)]
    arrays, _ = many.reset(options={"index": [4, 0, 9]})
    alone = [env.reset(options={"index": index})[0] for env, index in zip(singles, [4, 0, 9], strict=True)]
    many.action_space.seed(0)
    for _ in range(12):
        for place, own in enumerate(alone):
            assert all(np.array_equal(arrays[name][place], own[name]) for name in own)
        actions = many.action_space.sample()
        arrays, _, ends, _, _ = many.step(actions)
        alone = [env.step(action)[0] for env, action in zip(singles, actions, strict=True)]
        if ends.any():
            break
    many.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_vectors_of_rewards_and_indices_as_arrays(workers: int) -> None:
    kwargs = {"difficulty": "easy", "vector_reward": ["answer", "token_cost"]}
    many = make_vec("memgym/RMMReranker-v1", 2, workers=workers, wrap=pick, **kwargs)
    singles = [pick(make("memgym/RMMReranker-v1", **kwargs)) for _ in range(2)]
    _, info = many.reset(options={"index": np.array([4, 0])})
    assert list(info["index"]) == [4, 0]
    for env, index in zip(singles, (4, 0), strict=True):
        env.reset(options={"index": index})
    for place in (0, 3, 20):
        rewards = many.step(np.array([place, place]))[1]
        np.testing.assert_array_equal(rewards, [env.step(place)[1] for env in singles])
    assert rewards.shape == (2, 2)
    assert (rewards[:, 1] > 0).all()
    many.close()


@pytest.mark.parametrize("phase", ["extract", "update"])
def test_features_of_another_embedder_are_embedded_in_batches(phase: str) -> None:
    name = "tests.memgym.test_vector:Counts"
    many = make_vec(
        "memgym/MemoryBank-v1",
        3,
        wrap=lambda env: KeepAction(Features(env, embedder=name)),
        phases=[phase],
        difficulty="easy",
    )
    Counts.batches.clear()
    many.reset(options={"index": [0, 1, 2]})
    assert len(Counts.batches) == (1 if phase == "update" else 3)  # at once, or an episode each
    many.step(many.action_space.sample())
    assert len(Counts.batches) <= 3


def test_nothing_is_loaded_twice() -> None:
    many = make_vec("memgym/RMMReranker-v1", 4, wrap=pick)
    bare = [env.unwrapped for env in many.envs]
    assert len({id(env.task) for env in bare}) == len({id(env.embedder) for env in bare}) == 1
    assert len({id(env) for env in bare}) == 4
    template = pick(make("memgym/RMMReranker-v1"))
    other = twin(template)
    template.reset(options={"index": 0})
    other.reset(options={"index": 1})
    assert template.get_wrapper_attr("_features") is not other.get_wrapper_attr("_features")


def test_all_new_texts_are_embedded_in_one_batch() -> None:
    many = make_vec(
        "memgym/RMMReranker-v1", 4, wrap=pick, difficulty="easy", embedder="tests.memgym.test_vector:Counts"
    )
    Counts.batches.clear()
    many.reset(options={"index": [0, 1, 2, 3]})
    assert len(Counts.batches) == 1
    assert Counts.batches[0] > 200


class Counts:
    """The embedder ``hash``, and how many texts it was given each time."""

    name, dim = "tests.memgym.test_vector:Counts", 512
    batches: list[int] = []  # noqa: RUF012

    def embed(self, texts: list[str]) -> np.ndarray:
        from memgym.bank.embedders import HashEmbedder

        self.batches.append(len(texts))
        return HashEmbedder().embed(texts)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"num_envs": 0}, "'num_envs'"),
        ({"num_envs": 2, "workers": -1}, "'workers'"),
        ({"num_envs": 4, "workers": 2}, r"'workers' must be 0 or 'num_envs' \(4\)"),
        ({"num_envs": 2, "difficlty": "easy"}, "difficlty"),
    ],
)
def test_arguments_that_do_not_fit(kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, TypeError), match=said):
        make_vec("memgym/RMMReranker-v1", **kwargs)
    with pytest.raises(ConfigError, match="'index' has 3 numbers for 2 environments"):
        make_vec("memgym/RMMReranker-v1", 2).reset(options={"index": [1, 2, 3]})
    with pytest.raises(ConfigError, match="'seed' has 1 numbers for 2 environments"):
        make_vec("memgym/RMMReranker-v1", 2).reset(seed=[1])
    with pytest.raises(ConfigError, match="'options' of reset must be a dict, not 5"):
        make_vec("memgym/RMMReranker-v1", 2).reset(options=5)
    for mask in (np.array([True]), np.array([False, False]), [True, False]):
        with pytest.raises(ConfigError, match="'reset_mask' must be a boolean array of 2"):
            make_vec("memgym/RMMReranker-v1", 2).reset(options={"reset_mask": mask})


def test_those_that_a_mask_leaves_out_draw_nothing() -> None:
    """They play what they would have played without it."""
    vector, singles = make_vec("memgym/Longcontext-v1", 3), [make("memgym/Longcontext-v1") for _ in range(3)]
    vector.reset(seed=5)
    for place, env in enumerate(singles):
        env.reset(seed=5 + place)
    vector.reset(options={"reset_mask": np.array([True, False, True])})
    for place in (0, 2):
        singles[place].reset()
    assert list(vector.reset()[0]) == [env.reset()[0] for env in singles]
