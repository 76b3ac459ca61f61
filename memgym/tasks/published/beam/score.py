"""BEAM's answers scored without a model: a rule of thumb beside the judge's score, not in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memgym.episodes import RUBRIC, Question
from memgym.scoring.abstention import abstains
from memgym.scoring.ordering import order_score
from memgym.scoring.phrases import contains, exact_match, f1
from memgym.scoring.text import best_over
from memgym.words import STOP_WORDS, find_words, stem

FACTS = ("information_extraction", "knowledge_update", "multi_session_reasoning", "temporal_reasoning")
"""Abilities whose rubrics are facts."""
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_PREAMBLE = re.compile(r"^based on the (?:provided )?(?:chat|conversation)[^,.]{0,20}, *", re.IGNORECASE)
_RELATED = re.compile(r"\brelated to\b", re.IGNORECASE)
_PLACE = re.compile(r"(?:^|(?<=[\s(,;:]))\(?\d{1,2}[.):](?=\s)")
_FILLER = re.compile(r"\b(?:approximately|between the two (?:events|dates))\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_SPARE_NUMBERS = 2
_ROOT = 6
"""By so many letters words are compared: *implementing* is *implementation*."""


def beam_score(question: Question, answer: str) -> float:
    """Return a score in [0, 1].

    The gold answer itself scores 1. Else, by ability: ``abstention``: 1 if the answer abstains in known words; facts
    (:data:`FACTS`): the share of the rubric's points that are :func:`stated`; ``event_ordering``: the answer's items,
    aligned with the rubric's, by :func:`~memgym.scoring.ordering.order_score`; others: token F1 with the gold answer.
    """
    if best_over(exact_match, answer, question.answers):
        return 1.0
    if not question.answerable:
        return float(abstains(_RELATED.sub("about", _PREAMBLE.sub("", answer)), question.text))
    points = question.metadata.get(RUBRIC, "").splitlines() or list(question.answers)
    if question.category == "event_ordering":
        return order_score(align(listed(answer), points, question.text), range(len(points)))
    if question.category in FACTS:
        return share_stated(points, answer, question.text)
    return best_over(f1, answer, question.answers)


def share_stated(points: Sequence[str], answer: str, asked: str) -> float:
    """Return the share of the points that an answer states; none, if it offers many more numbers than they have."""
    told = numbers(_PLACE.sub(" ", answer)) - numbers(asked)
    due = set().union(*(numbers(point) for point in points))
    if len(told) > len(due) + _SPARE_NUMBERS and len(told) > 2 * len(due):
        return 0.0
    return sum(stated(point, answer, asked) for point in points) / len(points)


def stated(point: str, answer: str, asked: str) -> bool:
    """Return whether an answer has a point as a phrase, or all its numbers and half its words, but the question's.

    Of a date the year may be left out.
    """
    if contains(answer, point):
        return True
    point = _FILLER.sub(" ", point)
    figures = numbers(point) - numbers(asked)
    figures = {figure for figure in figures if not _YEAR.fullmatch(figure)} or figures
    new = _roots(point) - _roots(asked)
    return bool(new) and figures <= numbers(answer) and 2 * len(new & _roots(answer)) >= len(new)


def align(items: Sequence[str], points: Sequence[str], asked: str) -> list[int | str]:
    """Return for each item which point it is, by the share of the point's words, or the item where it is none.

    Pairs are made from the best share down to a half; words of the question count only for a point of no others.
    """
    wanted = [_roots(point) - _roots(asked) or _roots(point) for point in points]
    had = [_roots(item) for item in items]
    pairs = [(i, p) for i in range(len(items)) for p in range(len(points))]
    share = {(i, p): len(wanted[p] & had[i]) / max(1, len(wanted[p])) for i, p in pairs}
    point_of: dict[int, int] = {}
    for i, p in sorted(pairs, key=share.__getitem__, reverse=True):
        if share[i, p] >= 0.5 and i not in point_of and p not in point_of.values():
            point_of[i] = p
    return [point_of.get(i, f"item {i}") for i in range(len(items))]


def listed(answer: str) -> list[str]:
    """Return the items of a list: numbered ones, else lines, else what stands between semicolons or commas."""
    marks = list(_PLACE.finditer(answer))
    if len(marks) > 1:
        ends = [mark.start() for mark in marks[1:]] + [len(answer)]
        parts = [answer[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    else:
        parts = answer.splitlines()
        for sign in ";,":
            parts = parts if len(parts) > 1 else answer.split(sign)
    return [item for part in parts if (item := part.strip(" \t\n-•*,;."))]


def numbers(text: str) -> set[str]:
    """Return the numbers in a text: words with a digit, and small numbers in words."""
    return {word for word in _words(text) if any(map(str.isdigit, word))}


def _roots(text: str) -> set[str]:
    words = (word for word in _words(text) if word not in STOP_WORDS)
    return {word if word[:1].isdigit() else stem(word)[:_ROOT] for word in words}


def _words(text: str) -> list[str]:
    words = find_words(_THOUSANDS.sub("", text))
    return [str(_NUMBERS.index(word)) if word in _NUMBERS else word for word in words]
