"""Reasoning models think between ``<think>`` and ``</think>`` before they speak."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def spoken(text: str) -> str | None:
    """Return what follows the reasoning, stripped; None if the reasoning does not end, so that nothing was said."""
    _, closed, said = text.rpartition(CLOSE)
    if not closed:
        said = text
    return None if OPEN in said else said.strip()
