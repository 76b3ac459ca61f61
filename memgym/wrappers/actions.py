"""Actions as numbers: scores, decisions or picks become our JSON. Each goes around :class:`Features`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np

from memgym.errors import ConfigError
from memgym.protocol.actions import to_json
from memgym.wrappers.features import Arrays, Features

DROP, KEEP, REPLACE = 0, 1, 2


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

    def _say(self, decisions: Sequence[int]) -> str:
        """Return the JSON that drops, keeps or replaces by each of the items shown."""
        chosen = [(block, near, what) for block, near, what in self._decided(decisions) if what != DROP]
        if self._features.phase == "retrieve":
            return to_json([block.id for block, _, _ in chosen])
        if self._features.phase == "extract":
            items = [{"value": f"{b.attributes['speaker']}: {b.text}", "source": [b.id]} for b, _, _ in chosen]
            return to_json({"memory_list": items})
        return to_json({"operations": self._operations(chosen)})

    def _decided(self, decisions: Sequence[int]) -> list[tuple[Any, str, int]]:
        below = self._features
        return list(zip(below.blocks, below.near_ids, [int(what) for what in decisions], strict=False))

    @staticmethod
    def _operations(chosen: Sequence[tuple[Any, str, int]]) -> list[dict[str, str]]:
        """Return an update plan; of candidates that would replace the same memory the first does, others are added."""
        plan, replaced = [], set()
        for block, near, what in chosen:
            if what == REPLACE and near and near not in replaced:
                replaced.add(near)
                key = block.attributes.get("key", "")
                plan.append({"id": near, "op": "UPDATE", "value": block.text, **({"key": key} if key else {})})
            else:
                plan.append({"id": block.id, "op": "ADD"})
        return plan


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
        scores = np.asarray(action, np.float64)[: len(self._features.item_ids)]
        if self._features.phase == "retrieve":
            ranked = np.argsort(-scores, kind="stable")
            return self.env.step(to_json([self._features.item_ids[i] for i in ranked]))
        return self.env.step(self._say((scores > 0).tolist()))


class KeepAction(_OnFeatures):
    """A decision for each place: drop (0) or keep (1), and in ``update`` put it in place of what stands near it (2).

    ``retrieve`` keeps memories in the order in which they were found; ``extract`` keeps whole turns; ``update`` adds
    candidates (ADD), leaves them out, or writes them over the most similar memory shown (UPDATE). The action is
    MultiDiscrete [items].

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
        return self.env.step(self._say(np.asarray(action).tolist()))

    def action_masks(self) -> np.ndarray:
        """Return which choices make sense, bool [items × choices], as sb3-contrib's MaskablePPO wants them.

        An empty place can only be dropped; only what has a memory near it can replace one.
        """
        masks = np.zeros((self._features.places, self._choices), bool)
        masks[:, DROP] = True
        masks[: len(self._features.item_ids), KEEP] = True
        if self._choices > REPLACE:
            masks[: len(self._features.near_ids), REPLACE] = [bool(near) for near in self._features.near_ids]
        return masks.ravel()


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
        """Pick, or stop; ``reward`` is 0 until the question ends."""
        place = int(action)
        stops = place == self._features.places
        if not stops:
            self._picked.append(place)
        mask = self._mask()
        if not stops and mask.any() and len(self._picked) < self._features.unwrapped.answer_k and self._fits():
            return self._shown(mask), 0.0, False, False, dict(self._info)
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

    def _shown(self, mask: np.ndarray) -> Arrays:
        """Return the arrays anew with a mask: whoever is given them may keep them."""
        return {name: (mask if name == "mask" else array).copy() for name, array in self._arrays.items()}

    def _fits(self) -> bool:
        return len(set(self._picked)) == len(self._picked) and max(self._picked) < len(self._features.item_ids)

    def _mask(self) -> np.ndarray:
        mask = self._arrays["mask"].copy()
        mask[[place for place in self._picked if place < len(mask)]] = 0
        return mask
