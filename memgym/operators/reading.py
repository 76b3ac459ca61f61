"""Operators for the ``answer`` phase, without a language model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np

from memgym.actions import to_json
from memgym.observation import Observation
from memgym.operators.text import bm25, sentences
from memgym.scoring.text import contains as has_phrase

ABSTENTION = "no information available"  # the phrase that every abstention rule of the benchmarks knows

_NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_NUMBER = re.compile(rf"\b(\d[\d,.]*\d|\d|{_NUMBER_WORDS.replace(' ', '|')})\b", re.IGNORECASE)
_DATE = re.compile(
    rf"\b(\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}} (?:{_MONTH}),? \d{{4}}|(?:{_MONTH}) \d{{1,2}}(?:, \d{{4}})?|"
    rf"(?:{_MONTH}) \d{{4}}|[12]\d{{3}})\b"
)
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?: (?:of |the |de |van )?[A-Z][\w'’-]*)*")
_WORD = re.compile(r"[a-z][a-z'’-]{3,}")
_EITHER = re.compile(r",? ([^,?]+?),? or ([^,?]+)\?")
_CLOSED_QUESTION = re.compile(r"^(is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b", re.IGNORECASE)


def write_answer(observation: Observation, text: str, cited_ids: Sequence[str] = ()) -> str:
    """Write an answer in the format that the observation asks for."""
    question = observation.first("question")
    answer_format = question.attributes.get("format", "plain") if question else "plain"
    if answer_format == "json":
        return to_json({"answer": text, "cited_ids": list(cited_ids)})
    return f"\\boxed{{{text}}}" if answer_format == "boxed" else text


def contains(observation: Observation) -> str:
    """Answer right if the memory holds the answer: the default reader, which needs no language model.

    A memory holds an answer if it contains it as whole words, or, for an answer that has to be worked out (a count, a
    date), if it contains all the gold facts that it follows from. Where all of several answers must be given, those
    found are given. A question without an answer counts as recognised if nothing was retrieved. The reader sees the
    gold; the environment shows it to this operator only.
    """
    gold = json.loads(observation.first("gold").text)
    memory = observation.memory
    answers = gold["answers"]
    if not gold["answerable"]:
        found = [] if memory.strip() else answers[:1]
    else:
        found = [answer for answer in answers if has_phrase(memory, answer)]
        if gold["match"] == "any":
            worked_out = gold["evidence"] and all(has_phrase(memory, value) for value in gold["evidence"])
            found = found[:1] or (answers[:1] if worked_out else [])
    return write_answer(observation, ", ".join(found) or "(not in memory)")


def extractive(observation: Observation) -> str:
    """Answer with the span of the memory that fits the question best: a rule-based reader without a model.

    The kind of answer follows from the question word (number, date, name, yes/no, one of two); among the spans of
    that kind in the sentences most like the question, the one nearest to the words of the question wins.
    """
    question = observation.question
    lines, owners = [], []
    for block in observation.memories:
        for line in sentences(block.text):
            lines.append(line)
            owners.append(block.id)
    scores = bm25(question, lines) if lines else np.zeros(0)
    best = [int(i) for i in np.argsort(-scores, kind="stable")[:5] if scores[i] > 0]
    for i in best:
        span = _best_span(question, lines[i])
        if span:
            return write_answer(observation, span, [owners[i]] if owners[i] else [])
    return write_answer(observation, ABSTENTION)


def _best_span(question: str, line: str) -> str:
    either = _EITHER.search(question)
    if either and _CLOSED_QUESTION.match(question) is None:
        return next((option.strip() for option in either.groups() if has_phrase(line, option)), "")
    if _CLOSED_QUESTION.match(question):
        return "yes"
    lowered = question.lower()
    if "how many" in lowered or "how much" in lowered:
        pattern = _NUMBER
    elif re.search(r"\b(when|what (date|day|year|month))\b", lowered):
        pattern = _DATE
    else:
        return _nearest(question, line, _NAME) or _nearest(question, line, _WORD)
    return _nearest(question, line, pattern)


def _nearest(question: str, line: str, pattern: re.Pattern[str]) -> str:
    """Return the match outside the question's own words that lies nearest to them."""
    asked = set(re.findall(r"\w+", question.lower()))
    anchors = [m.start() for m in re.finditer(r"\w+", line) if m[0].lower() in asked and len(m[0]) > 3]
    body = line.find(": ") + 2 if ": " in line[:40] else 0  # behind the speaker's name
    best, distance = "", float("inf")
    for match in pattern.finditer(line, body):
        words = re.findall(r"\w+", match[0].lower())
        if not words or all(word in asked for word in words) or match[0] in _SENTENCE_STARTERS:
            continue
        gap = min((abs(match.start() - anchor) for anchor in anchors), default=match.start())
        if gap < distance:
            best, distance = match[0], gap
    return best


_SENTENCE_STARTERS = frozenset(
    (
        "I I'm I've I'll I'd It It's The A An My Our We We're He She They You Your That's That This These There In On "
        "At And But So Oh Well Yes No Yeah Hey Hi Just By When If Did Do Have Not What Actually Also After Before"
    ).split()
)
