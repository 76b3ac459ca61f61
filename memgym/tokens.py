"""Named token counters: how budgets, section sizes and episode lengths are measured.

Counting must be the same on every machine and need no download, so the counters here are simple rules:

- ``chars``: one token per four characters, rounded up. Constant time; close to a BPE tokenizer on English prose.
- ``words``: one token per word or punctuation mark. Linear time; closer on code, tables and names.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from itertools import islice

from memgym.errors import unknown

_WORD = re.compile(r"\w+|[^\w\s]")


class TokenCounter(ABC):
    """Counts the tokens of a text and finds where a token budget ends."""

    @abstractmethod
    def count(self, text: str) -> int:
        """Return the number of tokens in ``text``."""

    @abstractmethod
    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the largest offset such that ``text[start:offset]`` has at most ``tokens`` tokens."""

    def cut(self, text: str, tokens: int) -> str:
        """Return the longest prefix of ``text`` with at most ``tokens`` tokens."""
        return text[: self.end(text, 0, tokens)]


class CharTokenCounter(TokenCounter):
    """Four characters are one token."""

    CHARS_PER_TOKEN = 4

    def count(self, text: str) -> int:
        """Return ``len(text) / 4``, rounded up."""
        return -(-len(text) // self.CHARS_PER_TOKEN)

    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the offset four characters per token further on."""
        return min(len(text), start + self.CHARS_PER_TOKEN * tokens)


class WordTokenCounter(TokenCounter):
    """Words and punctuation marks are tokens."""

    def count(self, text: str) -> int:
        """Return the number of words and punctuation marks."""
        return sum(1 for _ in _WORD.finditer(text))

    def end(self, text: str, start: int, tokens: int) -> int:
        """Return the offset just before the first word or mark that is too many."""
        too_many = next(islice(_WORD.finditer(text, start), tokens, None), None)
        return too_many.start() if too_many else len(text)


COUNTERS: dict[str, TokenCounter] = {"chars": CharTokenCounter(), "words": WordTokenCounter()}


def get_counter(name: str) -> TokenCounter:
    """Return the counter called ``name``.

    Raises:
        ConfigError: there is no such counter.
    """
    if not isinstance(name, str) or name not in COUNTERS:
        raise unknown("token counter", name, COUNTERS)
    return COUNTERS[name]
