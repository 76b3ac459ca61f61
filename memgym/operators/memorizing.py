"""Operators for the ``read`` phase: what to keep of a long text within the memory budget."""

from __future__ import annotations

from memgym.operators.text import bm25, counter_of, keep_best
from memgym.protocol.observation import Observation
from memgym.words import sentences


def forget(observation: Observation) -> str:
    """Keep nothing."""
    return ""


def first(observation: Observation) -> str:
    """Keep the beginning of the text until the budget is full."""
    text = _append(observation)
    return text if observation.budget is None else counter_of(observation).cut(text, observation.budget)


def recent(observation: Observation) -> str:
    """Keep the end of what was read."""
    text = _append(observation)
    if observation.budget is None:
        return text
    counter = counter_of(observation)
    start = 0
    while (excess := counter.count(text[start:]) - observation.budget) > 0:  # twice where a token is no fixed length
        start = max(counter.end(text, start, excess), start + 1)
    return text[start:]


def lexical(observation: Observation) -> str:
    """Keep the sentences that are most like the question (BM25 over the memory and the section)."""
    lines = sentences(observation.memory) + sentences(observation.section)
    lines = list(dict.fromkeys(lines))
    if not lines:
        return ""
    return keep_best(lines, bm25(observation.question, lines), observation)


def _append(observation: Observation) -> str:
    return f"{observation.memory}\n{observation.section}" if observation.memory else observation.section
