"""LoCoMo's answer score (Maharana et al. 2024, arXiv 2402.17753; ``task_eval/evaluation.py``).

Texts are lower-cased, stripped of punctuation and a/an/the/and, and Porter-stemmed as NLTK does it by default
(the original algorithm gives other stems, e.g. for *day* or *enjoyed*).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import cache
from typing import Any

from memgym.errors import MissingExtraError

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the|and)\b")
_ABSTENTIONS = ("no information available", "not mentioned")


@cache
def stemmer() -> Any:
    """Return NLTK's Porter stemmer.

    Raises:
        MissingExtraError: NLTK is not installed (extra ``data``).
    """
    try:
        from nltk.stem.porter import PorterStemmer
    except ImportError:
        raise MissingExtraError("LoCoMo's score (NLTK's Porter stemmer)", "data") from None
    return PorterStemmer()


def tokens(text: str) -> list[str]:
    """Return the stems by which LoCoMo compares texts."""
    stem = stemmer().stem
    return [stem(word) for word in _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()]


def stemmed_f1(prediction: str, reference: str) -> float:
    """Return the F1 over stems."""
    guess, gold = tokens(prediction), tokens(reference)
    common = sum((Counter(guess) & Counter(gold)).values())
    if not common:
        return 0.0
    precision, recall = common / len(guess), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def multi_answer_f1(prediction: str, reference: str) -> float:
    """Return, over the parts of ``reference`` between commas, the mean of the best F1 of a part of ``prediction``."""
    guesses, golds = prediction.split(","), reference.split(",")
    return sum(max(stemmed_f1(guess, gold) for guess in guesses) for gold in golds) / len(golds)


def locomo_score(prediction: str, reference: str, category: str) -> float:
    """Return the official score in [0, 1] for a question of ``category``.

    Args:
        category: ``multi-hop``: both sides are lists between commas; ``open-domain``: the reference ends at ``;``;
            ``adversarial``: 1 iff the prediction says "no information available" or "not mentioned"; else plain F1.
    """
    if category == "adversarial":
        return float(any(phrase in prediction.lower() for phrase in _ABSTENTIONS))
    if category == "multi-hop":
        return multi_answer_f1(prediction, reference)
    return stemmed_f1(prediction, reference.split(";")[0] if category == "open-domain" else reference)
