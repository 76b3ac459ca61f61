"""A reader without a model: it picks the span of the memory that fits the question best."""

from __future__ import annotations

import re

import numpy as np

from memgym.operators.reading import write_answer
from memgym.operators.text import bm25
from memgym.protocol.observation import Observation
from memgym.scoring.abstention import ABSTENTION
from memgym.scoring.phrases import contains as has_phrase
from memgym.words import sentences

SENTENCES_READ = 5

_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?: ?[ap]m)?\b")
_NUMBER = re.compile(rf"\b(?:\d[\d,.]*\d|\d|{_NUMBER_WORDS})\b", re.IGNORECASE)
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}} (?:{_MONTH})(?:,? \d{{4}})?|(?:{_MONTH}) \d{{1,2}}(?:, \d{{4}})?|"
    rf"(?:{_MONTH}) \d{{4}}|[12]\d{{3}})\b"
)
_LABEL = re.compile(r"\blabel: (\S+)")
_NAME = re.compile(r"\b[A-Z][\w’'-]*(?: (?:(?:of|the|de|van|von) )?[A-Z][\w’'-]*)*")
_COMPLEMENT = re.compile(r"\b(?:is|are|was|were|called|named|as) (?:an? |the |now )?([\w’'-]+(?: [\w’'-]+){0,3})")
_TRAILING = re.compile(r"(?: (?:now|again|instead|really|too|these|days|in|at|and|but|by|for|with|rather|than))+$")
_EITHER = re.compile(r"(?:, | the | )([^,?]+?),? or ([^,?]+)\?$")
_CLOSED_QUESTION = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b", re.IGNORECASE)
_KINDS = (
    (re.compile(r"\blabel", re.IGNORECASE), (_LABEL,)),
    (re.compile(r"\b(?:at what time|what time)\b", re.IGNORECASE), (_CLOCK,)),
    (re.compile(r"\bhow (?:many|much|old|long|far)\b", re.IGNORECASE), (_NUMBER,)),
    (re.compile(r"\b(?:when|(?:what|which) (?:date|day|year|month))\b", re.IGNORECASE), (_DATE,)),
    (re.compile(r"\b(?:who|whom|whose|where|which)\b", re.IGNORECASE), (_NAME, _COMPLEMENT)),
)
_OTHER_KINDS = (_COMPLEMENT, _NAME)


def extractive(observation: Observation) -> str:
    """Answer with the span of the memory that fits the question best.

    The kind of answer follows from the question word (label, clock, number, date, name, yes or no, one of two). In the
    sentences most like the question, one after the other, the span of that kind that is nearest to the question's own
    words wins. Without any, the answer is that there is no information. Cited is the memory that has the span, without
    one that most like the question.
    """
    question = observation.question
    lines, owners = [], []
    for block in observation.memories:
        for line in sentences(block.text):
            lines.append(line)
            owners.append(block.id)
    scores = bm25(question, lines) if lines else np.zeros(0)
    for i in np.argsort(-scores, kind="stable")[:SENTENCES_READ]:
        span = _best_span(question, lines[i]) if scores[i] > 0 else ""
        if span:
            return write_answer(observation, span, [owners[i]] if owners[i] else [])
    best = owners[int(np.argmax(scores))] if lines and scores.max() > 0 else ""
    return write_answer(observation, ABSTENTION, [best] if best else [])


def _best_span(question: str, line: str) -> str:
    if _CLOSED_QUESTION.match(question):
        return "yes"
    either = _EITHER.search(question)
    if either:
        return next((option for option in either.groups() if has_phrase(line, option)), "")
    patterns = next((patterns for kind, patterns in _KINDS if kind.search(question)), _OTHER_KINDS)
    return next((span for span in (_nearest(question, line, pattern) for pattern in patterns) if span), "")


def _nearest(question: str, line: str, pattern: re.Pattern[str]) -> str:
    """Return the match that is made of other words than the question and lies nearest to the question's words."""
    asked = {word.lower() for word in re.findall(r"\w+", question)}
    anchors = [m.start() for m in re.finditer(r"\w+", line) if m[0].lower() in asked and len(m[0]) > 3]
    body = line.find(": ") + 2 if ": " in line[:40] else 0  # behind the speaker's name
    best, distance = "", float("inf")
    for match in pattern.finditer(line, body):
        span = _TRAILING.sub("", match[match.lastindex or 0])
        words = [word.lower() for word in re.findall(r"\w+", span)]
        starts_sentence = pattern is _NAME and match.start() == body and len(words) == 1
        if not words or starts_sentence or any(word in asked for word in words):
            continue
        gap = min((abs(match.start() - anchor) for anchor in anchors), default=match.start())
        if gap < distance:
            best, distance = span, gap
    return best
