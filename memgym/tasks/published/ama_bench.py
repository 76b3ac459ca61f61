"""AMA-Bench: questions about what an agent did and saw at work."""

from __future__ import annotations

import re
from typing import Any

from memgym.data.fields import require, texts
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.scoring.text import best_over, f1
from memgym.tasks.published.base import FileConfig, FileTask

TYPES = {"A": "recall", "B": "causal inference", "C": "state updating", "D": "state abstraction"}
"""The benchmark's letter for a kind of question, and its name."""
_LETTERS = re.compile(r"\(([A-Z])\)")
_CHOICE = re.compile(r"\s*(?:\([A-Z]\)[\s,]*)+")
_TASK = "task"


class AmaBench(FileTask):
    """Twelve questions on the trajectory of an agent, of up to a million tokens (Zhao et al. 2026, arXiv 2602.22769).

    Reads ``open_end_qa_set.jsonl``, ``mcq_set.jsonl`` or ``hf:AMA-bench/AMA-bench``, rows ``{episode_id, task,
    trajectory[{turn_idx, action, observation}], qa_pairs[{question, answer, type}]}``. The first session tells the
    task; each step is a session, whose time is ``step 8``, with the turns ``8:action`` and ``8:observation``.
    ``Question.category`` is ``recall``, ``causal inference``, ``state updating`` or ``state abstraction``. The files do
    not say which steps are the evidence.

    Where the gold answer is a choice, such as ``(A)(C)``, the official score ``answer`` is 1 if just these letters are
    given in parentheses. Of open questions it is a judge's verdict, which ``judge="MODEL"`` gives; without a judge
    ``answer`` is token F1, and **not** that verdict. ``f1`` stands beside both.
    """

    name = "ama_bench"
    source = "AMA-Bench (Zhao et al. 2026, arXiv 2602.22769)"
    layout = (
        "AMA-Bench {episode_id, task, trajectory[{turn_idx, action, observation}], qa_pairs[{question, answer, type?}]}"
    )
    answer_tokens = 256
    Config = FileConfig

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the ``episode_id``, else the number of the row."""
        return str(row.get("episode_id", number))

    def load(self, key: int) -> Episode:
        """Return a trajectory with its questions."""
        row, where = self.rows[key], self.rows.where(key)
        episode_id = self.row_id(row, key)
        pairs = require(row, "qa_pairs", list, where)
        if not pairs:
            raise DataError(f"{where}: the field 'qa_pairs' is empty: there is no question")
        questions = tuple(_question(pair, f"{episode_id}-q{i}", f"{where}, qa {i}") for i, pair in enumerate(pairs))
        told = Session("S0", "", (Turn(_TASK, _TASK, require(row, "task", str, where)),))
        return Episode(id=episode_id, questions=questions, sessions=(told, *_steps(row, where)))

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` and ``f1`` as the class describes them."""
        overlap = best_over(f1, answer, question.answers)
        if not _CHOICE.fullmatch(question.answers[0]):
            return {"answer": overlap, "f1": overlap}
        given = set(_LETTERS.findall(answer.upper()))
        right = any(given == set(_LETTERS.findall(gold)) for gold in question.answers)
        return {"answer": float(right), "f1": overlap}


def _question(pair: Any, question_id: str, where: str) -> Question:
    kind = require(pair, "type", (str, type(None)), where) if "type" in pair else None
    return Question(
        id=question_id,
        text=require(pair, "question", str, where),
        answers=texts(pair, "answer", where),
        category=TYPES.get(kind or "", kind or ""),
    )


def _steps(row: dict[str, Any], where: str) -> tuple[Session, ...]:
    steps = []
    for position, step in enumerate(require(row, "trajectory", list, where)):
        at = f"{where}, step {position}"
        number = require(step, "turn_idx", int, at)
        said = [(part, require(step, part, (str, type(None)), at) or "") for part in ("action", "observation")]
        speakers = {"action": "agent", "observation": "environment"}
        turns = tuple(Turn(f"{number}:{part}", speakers[part], text) for part, text in said if text)
        if turns:
            steps.append(Session(f"S{position + 1}", f"step {number}", turns))
    if len({turn.id for step in steps for turn in step.turns}) != sum(len(step.turns) for step in steps):
        raise DataError(f"{where}: a 'turn_idx' stands twice in the trajectory")
    return tuple(steps)
