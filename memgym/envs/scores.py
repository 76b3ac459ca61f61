"""Bookkeeping of one step's scores, and the scoring of answers."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from memgym.episodes import Fact, Question
from memgym.protocol.actions import Answer
from memgym.scoring.phrases import RULES
from memgym.tasks.base import Task


class StepScores:
    """Collects what one step earned. A component that several events of the step earn counts with its mean."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = defaultdict(list)
        self.overflow = False
        self.operator_errors: list[str] = []
        self.answers: list[dict[str, Any]] = []

    def add(self, name: str, value: float) -> None:
        """Note one score in [0, 1]."""
        self._values[name].append(float(value))

    def means(self, names: Iterable[str]) -> dict[str, float]:
        """Return the score of each component, 0.0 for those that the step did not touch."""
        return {name: _mean(self._values.get(name, ())) for name in names}

    def add_answer(self, question: Question, answer: Answer | None, scores: dict[str, float]) -> None:
        """Note an answered question: its official score is the component ``answer``, the rest is for reports."""
        self.add("answer", scores["answer"])
        self.answers.append(
            {
                "question_id": question.id,
                "category": question.category,
                "answer": answer.text if answer else "",
                "scores": scores,
            }
        )


class AnswerScorer:
    """Scores answers by the task's official rule, or by a language model with the rule's score beside it."""

    def __init__(self, task: Task, judge: str | dict[str, Any] | None):
        self._task = task
        self.judge = None
        if judge is not None:
            from memgym.judging.judge import make_judge

            self.judge = make_judge(judge)

    def score(self, question: Question, answer: Answer | None) -> dict[str, float]:
        """Return the scores of an answer by name; an unusable answer (None) scores 0 everywhere.

        Raises:
            JudgeError: the judge gave no verdict.
        """
        scores = self._task.score(question, answer.text if answer else "")
        if self.judge is not None:
            verdict = self.judge.score(question, answer.text, self._task.name) if answer else 0.0
            scores = {**scores, "rule": scores["answer"], "answer": verdict}
        return scores if answer else dict.fromkeys(scores, 0.0)


def memory_quality(
    questions: Sequence[Question], facts: Sequence[Fact] | None, lines: Sequence[str], rule: str = "house"
) -> dict[str, float]:
    """Return ``memory_recall`` and ``memory_precision`` of a memory against what it ought to hold.

    With gold facts, recall is the share of facts whose value the memory holds (0 while there is none); without, it is
    the share of gold answers held, per question. Precision is the share of the memory's lines that hold such a value
    or answer.

    Args:
        questions: the episode's questions; those without an answer do not count.
        facts: the gold facts that hold now; None where the task knows none.
        lines: the memory's lines or records.
        rule: by which phrases are found, a name in :data:`memgym.scoring.phrases.RULES`.
    """
    normal = RULES[rule]
    found = _lines_by_phrase([normal(line) for line in lines])
    if facts is not None:
        wanted = [normal(fact.value) for fact in facts]
        recall = _mean([bool(found(phrase)) for phrase in wanted])
    else:
        asked = [question for question in questions if question.answerable]
        wanted = [normal(answer) for question in asked for answer in question.answers]
        recall = _mean([_held(question, lambda answer: found(normal(answer))) for question in asked])
    useful = set().union(*(found(phrase) for phrase in set(wanted)))
    return {"memory_recall": recall, "memory_precision": len(useful) / len(lines) if lines else 0.0}


def _held(question: Question, found: Callable[[str], set[int]]) -> float:
    held = [bool(found(answer)) for answer in question.answers]
    return _mean(held) if question.match == "all" else float(any(held))


def _lines_by_phrase(lines: Sequence[str]) -> Callable[[str], set[int]]:
    """Return a function from a phrase to the numbers of the lines that hold it as whole words.

    All lines are searched at once: a bank has thousands, and Python's own loop over them would be the slowest part of
    an episode.
    """
    text = "\n".join([f" {line} " for line in lines])
    starts = list(accumulate((len(line) + 3 for line in lines), initial=0))

    @cache
    def found(phrase: str) -> set[int]:
        numbers: set[int] = set()
        if not phrase:
            return numbers
        position = text.find(f" {phrase} ")
        while position >= 0:
            numbers.add(bisect_right(starts, position))
            position = text.find(f" {phrase} ", position + 1)
        return numbers

    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
