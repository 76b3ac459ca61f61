"""Cuts a long text into sections of a token budget without copying it: each section is sliced out when it is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from memgym.tokens import TokenCounter

_SEPARATOR = "\n\n"


class Pages:
    """The sections of a text, in order. Joined, they are the text again.

    A section ends behind a line break or a space in its last quarter where there is one.

    Args:
        pieces: the text's parts, thought of as joined by blank lines.
        tokens: the largest size of a section; None takes the pieces as they are.
        counter: what a token is.
    """

    def __init__(self, pieces: Sequence[str], tokens: int | None, counter: TokenCounter):
        self._pieces, self._counter = pieces, counter
        ends = list(accumulate(len(piece) + len(_SEPARATOR) for piece in pieces))
        ends[-1] -= len(_SEPARATOR)
        self._starts = [0, *ends[:-1]]
        self.total_chars = ends[-1]
        self._bounds = [0, *ends] if tokens is None else self._cut(tokens)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @cached_property
    def total_tokens(self) -> int:
        """The size of the parts together."""
        return sum(map(self._counter.count, self._pieces))

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._slice(self._bounds[index], self._bounds[index + 1])

    def _slice(self, start: int, end: int) -> str:
        parts = []
        i = bisect_right(self._starts, start) - 1
        while i < len(self._pieces) and self._starts[i] < end:
            offset = self._starts[i]
            parts.append(self._pieces[i][max(0, start - offset) : end - offset])
            separator_at = offset + len(self._pieces[i])
            if i + 1 < len(self._pieces) and end > separator_at:
                parts.append(_SEPARATOR[max(0, start - separator_at) : end - separator_at])
            i += 1
        return "".join(parts)

    def _cut(self, tokens: int) -> list[int]:
        bounds = [0]
        while bounds[-1] < self.total_chars:
            bounds.append(self._end(bounds[-1], tokens))
        return bounds if len(bounds) > 1 else [0, 0]

    def _end(self, start: int, tokens: int) -> int:
        window = 8 * tokens
        while True:
            text = self._slice(start, min(start + window, self.total_chars))
            end = self._counter.end(text, 0, tokens)
            if end < len(text) or start + end == self.total_chars:
                break
            window *= 2
        if start + end == self.total_chars:
            return self.total_chars
        floor = end * 3 // 4
        for mark in ("\n", " "):
            cut = text.rfind(mark, floor, end)
            if cut >= 0:
                return start + cut + 1
        return start + max(end, 1)
