"""Procedural texts of a given length: the options that say how long, and the cutting to length and into sessions."""

from __future__ import annotations

from bisect import bisect, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Any, ClassVar

from memgym.checks import check_choice
from memgym.episodes import Session, Turn
from memgym.errors import ConfigError
from memgym.tasks.procedural.base import ProceduralConfig
from memgym.tokens import TokenCounter, get_counter

BY_DIFFICULTY: Any = None
"""The default of an option that the difficulty sets: once a config is made, it has a value."""
_CANDIDATES = 32
"""How many further turns are tried to come near a length."""


def preset_table(options: Sequence[str], **difficulties: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the value of each of the ``options`` by difficulty, from one row of values per difficulty."""
    return {difficulty: dict(zip(options, row, strict=True)) for difficulty, row in difficulties.items()}


def draw_kinds(draw: Random, shares: Mapping[str, float], number: int) -> list[str]:
    """Draw kinds by systematic sampling: each comes as often as its share says, give or take one."""
    kinds, ends = list(shares), list(accumulate(shares.values()))
    start, step = draw.random(), ends[-1] / number
    return [kinds[bisect(ends, (start + i) * step, hi=len(ends) - 1)] for i in range(number)]


def days_of_sessions(draw: Random, sessions: int) -> list[date]:
    """Draw the day of each session, in order, some days apart."""
    days = [date(2021, 1, 1) + timedelta(days=draw.randrange(1000))]
    while len(days) < sessions:
        days.append(days[-1] + timedelta(days=draw.randrange(2, 12)))
    return days


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


def in_sessions(turns: Sequence[Turn], per_session: int) -> tuple[Session, ...]:
    """Return the turns as sessions ``S1``, ``S2``, ... of ``per_session`` turns each, the last one perhaps shorter."""
    starts = range(0, len(turns), per_session)
    return tuple(Session(f"S{i}", "", tuple(turns[start : start + per_session])) for i, start in enumerate(starts, 1))


def fitting_turns(lines: Sequence[str], per_session: int, counter: TokenCounter, tokens: int) -> list[int]:
    """Choose turns for a text of sessions, as :func:`in_sessions` makes them, that meets ``tokens``.

    Args:
        lines: turns as the text writes them (``speaker: text``), the most important first; more than fit.
        per_session: turns in a session.

    Returns:
        The indices of the turns to take: the first ones, and perhaps one of the others, to come nearer.
    """
    pieces = [line if i == 0 or i % per_session else f"\n{line}" for i, line in enumerate(lines)]
    whole = fitting(pieces, "\n", counter, tokens)
    room = tokens - counter.count("\n".join(pieces[:whole]))
    sizes = {i: counter.count(f"\n{lines[i]}") for i in range(whole, min(len(lines), whole + _CANDIDATES))}
    # error, turns kept from the start, further turns
    options: list[tuple[int, int, list[int]]] = [(abs(room), whole, [])]
    options += [(abs(room - size), whole, [i]) for i, size in sizes.items()]
    if whole:
        swapped = room + counter.count(f"\n{pieces[whole - 1]}")
        options += [(abs(swapped - size), whole - 1, [i]) for i, size in sizes.items()]
    _, kept, further = min(options)
    return [*range(kept), *further]
