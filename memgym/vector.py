"""Many environments at once, as a Gymnasium vector environment in which nothing is loaded twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from memgym.checks import check_int
from memgym.envs.memory_bank import MemoryBankEnv
from memgym.errors import ConfigError
from memgym.playing import twin
from memgym.registration import make

Wrap = Callable[[gym.Env], gym.Env]


def make_vec(env_id: str, num_envs: int, workers: int = 0, wrap: Wrap | None = None, **kwargs: Any) -> VectorEnv:
    """Make ``num_envs`` environments that step together.

    Each plays what a single environment with the same seed or index plays. They reset themselves in the step that ends
    an episode (``SAME_STEP``: the last observation is in ``info["final_obs"]``). ``reset(options={"index": [4, 8]})``
    gives each an index of its own, one number the same to all.

    Args:
        env_id: a registered id of memgym.
        num_envs: how many.
        workers: 0 steps all in this process, on one loaded task and embedder. Else each steps in a process of its own,
            where task and embedder are loaded again; as Gymnasium has a process for each environment, ``workers`` must
            then be ``num_envs``.
        wrap: what goes around each, e.g. ``lambda env: PickAction(Features(env))``; with ``workers``, a function that
            pickle or cloudpickle can send.
        **kwargs: make-arguments.

    Raises:
        ConfigError: an argument does not fit.
        DataError: the task's file is missing or damaged.
    """
    check_int("num_envs", num_envs, 1)
    check_int("workers", workers, 0)
    wrap = wrap or _bare
    if not workers:
        return MemoryVectorEnv(wrap(make(env_id, **kwargs)), num_envs)
    if workers != num_envs:
        raise ConfigError(f"'workers' must be 0 or 'num_envs' ({num_envs}): each environment has a process of its own")
    makers = [_Maker(env_id, kwargs, wrap, place, num_envs) for place in range(num_envs)]
    # Text spaces cannot be shared memory; and without a network or a GPU below, spawning is safe whatever is running.
    return AsyncVectorEnv(makers, shared_memory=False, context="spawn", autoreset_mode=AutoresetMode.SAME_STEP)


class MemoryVectorEnv(SyncVectorEnv):
    """Twins of one environment, wrapped or not, that step together in this process.

    Where the environment itself stores every turn (the extractor ``verbatim``), the texts of all episodes that begin
    together are embedded in one batch.

    Args:
        env: the template; it is not played itself.
        num_envs: how many.
    """

    def __init__(self, env: gym.Env, num_envs: int):
        makers = [lambda place=place: _Placed(twin(env), place, num_envs) for place in range(num_envs)]
        super().__init__(makers, autoreset_mode=AutoresetMode.SAME_STEP)
        vector = getattr(env.unwrapped, "reward_space", None)
        if vector is not None:  # Gymnasium makes room for a number each
            self._rewards = np.zeros((num_envs, *vector.shape), vector.dtype)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in each environment.

        Args:
            seed: one for each, or one from which they count upwards.
            options: ``{"index": …}``, one for each or one for all; ``{"reset_mask": …}``, a boolean array of those that
                are reset, the others play on.

        Raises:
            ConfigError: an argument does not fit.
        """
        indices = _indices(options, self.num_envs)
        mask = _mask(options, self.num_envs)
        if indices is None:
            indices = self._draw(_seeds(seed, self.num_envs), mask)
        self._embed_together(indices)
        return super().reset(options={**(options or {}), "index": indices})

    def _embed_together(self, indices: Sequence[int]) -> None:
        """Embed what will be stored of these episodes, where that is known; each embedder is asked once."""
        first = self.envs[0]
        bare: Any = first.unwrapped
        if not (isinstance(bare, MemoryBankEnv) and bare.stores_turns):
            return
        episodes = [bare.task.episode(bare.split, index) for index in indices]
        texts = [text for episode in episodes for text in bare.known_texts(episode)]
        shown = first.get_wrapper_attr("embedder")  # of what makes arrays of texts, if anything does
        for embedder in [bare.embedder] + [shown] * (shown is not bare.embedder):
            embedder.embed(texts)

    def _draw(self, seeds: Sequence[int | None], mask: np.ndarray) -> list[int]:
        """Draw the indices that the environments would draw themselves; 0 for those that are not reset."""
        drawn = [0] * self.num_envs
        for place in np.flatnonzero(mask).tolist():
            bare: Any = self.envs[place].unwrapped
            own = seeds[place]
            if own is not None:
                bare.np_random, bare._np_random_seed = np_random(own)
            drawn[place] = bare.draw_index()
        return drawn


class _Placed(gym.Wrapper[Any, Any, Any, Any]):
    """Takes its own of several indices."""

    def __init__(self, env: gym.Env, place: int, count: int):
        super().__init__(env)
        self._place, self._count = place, count

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        indices = _indices(options, self._count)
        if indices is not None:
            options = {**(options or {}), "index": indices[self._place]}
        return self.env.reset(seed=seed, options=options)


class _Maker:
    """Makes one environment, in another process."""

    def __init__(self, env_id: str, kwargs: dict[str, Any], wrap: Wrap, place: int, count: int):
        self._made = env_id, kwargs, wrap, place, count

    def __call__(self) -> gym.Env:
        import memgym  # noqa: F401 - registers the ids

        env_id, kwargs, wrap, place, count = self._made
        return _Placed(wrap(make(env_id, **kwargs)), place, count)


def _bare(env: gym.Env) -> gym.Env:
    return env


def _indices(options: dict[str, Any] | None, count: int) -> list[int] | None:
    """Return an index for each environment, None if they draw their own."""
    if not (options is None or isinstance(options, dict)):
        raise ConfigError(f"'options' of reset must be a dict, not {options!r}")
    index = (options or {}).get("index")
    if index is None:
        return None
    if np.ndim(index) == 0:
        return [index] * count
    if len(index) != count:
        raise ConfigError(f"'index' has {len(index)} numbers for {count} environments")
    return list(index)


def _seeds(seed: int | Sequence[int | None] | None, count: int) -> Sequence[int | None]:
    """Return a seed for each environment, None to those that go on with what they have."""
    if seed is None:
        return [None] * count
    if isinstance(seed, int):
        return [seed + place for place in range(count)]
    if len(seed) != count:
        raise ConfigError(f"'seed' has {len(seed)} numbers for {count} environments")
    return seed


def _mask(options: dict[str, Any] | None, count: int) -> np.ndarray:
    """Return which environments are reset."""
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return np.ones(count, bool)
    if not (isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == (count,) and mask.any()):
        raise ConfigError(f"'reset_mask' must be a boolean array of {count} with one True at least, not {mask!r}")
    return mask
