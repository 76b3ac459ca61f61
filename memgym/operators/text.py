"""Small text tools that the operators and baselines share: ranking by BM25, fitting a budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgym.protocol.observation import Observation
from memgym.tokens import TokenCounter, get_counter
from memgym.words import find_words, has_unspaced, is_unspaced


def bm25(query: str, texts: Sequence[str]) -> np.ndarray:
    """Return the BM25 score of each text for the query; words of scripts without spaces are their characters.

    Returns:
        float32[n]; all 0 where no word of the query (stop words apart) occurs.
    """
    import bm25s

    if any(map(has_unspaced, (query, *texts))):
        corpus, words = [_terms(text) for text in texts], _terms(query)
        empty = not any(corpus)
    else:
        corpus = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
        words = bm25s.tokenize(query, stopwords="en", show_progress=False, return_ids=False)[0]
        empty = not corpus.vocab
    if empty or not words:
        return np.zeros(len(texts), dtype=np.float32)
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    return index.get_scores(words)


def _terms(text: str) -> list[str]:
    """Return what bm25s takes of a text: words of two letters or more, no English stop words; characters unspaced."""
    from bm25s.stopwords import STOPWORDS_EN

    return [word for word in find_words(text) if is_unspaced(word) or (len(word) > 1 and word not in STOPWORDS_EN)]


def counter_of(observation: Observation) -> TokenCounter:
    """Return the counter in which the observation's memory budget is given."""
    block = observation.first("budget")
    return get_counter(block.attributes["counter"] if block else "chars")


def keep_best(lines: Sequence[str], scores: np.ndarray, observation: Observation) -> str:
    """Join the best-scored lines that fit the memory budget, in their order in ``lines``."""
    budget, counter = observation.budget, counter_of(observation)
    if budget is None:
        return "\n".join(lines)
    kept, used = [], 0
    for i in np.argsort(-scores, kind="stable"):
        size = counter.count(lines[i] + "\n")
        if used + size <= budget:
            kept.append(int(i))
            used += size
    return "\n".join(lines[i] for i in sorted(kept))
