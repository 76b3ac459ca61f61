"""The space of texts: any Unicode string up to a length."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import CustomSpaceError
from gymnasium.vector.utils import create_shared_memory

_SAMPLE_LENGTH = 64
_SAMPLE_CHARSET = 'abcdefghijklmnopqrstuvwxyz ,.{}[]":0123456789'


class TextSpace(gym.spaces.Text):
    """Any string of at most ``max_length`` characters.

    ``gymnasium.spaces.Text`` admits only the characters of its charset, which no real text fits. This subclass checks
    type and length only. Samples are short random strings.
    """

    def __init__(self, max_length: int, seed: int | np.random.Generator | None = None):
        super().__init__(max_length=max_length, min_length=0, charset=_SAMPLE_CHARSET, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Return a random string of up to 64 characters; masks are not supported."""
        length = int(self.np_random.integers(1, min(_SAMPLE_LENGTH, self.max_length) + 1))
        return "".join(self.np_random.choice(list(_SAMPLE_CHARSET), size=length))

    def contains(self, x: Any) -> bool:
        """Return whether ``x`` is a string that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace) and self.max_length == other.max_length

    __hash__ = None  # type: ignore[assignment] # as Gymnasium's spaces, which change when they draw


@create_shared_memory.register(TextSpace)
def _no_shared_memory(space: TextSpace, n: int = 1, ctx: Any = None) -> None:
    # Gymnasium's shared buffers for Text return stale or wrong text: fail loudly instead.
    raise CustomSpaceError("texts cannot be shared between processes: use AsyncVectorEnv(..., shared_memory=False)")
