"""BLEU-1, the score beside F1 in LoCoMo tables (Memory-R1, Mem0)."""

from __future__ import annotations

import math
import re
from collections import Counter

_TOKEN = re.compile(r"\w+|[^\w\s]")


def bleu1(prediction: str, reference: str) -> float:
    """Return the clipped unigram precision times the brevity penalty (Papineni et al. 2002, section 2).

    Tokens are lower-cased words and punctuation marks. Without a common token the score is 0; the smoothing that some
    scripts add there pays for answers that are wholly wrong.
    """
    guess, gold = _TOKEN.findall(prediction.lower()), _TOKEN.findall(reference.lower())
    common = sum((Counter(guess) & Counter(gold)).values())
    if not common:
        return 0.0
    brevity = 1.0 if len(guess) >= len(gold) else math.exp(1 - len(gold) / len(guess))
    return brevity * common / len(guess)
