"""Notes with a loose end: what a reader knows, and the end of what it read, which the next section may go on with."""

from __future__ import annotations

from collections.abc import Iterable

_MARK = "[cut off]\n"


def write_notes(lines: Iterable[str], loose_end: str) -> str:
    """Write the notes, one a line, and behind them the loose end, if any."""
    notes = "".join([f"{line}\n" for line in lines])
    return f"{notes}{_MARK}{loose_end}" if loose_end else notes


def read_notes(memory: str) -> tuple[list[str], str]:
    """Return the lines and the loose end that :func:`write_notes` wrote."""
    notes, _, loose_end = memory.partition(_MARK)
    return notes.splitlines(), loose_end
