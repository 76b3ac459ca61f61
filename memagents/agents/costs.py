"""What an evaluation costs, told before it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from memagents.modules import Request
from memgym.envs.base import MemoryEnv
from memgym.operators import verbatim
from memgym.protocol.observation import Observation

if TYPE_CHECKING:
    from memagents.agents.base import Part

CHARS_PER_TOKEN = 4  # of English, by most tokenizers


def estimate(parts: Mapping[str, Part], env: MemoryEnv, episodes: int) -> str:
    """Return in words about how many model calls of how many tokens some episodes take; "" if no model is asked.

    The first episode stands for all. It is walked through without a model: what is read grows with what models write,
    which is left out.
    """
    calls = read = written = 0
    walk = env.spawn()
    observation, _ = walk.reset(options={"index": 0})
    ended = False
    while not ended:
        seen = Observation.parse(observation)
        asked = parts[seen.phase].module.inference(seen)
        if isinstance(asked, Request):
            calls += 1
            read += sum(len(message["content"]) for message in asked.messages) // CHARS_PER_TOKEN
            written += asked.sampling.max_tokens
            action = verbatim(seen) if seen.phase == "extract" else ""
        else:
            action = asked.action or ""
        observation, _, terminated, truncated, _ = walk.step(action)
        ended = terminated or truncated
    if not calls:
        return ""
    sizes = [_rounded(episodes * number) for number in (calls, read, written)]
    return "about {} model calls that read {} tokens and write at most {}".format(*sizes)


def _rounded(number: int) -> str:
    """Write a number with two digits that count: ``4,800``."""
    return f"{round(number, 1 - math.floor(math.log10(number))) if number else 0:,}"
