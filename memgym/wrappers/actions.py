"""Actions as numbers: scores, decisions or picks become our JSON. Each goes around :class:`Features`."""

from __future__ import annotations

from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np

from memgym.errors import ConfigError
from memgym.protocol.actions import to_json
from memgym.wrappers.features import Features
from memgym.wrappers.items import Arrays


class _OnFeatures(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """What the three share: the features below, and the phases that they can say."""

    phases: ClassVar[tuple[str, ...]]

    def __init__(self, env: gym.Env):
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        phase = self._features.phase
        if phase not in self.phases:
            raise ConfigError(f"{type(self).__name__} plays {' or '.join(self.phases)}, not {phase!r}")

    @property
    def _features(self) -> Features:
        """The features below; looked up, as a copy of this wrapper has others."""
        below: gym.Env = self.env
        while isinstance(below, gym.Wrapper):
            if isinstance(below, Features):
                return below
            below = below.env
        raise ConfigError(f"{type(self).__name__} goes around Features: {type(self).__name__}(Features(env))")


class ScoreAction(_OnFeatures):
    """A score for each place: memories are ranked by it (``retrieve``), turns or candidates above 0 are kept.

    The action is a Box in [-1, 1], float32 [items]; scores of empty places do not count.

    Args:
        env: environment in :class:`~memgym.wrappers.Features`.

    Raises:
        ConfigError: there are no features below.
    """

    phases = ("retrieve", "update", "extract")

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (self._features.places,), np.float32)
        """A score for each place."""

    def step(self, action: Any) -> tuple[Arrays, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step by the scores, [items]."""
        items = self._features.items
        return self.env.step(
            items.ranked(action) if items.phase == "retrieve" else items.decided(np.asarray(action) > 0)
        )

    def action_masks(self) -> np.ndarray:
        """Return the places whose scores count, bool [items]."""
        return self._features.items.arrays["mask"].astype(bool)


class KeepAction(_OnFeatures):
    """A decision for each place: drop (0) or keep (1), and in ``update`` put it in place of what stands near it (2).

    The action is MultiDiscrete [items]; :meth:`~memgym.wrappers.Items.decided` says what becomes of it.

    Args:
        env: environment in :class:`~memgym.wrappers.Features`.

    Raises:
        ConfigError: there are no features below.
    """

    phases = ("retrieve", "update", "extract")

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self._choices = 3 if self._features.phase == "update" else 2
        self.action_space = gym.spaces.MultiDiscrete([self._choices] * self._features.places)
        """A decision for each place."""

    def step(self, action: Any) -> tuple[Arrays, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step by the decisions, [items]."""
        return self.env.step(self._features.items.decided(np.asarray(action)))

    def action_masks(self) -> np.ndarray:
        """Return :meth:`~memgym.wrappers.Items.masks` as sb3-contrib's MaskablePPO wants it: bool [items × choices]."""
        return self._features.items.masks().ravel()


class PickAction(_OnFeatures):
    """Memories are picked one by one, the best first; an episode is one question, so that picks get the right credit.

    The action is Discrete(items + 1): a place, or the last number to stop. What was picked or is empty is no longer in
    the mask; a place that is not there is a bad action, as the environment scores it. The question ends with the stop,
    the ``answer_k``-th pick, or when nothing is left; its reward comes then, 0 before. ``reset`` goes on to the next
    question of the episode below, unless it is given a seed or options, or that episode is over.

    Args:
        env: environment in :class:`~memgym.wrappers.Features`, of the phase ``retrieve``.

    Raises:
        ConfigError: there are no features below, or of another phase.
    """

    phases = ("retrieve",)

    def __init__(self, env: gym.Env):
        super().__init__(env)
        self.action_space = gym.spaces.Discrete(self._features.places + 1)
        """A place, or the stop."""
        self._next: tuple[Arrays, dict[str, Any]] | None = None
        self._picked: list[int] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, dict[str, Any]]:
        """Show the next question."""
        if self._next is None or seed is not None or options:
            self._arrays, self._info = self.env.reset(seed=seed, options=options)
        else:
            self._arrays, self._info = self._next
        self._next, self._picked = None, []
        return self._shown(self._arrays["mask"]), dict(self._info)

    def step(self, action: Any) -> tuple[Arrays, SupportsFloat, bool, bool, dict[str, Any]]:
        """Pick, or stop; the reward is 0 until the question ends."""
        place = int(action)
        stops = place == self._features.places
        if not stops:
            self._picked.append(place)
        mask = self._mask()
        if not stops and mask.any() and len(self._picked) < self._features.unwrapped.answer_k and self._fits():
            return self._shown(mask), self._nothing(), False, False, dict(self._info)
        ids = self._features.item_ids
        named = [ids[place] if place < len(ids) else f"place {place}" for place in self._picked]
        arrays, reward, terminated, truncated, info = self.env.step(to_json(named))
        if not (terminated or truncated):
            self._next = arrays, info
        empty = {name: np.zeros_like(array) for name, array in arrays.items()}
        return empty, reward, True, truncated, info

    def action_masks(self) -> np.ndarray:
        """Return which places can be picked, and that one may always stop: bool [items + 1]."""
        return np.append(self._mask().astype(bool), True)

    def _nothing(self) -> Any:
        """Return the reward of a pick that does not end the question: 0, or a vector of zeros."""
        space = getattr(self.unwrapped, "reward_space", None)
        return 0.0 if space is None else np.zeros(space.shape, space.dtype)

    def _shown(self, mask: np.ndarray) -> Arrays:
        """Return the arrays anew with a mask: whoever is given them may keep them."""
        return {name: (mask if name == "mask" else array).copy() for name, array in self._arrays.items()}

    def _fits(self) -> bool:
        return len(set(self._picked)) == len(self._picked) and max(self._picked) < len(self._features.item_ids)

    def _mask(self) -> np.ndarray:
        mask = self._arrays["mask"].copy()
        mask[[place for place in self._picked if place < len(mask)]] = 0
        return mask
