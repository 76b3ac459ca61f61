"""Observations as arrays of a fixed size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from memgym.bank import CachedEmbedder, get_embedder
from memgym.checks import check_int
from memgym.errors import ConfigError
from memgym.protocol.observation import Block, Observation

Arrays = dict[str, np.ndarray]


class Features(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Shows one phase as arrays: a query, the items to decide on, and what stands near each of them.

    | phase | items | query | near an item |
    |---|---|---|---|
    | `retrieve` | the memories found | the question | the most similar of the other memories |
    | `update` | the candidates | – (zeros) | the most similar of the memories shown |
    | `extract` | the session's turns | – (zeros) | the turn before it |

    The observation is a dict: ``query`` float32 [dim], ``items`` and ``near`` float32 [items, dim], rows of unit norm
    or zeros, and ``mask`` int8 [items], 1 where there is an item. After the last step all is zero. Where there are more
    items than places, the first ones are shown, in the observation's order, and ``info["items_left_out"]`` counts the
    others.

    Args:
        env: a memgym environment in which the agent plays one of the three phases, and no other.
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
        if len(phases) != 1 or phases[0] not in _PARTS:
            raise ConfigError(f"features are of one phase: make with phases=[…] of {', '.join(_PARTS)}, not {phases}")
        self.phase: str = phases[0]
        self.places = check_int("items", items, 1)
        self.embedder = self.unwrapped.embedder if embedder is None else CachedEmbedder(get_embedder(embedder))
        box = gym.spaces.Box(-1.0, 1.0, (items, self.embedder.dim), np.float32)
        self.observation_space = gym.spaces.Dict(
            query=gym.spaces.Box(-1.0, 1.0, (self.embedder.dim,), np.float32),
            items=box,
            near=box,
            mask=gym.spaces.MultiBinary(items),
        )
        """The arrays, see above."""
        self.item_ids: tuple[str, ...] = ()
        """The ids of the items shown, by which our JSON names them."""
        self.near_ids: tuple[str, ...] = ()
        """The ids of what stands near each of them, ``""`` where nothing does."""
        self.blocks: tuple[Block, ...] = ()
        """The items themselves, as the text shows them."""

    @property
    def unwrapped(self) -> Any:
        """The environment below all wrappers, of memgym."""
        return self.env.unwrapped

    def reset(self, **kwargs: Any) -> tuple[Arrays, dict[str, Any]]:
        """Reset, and return the first observation as arrays."""
        text, info = self.env.reset(**kwargs)
        return self._show(text, info)

    def step(self, action: Any) -> tuple[Arrays, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step with a text, or with what an action wrapper around this one makes of numbers."""
        text, reward, terminated, truncated, info = self.env.step(action)
        arrays, info = self._show(text, info)
        return arrays, reward, terminated, truncated, info

    def _show(self, text: str, info: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        arrays = {
            "query": np.zeros(self.embedder.dim, np.float32),
            "items": np.zeros((self.places, self.embedder.dim), np.float32),
            "near": np.zeros((self.places, self.embedder.dim), np.float32),
            "mask": np.zeros(self.places, np.int8),
        }
        blocks: Sequence[Block] = ()
        near: Sequence[str] = ()
        if text:
            observation = Observation.parse(text)
            tag, show = _PARTS[self.phase]
            blocks = observation.all(tag)
            near = show(observation, blocks, arrays, self.embedder)[: self.places]
        self.blocks = tuple(blocks[: self.places])
        self.item_ids = tuple(block.id for block in self.blocks)
        self.near_ids = tuple(near)
        arrays["mask"][: len(self.blocks)] = 1
        return arrays, {**info, "items_left_out": len(blocks) - len(self.blocks)}


def _show_memories(
    observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: CachedEmbedder
) -> Sequence[str]:
    rows = embedder.embed([observation.question, *map(_keyed, blocks)])
    arrays["query"][:] = rows[0]
    alike = rows[1:] @ rows[1:].T
    np.fill_diagonal(alike, -np.inf)
    others = alike.argmax(axis=1) if len(blocks) > 1 else np.zeros(0, int)
    _put(arrays["items"], rows[1:])
    _put(arrays["near"], rows[1:][others])
    return [blocks[other].id for other in others] or [""] * len(blocks)


def _show_candidates(
    observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: CachedEmbedder
) -> Sequence[str]:
    memories = observation.memories
    rows = embedder.embed([*(block.text for block in blocks), *map(_keyed, memories)])
    items, known = rows[: len(blocks)], rows[len(blocks) :]
    _put(arrays["items"], items)
    if not memories:
        return [""] * len(blocks)
    nearest = (items @ known.T).argmax(axis=1)
    _put(arrays["near"], known[nearest])
    return [memories[i].id for i in nearest]


def _show_turns(
    observation: Observation, blocks: Sequence[Block], arrays: Arrays, embedder: CachedEmbedder
) -> Sequence[str]:
    rows = embedder.embed([f"{block.attributes['speaker']}: {block.text}" for block in blocks])
    _put(arrays["items"], rows)
    _put(arrays["near"][1:], rows[:-1])
    return ["", *(block.id for block in blocks[:-1])]


def _keyed(block: Block) -> str:
    """Return a memory as the bank embeds it."""
    key = block.attributes.get("key", "")
    return f"{key}: {block.text}" if key else block.text


def _put(places: np.ndarray, rows: np.ndarray) -> None:
    """Fill the first places with as many rows as they take."""
    shown = min(len(places), len(rows))
    places[:shown] = rows[:shown]


_PARTS: dict[str, tuple[str, Callable[[Observation, Sequence[Block], Arrays, CachedEmbedder], Sequence[str]]]] = {
    "retrieve": ("memory", _show_memories),
    "update": ("candidate", _show_candidates),
    "extract": ("turn", _show_turns),
}
"""Phase to the tag of its items, and what fills the arrays and returns the ids of what stands near."""
