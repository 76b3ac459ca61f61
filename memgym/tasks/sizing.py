"""Procedural texts of a given length: the options that say how long, and the cutting to length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

from memgym.errors import ConfigError
from memgym.tasks.base import ProceduralConfig, check_choice
from memgym.tokens import TokenCounter, get_counter


@dataclass(frozen=True)
class SizedConfig(ProceduralConfig):
    """What every procedural task with difficulties and a length can be told.

    Subclasses set ``PRESETS`` (difficulty to the values that it gives to options left at None; ``length`` among them)
    and ``SIZE`` (the option that gives the size in the task's own unit, which excludes ``length``).

    Args:
        difficulty: ``easy``, ``medium`` or ``hard``; sets every option that is None.
        length: tokens of the episode's text, met within 2 %.
        counter: the name of the token counter that measures ``length`` (:mod:`memgym.tokens`).

    Raises:
        ConfigError: a difficulty or counter is unknown, or two options give the size.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]
    SIZE: ClassVar[str]

    difficulty: str = "easy"
    length: int | None = None
    counter: str = "chars"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("difficulty", self.difficulty, tuple(self.PRESETS))
        get_counter(self.counter)
        if self.length is not None and getattr(self, self.SIZE) is not None:
            raise ConfigError(f"options 'length' and {self.SIZE!r} exclude each other: give one of them")
        sized = getattr(self, self.SIZE) is not None
        for name, value in self.PRESETS[self.difficulty].items():
            if getattr(self, name) is None and not (name == "length" and sized):
                object.__setattr__(self, name, value)


def fitting(pieces: Sequence[str], joiner: str, counter: TokenCounter, tokens: int) -> int:
    """Return how many of the first ``pieces``, joined by ``joiner``, make at most ``tokens`` tokens."""
    if tokens <= 0:
        return 0
    end = counter.end(joiner.join(pieces), 0, tokens)
    ends = list(accumulate(len(piece) + len(joiner) for piece in pieces))
    return bisect_right(ends, end + len(joiner))


def nearest(pieces: Sequence[str], counter: TokenCounter, tokens: int) -> str | None:
    """Return the piece whose size comes nearest to ``tokens``; None if to add none comes nearer still."""
    best = min(pieces, key=lambda piece: abs(tokens - counter.count(piece)))
    return best if abs(tokens - counter.count(best)) < abs(tokens) else None
