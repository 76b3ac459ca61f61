"""Comparing an answer with the one that its author wrote, where every sign may matter: ``C++`` is not ``C#``.

Two answers are the same if they differ in nothing but capitals, white space, typographic or plain quotes, full-width
letters, quotes around the whole, ``. , ; : ! ?`` behind it, an article before other words, ``7,000`` for ``7000`` and
``7.0`` for ``7``.
"""

from __future__ import annotations

import re

from memgym.scoring.text import overlap
from memgym.words import UNSPACED, even, spaced

_STOPS = ".,;:!?…。、，；：！？｡।۔؟"
_QUOTES = {'"': '"', "'": "'", "`": "`", "«": "»", "‹": "›", "「": "」", "『": "』", "《": "》", "〈": "〉"}
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_WHOLE = re.compile(r"(?<![\d.])(\d+)\.0+(?![\d.]*\d)")
_ARTICLE = re.compile(r"^(?:an?|the) (?=\S)")
_NEEDLESS_SPACE = re.compile(rf"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])")
_ARTICLES = ("a", "an", "the")
_AROUND = "\"'`()[]{}«»‹›「」『』《》〈〉（）【】"


def strict(text: str) -> str:
    """Return what two texts must share to be the same answer."""
    text = _peel(_numbers(_NEEDLESS_SPACE.sub("", " ".join(even(text).split()))))
    return _ARTICLE.sub("", text)


def strict_match(prediction: str, reference: str) -> float:
    """Return 1.0 if both are the same answer."""
    return float(strict(prediction) == strict(reference))


def strict_f1(prediction: str, reference: str) -> float:
    """Return the F1 over words with their signs; a mismatch on yes / no / noanswer scores 0."""
    return overlap(_words(prediction), _words(reference))


def _peel(text: str) -> str:
    """Take stops off the end and quotes off both ends, unless nothing would be left."""
    while True:
        inner = text.rstrip(_STOPS + " ")
        if len(inner) > 2 and _QUOTES.get(inner[0]) == inner[-1]:
            inner = inner[1:-1].strip()
        if not inner or inner == text:
            return text
        text = inner


def _numbers(text: str) -> str:
    return _WHOLE.sub(r"\1", _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text))


def _words(text: str) -> list[str]:
    """Return the words, characters of scripts without spaces one by one; articles go where anything else is left."""
    written = spaced(_numbers(even(text))).split()
    words = [word.strip(_AROUND).rstrip(_STOPS).strip(_AROUND) for word in written]
    words = [word for word in words if word] or written
    return [word for word in words if word not in _ARTICLES] or words
