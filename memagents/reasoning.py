"""Reasoning models think between ``<think>`` and ``</think>`` before they speak."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"
TAIL = 8
"""So many tokens at the end of a prompt hold an opened ``<think>``."""


def opened_thought(prompt: str) -> str:
    """Return the ``<think>`` with which some chat templates end a prompt, not begin the reply; else nothing."""
    return OPEN if prompt.rstrip().endswith(OPEN) else ""


def spoken(text: str) -> str | None:
    """Return what follows the reasoning, stripped; None if the reasoning does not end, so that nothing was said."""
    _, closed, said = text.rpartition(CLOSE)
    if not closed:
        said = text
    return None if OPEN in said else said.strip()
