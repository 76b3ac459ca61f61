"""Bookkeeping of one step's scores, and the scoring of answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from memgym.actions import Answer
from memgym.episodes import Fact, Question
from memgym.scoring.text import normalize
from memgym.tasks.base import Task


class StepScores:
    """Collects what one step earned. A component that several events of the step earn counts with its mean."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = defaultdict(list)
        self.overflow = False
        self.answers: list[dict[str, Any]] = []

    def add(self, name: str, value: float) -> None:
        """Note one score in [0, 1]."""
        self._values[name].append(float(value))

    def means(self, names: Iterable[str]) -> dict[str, float]:
        """Return the score of each component, 0.0 for those that the step did not touch."""
        return {name: sum(v) / len(v) if (v := self._values.get(name)) else 0.0 for name in names}

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
            from memgym.scoring.judge import make_judge

            self.judge = make_judge(judge)

    def score(self, question: Question, answer: Answer | None) -> dict[str, float]:
        """Return the scores of an answer by name; an unusable answer (None) scores 0 everywhere.

        Raises:
            JudgeError: the judge gave no verdict.
        """
        if answer is None:
            return dict.fromkeys(self._task.score(question, ""), 0.0)
        scores = self._task.score(question, answer.text)
        if self.judge is not None:
            verdict = self.judge.score(question, answer.text, self._task.name)
            scores = {**scores, "rule": scores["answer"], "judge": verdict, "answer": verdict}
        return scores


def memory_quality(questions: Sequence[Question], facts: Sequence[Fact], lines: Sequence[str]) -> dict[str, float]:
    """Return ``memory_recall`` and ``memory_precision`` of a memory against what it ought to hold.

    With gold facts, recall is the share of facts whose value the memory holds; without, it is the share of gold
    answers held, per question. Precision is the share of the memory's lines that hold such a value or answer.

    Args:
        questions: the episode's questions; those without an answer do not count.
        facts: the gold facts that hold now; empty where the task knows none.
        lines: the memory's lines or records, normalised.
    """
    text = " ".join(lines)
    if facts:
        wanted = [normalize(fact.value) for fact in facts]
        recall = _share_held(wanted, text)
    else:
        golds = [[normalize(answer) for answer in question.answers] for question in questions if question.answerable]
        wanted = [answer for gold in golds for answer in gold]
        matches = [question.match for question in questions if question.answerable]
        held = [_share_held(gold, text) for gold in golds]
        scores = [share if match == "all" else float(share > 0) for share, match in zip(held, matches, strict=True)]
        recall = sum(scores) / len(scores) if scores else 0.0
    useful = sum(_share_held(wanted, line) > 0 for line in lines)
    return {"memory_recall": recall, "memory_precision": useful / len(lines) if lines else 0.0}


def _share_held(phrases: Sequence[str], normalized_text: str) -> float:
    text = f" {normalized_text} "
    return sum(f" {phrase} " in text for phrase in phrases) / len(phrases)
