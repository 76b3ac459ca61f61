"""Judge-free answer scores on text, as the SQuAD and HotpotQA evaluation scripts define them, byte for byte.

The scripts know English: ASCII punctuation, three articles, spaces between words. So “Lisbon” is not Lisbon, O’Brien
not O'Brien, and of a language without spaces a whole sentence is one word: 里斯本 has no word in common with
她住在里斯本, and is not 里斯本。

Tasks that name these rules keep that limit; :mod:`memgym.scoring.phrases` has the rule for the rest.

Every function takes a prediction and one reference and returns a float in [0, 1]; :func:`best_over` takes the maximum
over several references.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterable

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
    return overlap(normalize(prediction).split(), normalize(reference).split())


def squad_f1(prediction: str, reference: str) -> float:
    """Return the token F1 without HotpotQA's exception (SQuAD v1.1 ``f1_score``)."""
    return overlap(normalize(prediction).split(), normalize(reference).split(), closed=())


def overlap(guess: list[str], gold: list[str], closed: Collection[str] = _CLOSED) -> float:
    """Return the F1 of two lists of words; 0 where they differ and one is but a word of ``closed``."""
    if guess != gold and any(len(words) == 1 and words[0] in closed for words in (guess, gold)):
        return 0.0
    common = sum((Counter(guess) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(guess), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def sub_em(prediction: str, reference: str) -> float:
    """Return 1.0 if the normalised prediction contains the normalised reference.

    One-sided on purpose: the reference must be in the prediction, so an empty prediction scores 0 (the symmetric rule
    of MemAgent's evaluation gives it 1).
    """
    gold = normalize(reference)
    return float(bool(gold) and gold in normalize(prediction))


def contains(text: str, phrase: str, normal: Callable[[str], str] = normalize) -> bool:
    """Return whether ``text`` contains ``phrase`` as whole words, both made ``normal``."""
    needle = normal(phrase)
    return bool(needle) and f" {needle} " in f" {normal(text)} "


def best_over(metric: Callable[[str, str], float], prediction: str, references: Iterable[str]) -> float:
    """Return the best ``metric`` over the references."""
    return max(metric(prediction, reference) for reference in references)
