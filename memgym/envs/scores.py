"""Bookkeeping of one step's scores, and the scoring of answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from memgym.episodes import Question
from memgym.errors import ConfigError
from memgym.protocol.actions import Answer
from memgym.tasks.base import Task
from memgym.tokens import get_counter


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


_TOKENS = get_counter("chars")


class AnswerScorer:
    """Scores answers by the task's official rule, or by a language model with the rule's score beside it.

    Raises:
        ConfigError: the judge's description does not fit, or no one judge fits all that the task asks.

    With errata (see :class:`~memgym.tasks.published.base.FileConfig`) ``corrected`` stands beside ``answer``: the same
    score by the mended gold answers; questions whose gold was dropped have none.
    """

    def __init__(self, task: Task, judge: str | dict[str, Any] | None):
        self._task = task
        self.judge = None
        if judge is not None:
            from memgym.judging.judge import make_judge
            from memgym.judging.rules import MARKED

            first, *others = sorted(task.benchmarks, key=MARKED.__contains__)
            if first not in MARKED and MARKED.intersection(others):
                raise ConfigError(
                    f"no judge marks the answers of {others[-1]} point by point and judges those of {first}"
                )
            self.judge = make_judge(judge, first)

    def bounded(self, question: Question, answer: Answer) -> tuple[Answer, bool]:
        """Return an answer within the task's limit, and whether something was cut off."""
        text = _TOKENS.cut(answer.text, self._task.answer_limit(question)).rstrip()
        return replace(answer, text=text), len(text) < len(answer.text.rstrip())

    def score(self, question: Question, answer: Answer | None) -> dict[str, float]:
        """Return the scores of an answer by name; an unusable answer (None) scores 0 everywhere.

        Raises:
            JudgeError: the judge gave no verdict.
        """
        text = answer.text if answer else ""
        scores = self._task.score(question, text)
        if self.judge is not None:
            scores = {**scores, "rule": scores["answer"], "answer": self._official(question, answer)}
        mended = self._task.errata and self._task.errata.mended(question)
        if mended:
            scores["corrected"] = scores["answer"] if mended == question else self._official(mended, answer)
        return scores if answer else dict.fromkeys(scores, 0.0)

    def _official(self, question: Question, answer: Answer | None) -> float:
        """Return the score that counts: the judge's verdict, or without one the task's rule."""
        if answer is None:
            return 0.0
        if self.judge is None:
            return self._task.score(question, answer.text)["answer"]
        return self.judge.score(question, answer.text, self._task.benchmark(question))


def size_scores(recall: float, kept: int, said: int) -> dict[str, float]:
    """Return ``memory_share``, what is kept, and ``compression``, what choosing gains over keeping as much at random.

    Args:
        recall: ``memory_recall``.
        kept: tokens of the memory, all that is kept of it.
        said: tokens of the text.
    """
    share = min(1.0, kept / max(1, said))
    return {"compression": max(0.0, recall - share), "memory_share": share}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
