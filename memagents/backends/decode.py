"""Decoding where nothing is captured: one token per row at a time, for rows that end at different times."""

from __future__ import annotations

from torch import Tensor

from memagents.backends.prefill import Reader, State


class Growing:
    """Steps as they come; rows that have ended are dropped at once."""

    def __init__(self, reader: Reader, state: State):
        self._reader, self._state = reader, state

    @property
    def logits(self) -> Tensor:
        """``[N, V]`` of the rows' next tokens."""
        return self._state.logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in that order."""
        self._state = self._state.select(rows)

    def step(self, tokens: Tensor) -> None:
        """Read one more token per row (``[N]``)."""
        self._state = self._reader.step(self._state, tokens)
