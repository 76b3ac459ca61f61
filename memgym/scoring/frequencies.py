"""Which words a memory holds most often."""

from __future__ import annotations

import re
from collections import Counter

_COUNTED = re.compile(r"^(\d{1,9}): (.+)$", re.MULTILINE)
_TALLY = re.compile(r"(?<!\w)(?<!\w-)([^\W\d_]+(?:-[^\W\d_]+)*)(?:\s*[:=(]\s*|\s+[-x×]\s*)(\d{1,9})\b")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def most_frequent(text: str, count: int) -> list[str]:
    """Return the words that a memory holds most often, as it notes it or as they are counted in it.

    Notes are lines such as ``57: nylon elver``, and ``nylon: 57``, ``nylon (57)``, ``nylon x57``; of words that are as
    frequent, those that stand first.
    """
    counts: Counter[str] = Counter()
    for number, words in _COUNTED.findall(text):
        for word in _WORD.findall(words.lower()):
            counts[word] += int(number)
    rest = _COUNTED.sub("", text).lower()
    for word, number in _TALLY.findall(rest):
        counts[word] += int(number)
    counts.update(_WORD.findall(_TALLY.sub("", rest)))
    return [word for word, _ in counts.most_common(count)]
