"""Observations as arrays of a fixed size."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from memgym.bank import CachedEmbedder, get_embedder
from memgym.checks import check_int
from memgym.errors import ConfigError
from memgym.protocol.observation import Block
from memgym.wrappers.items import Arrays, Items, check_phase


class Features(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Shows one phase as the arrays of :class:`~memgym.wrappers.Items`: a query, the items, what stands near each.

    After the last step all is zero. Where there are more items than places, the first ones are shown, the others are
    never chosen, and ``info["items_left_out"]`` counts them.

    Args:
        env: a memgym environment in which the agent plays ``retrieve``, ``update`` or ``extract``, and nothing else.
        items: places for items.
        embedder: as for ``gym.make("memgym/MemoryBank-v1")``; None takes the environment's own, whose rows are known
            already.

    Raises:
        ConfigError: another phase, or more than one, is the agent's; or an argument does not fit.
    """

    def __init__(self, env: gym.Env, items: int = 16, embedder: str | None = None):
        gym.utils.RecordConstructorArgs.__init__(self, items=items, embedder=embedder)
        gym.Wrapper.__init__(self, env)
        phases = tuple(self.unwrapped.phases)
        if len(phases) != 1:
            raise ConfigError(f"features are of one phase: make with phases=['retrieve'], for one, not {phases}")
        self.phase: str = check_phase(phases[0])
        self.places = check_int("items", items, 1)
        self.embedder = self.unwrapped.embedder if embedder is None else CachedEmbedder(get_embedder(embedder))
        self.items = Items.none(self.phase, self.embedder.dim, self.places)
        """What is shown at present."""
        rows = gym.spaces.Box(-1.0, 1.0, (items, self.embedder.dim), np.float32)
        self.observation_space = gym.spaces.Dict(
            query=gym.spaces.Box(-1.0, 1.0, (self.embedder.dim,), np.float32),
            item=rows,  # not "items": that is a method of the dicts of modules which libraries make of the names
            near=rows,
            order=gym.spaces.Box(0.0, 1.0, (items,), np.float32),
            mask=gym.spaces.MultiBinary(items),
        )
        """The arrays, see above."""

    @property
    def unwrapped(self) -> Any:
        """The environment below all wrappers, of memgym."""
        return self.env.unwrapped

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of the items shown, by which our JSON names them."""
        return self.items.ids

    @property
    def near_ids(self) -> tuple[str, ...]:
        """The ids of what stands near each of them, ``""`` where nothing does."""
        return self.items.near_ids

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The items themselves, as the text shows them."""
        return self.items.blocks

    def reset(self, **kwargs: Any) -> tuple[Arrays, dict[str, Any]]:
        """Reset, and return the first observation as arrays."""
        text, info = self.env.reset(**kwargs)
        bare = self.unwrapped
        if self.phase == "extract" or bare.stores_turns:
            self.embedder.embed(bare.known_texts(bare.episode))  # in one batch: many times as fast as one by one
        return self._show(text, info)

    def step(self, action: Any) -> tuple[Arrays, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step with a text, or with what an action wrapper around this one makes of numbers."""
        text, reward, terminated, truncated, info = self.env.step(action)
        arrays, info = self._show(text, info)
        return arrays, reward, terminated, truncated, info

    def _show(self, text: str, info: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        nothing = Items.none(self.phase, self.embedder.dim, self.places)
        self.items = Items.of(text, self.embedder, self.places) if text else nothing
        return self.items.arrays, {**info, "items_left_out": self.items.left_out}
