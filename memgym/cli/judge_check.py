"""``memgym judge-check``: the questions of a task on which a judge is measured."""

from __future__ import annotations

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Question
from memgym.errors import ConfigError
from memgym.judging.check import JudgeReport, judge_check
from memgym.judging.judge import Judge
from memgym.judging.prompts import is_rubric
from memgym.tasks.base import Task


def check_on_task(judge: Judge, task: Task, split: str, n: int = 20, seed: int = 0) -> JudgeReport:
    """Measure a judge on ``n`` questions of a task; see :func:`memgym.judging.check.judge_check`.

    Raises:
        ConfigError: the split is unknown, ``n`` is no positive int, or the split has no question to ask.
        JudgeError: a verdict could not be had; the next call goes on from there.
    """
    check_int("n", n, 1)
    check_int("seed", seed, 0)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    return judge_check(judge, task.name, _draw_questions(task, split, 2 * n, rng), n)


def _draw_questions(task: Task, split: str, n: int, rng: np.random.Generator) -> list[Question]:
    """Draw ``n`` questions with a known answer, or all there are, from as many episodes as possible."""
    size = task.check_split(split)
    order = rng.integers(1 << 30) + np.arange(n) if size is None else rng.permutation(size)
    share = -(-n // len(order))
    questions: list[Question] = []
    for index in order[:n]:
        asked = [q for q in task.episode(split, int(index)).questions if not is_rubric(task.name, q)]
        questions.extend(asked[i] for i in rng.permutation(len(asked))[:share])
    if not questions:
        raise ConfigError(f"split {split!r} of task {task.name!r} has no question with a known answer")
    return questions
