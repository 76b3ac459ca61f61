"""Judge-free answer scores on text, as the SQuAD and HotpotQA evaluation scripts define them.

Every function takes a prediction and one reference and returns a float in [0, 1]; :func:`best_over` takes the maximum
over several references.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED = {"yes", "no", "noanswer"}


def normalize(text: str) -> str:
    """Lower-case, strip punctuation, drop a/an/the, collapse white space (SQuAD v1.1 ``normalize_answer``)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, reference: str) -> float:
    """Return 1.0 if both are equal once normalised."""
    return float(normalize(prediction) == normalize(reference))


def f1(prediction: str, reference: str) -> float:
    """Return the token F1; a mismatch on yes / no / noanswer scores 0 (HotpotQA ``f1_score``)."""
    guess, gold = normalize(prediction), normalize(reference)
    if guess != gold and (guess in _CLOSED or gold in _CLOSED):
        return 0.0
    guess_tokens, gold_tokens = guess.split(), gold.split()
    common = sum((Counter(guess_tokens) & Counter(gold_tokens)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(guess_tokens), common / len(gold_tokens)
    return 2 * precision * recall / (precision + recall)


def sub_em(prediction: str, reference: str) -> float:
    """Return 1.0 if the normalised prediction contains the normalised reference.

    One-sided on purpose: the reference must be in the prediction, so an empty prediction scores 0 (the symmetric rule
    of MemAgent's evaluation gives it 1).
    """
    gold = normalize(reference)
    return float(bool(gold) and gold in normalize(prediction))


def contains(text: str, phrase: str) -> bool:
    """Return whether the normalised ``text`` contains the normalised ``phrase`` as whole words."""
    needle = normalize(phrase)
    return bool(needle) and f" {needle} " in f" {normalize(text)} "


def best_over(metric: Callable[[str, str], float], prediction: str, references: Iterable[str]) -> float:
    """Return the best ``metric`` over the references."""
    return max(metric(prediction, reference) for reference in references)
