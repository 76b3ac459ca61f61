"""Haystacks: lines of text that fill a token length, with needles hidden at chosen places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from memgym.episodes import Section
from memgym.tasks.procedural.sizing import nearest
from memgym.tokens import TokenCounter

NOISE = ("The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again.")
"""The sentences that make up a line of RULER's noise haystack."""

LINES_PER_SECTION = 8


def noise(n: int) -> list[str]:
    """Return ``n`` equal lines of noise."""
    return [" ".join(NOISE)] * n


NOISE_ENDS = tuple(" ".join(NOISE[:n]) for n in range(1, len(NOISE)))
"""The beginnings of a line of noise, with which a haystack may end."""


def fill(
    draw: Callable[[int], list[str]],
    tokens: int,
    counter: TokenCounter,
    *,
    joiner: str = "\n",
    ends: Sequence[str] = (),
) -> list[str]:
    """Return as many lines as come nearest to ``tokens`` tokens once they are laid out in sections.

    Args:
        draw: returns the next ``n`` lines.
        tokens: the length wanted; at 0 or less there are no lines.
        joiner: what stands between the lines of a section.
        ends: shorter lines to end with; by default the best fitting of the next lines drawn is the last.
    """
    lines = draw(64)
    text = layout(lines, joiner)
    while (count := counter.count(text)) < tokens:
        lines += draw(int(len(lines) * (1.02 * tokens / count - 1)) + 64)
        text = layout(lines, joiner)
    steps = [len(line) + (len(joiner) if i % LINES_PER_SECTION else 2) for i, line in enumerate(lines)]
    ends_at = np.cumsum(steps) - 2  # a line's step includes the separator before it, which the first does not have
    whole = int(np.searchsorted(ends_at, counter.end(text, 0, max(0, tokens)), side="right"))
    left = tokens - counter.count(text[: ends_at[whole - 1]]) if whole else tokens
    last = nearest(ends or lines[whole : whole + 32], counter, left)
    return [*lines[:whole], last] if last else lines[:whole]


def layout(lines: Sequence[str], joiner: str) -> str:
    """Return the text of :func:`sections` of the lines."""
    return "\n\n".join([section.text for section in sections(lines, joiner)])


def sections(lines: Sequence[str], joiner: str) -> tuple[Section, ...]:
    """Return sections ``p1``, ``p2``, ... of 8 lines each."""
    starts = range(0, len(lines), LINES_PER_SECTION)
    return tuple(
        Section(f"p{number}", joiner.join(lines[start : start + LINES_PER_SECTION]))
        for number, start in enumerate(starts, 1)
    )


def section_of(line: int) -> str:
    """Return the id of the section that holds line number ``line``."""
    return f"p{line // LINES_PER_SECTION + 1}"


def hide(needles: Sequence[str], lines: list[str], places: Sequence[int]) -> tuple[list[str], list[int]]:
    """Put needle ``i`` before line ``places[i]``; the places are in ascending order.

    Returns:
        The lines with the needles among them, and the number of the line that each needle has become.
    """
    mixed: list[str] = []
    for needle, start, end in zip(needles, [0, *places], places, strict=False):
        mixed += lines[start:end]
        mixed.append(needle)
    mixed += lines[places[-1] :]
    return mixed, [place + i for i, place in enumerate(places)]


def random_places(rng: np.random.Generator, needles: int, lines: int) -> list[int]:
    """Return ascending places for the needles among the lines, all equally likely."""
    return sorted(rng.choice(lines, needles, replace=False).tolist())
