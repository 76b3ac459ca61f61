"""LongMemEval-V2: what an agent knows of the places where it has worked."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memgym.data.fields import is_blank, require, texts
from memgym.data.files import read_rows
from memgym.data.mapping import map_content
from memgym.data.rows import Rows
from memgym.episodes import Episode, Question, Session, Turn
from memgym.errors import DataError
from memgym.scoring.text import best_over, f1
from memgym.tasks.published.base import FileConfig, FileTask
from memgym.tasks.published.longmemeval_v2.score import lme_score, read_rule

RULE = "rule"
"""The key in a question's metadata of the rule by which it is scored."""


@dataclass(frozen=True)
class LongMemEvalV2Config(FileConfig):
    """The options of ``longmemeval_v2``.

    Args:
        haystack: the file that says which trajectories stand before which question; by default
            ``haystacks/lme_v2_small.json`` beside ``path``.
        trajectories: the file of the trajectories; by default ``trajectories.jsonl`` beside ``path``.
    """

    haystack: str = ""
    trajectories: str = ""


class LongMemEvalV2(FileTask):
    """A question behind up to 500 trajectories of an agent at web sites (Wu et al. 2026, arXiv 2605.12493).

    ``path`` is ``questions.jsonl``. A state of a trajectory is a session: the page (its address and accessibility tree)
    and what the agent thought and did; one before them tells its goal. **Text alone**: screenshots are not shown, and
    questions with a picture are left out, with a warning that tells their number. The files do not say which
    trajectories are the evidence. ``Question.category`` is the ``question_type``; those that end in ``-abs`` have a
    wrong premise, and the right answer says so.

    The official score ``answer`` is the rule that a question names
    (:mod:`~memgym.tasks.published.longmemeval_v2.score`): phrases, phrases in order, or choices; ``UNKNOWN`` scores 0.
    Two rules, on wrong premises and on insights, are a judge's; without a judge (``judge="MODEL"``) they are token F1,
    and **not** that verdict. ``f1`` stands beside all.
    """

    name = "longmemeval_v2"
    source = "LongMemEval-V2 (Wu et al. 2026, arXiv 2605.12493)"
    layout = "LongMemEval-V2 {id, question_type, question, answer, eval_function, image?}"
    path_options = ("path", "errata", "haystack", "trajectories")
    answer_tokens = 256
    Config = LongMemEvalV2Config

    def __init__(self, **options: Any):
        super().__init__(**options)
        chosen = set(self._selected)
        self.unusable = tuple(self.row_id(row, i) for i, row in enumerate(self.rows) if i not in chosen)
        if not chosen:
            raise DataError(f"{self.rows.name}: every question has a picture")
        if self.unusable:
            warnings.warn(f"{self.rows.name}: {len(self.unusable)} questions with a picture are left out", stacklevel=2)

    def files(self) -> dict[str, str]:
        """Return the files that the task reads; those that are not named lie beside the questions."""
        found, folder = super().files(), Path(self.config.path).parent
        beside = {"haystack": folder / "haystacks" / "lme_v2_small.json", "trajectories": folder / "trajectories.jsonl"}
        return found | {option: str(path) for option, path in beside.items() if not found[option]}

    def row_id(self, row: dict[str, Any], number: int) -> str:
        """Return the question's ``id``."""
        return require(row, "id", str, self.rows.where(number))

    def selected(self) -> Sequence[int]:
        """Return the numbers of the questions without a picture."""
        return [number for number, row in enumerate(self.rows) if not row.get("image")]

    def check(self, number: int) -> None:
        """Check a question, and that its trajectories are there."""
        if self.rows[number].get("image"):
            return
        question = self._question(number)
        for name in self._before(question.id, number):
            if name not in self._places:
                raise DataError(f"{self.rows.where(number)}: {self._trajectories.name} has no trajectory {name!r}")

    def load(self, key: int) -> Episode:
        """Return the trajectories that stand before a question, in their order."""
        question = self._question(key)
        sessions: list[Session] = []
        for name in self._before(question.id, key):
            place = self._places[name]
            sessions += _sessions(self._trajectories[place], name, self._trajectories.where(place))
        return Episode(id=question.id, questions=(question,), sessions=tuple(sessions))

    def asked(self, number: int) -> dict[str, str]:
        """Return the question of row ``number`` by its id."""
        question = self._question(number)
        return {question.id: question.text}

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return ``answer`` by the question's rule, and ``f1``."""
        rule = question.metadata[RULE]
        return {
            "answer": max(lme_score(answer, gold, rule) for gold in question.answers),
            "f1": best_over(f1, answer, question.answers),
        }

    def _question(self, number: int) -> Question:
        row, where = self.rows[number], self.rows.where(number)
        rule = require(row, "eval_function", str, where)
        try:
            read_rule(rule)
        except ValueError as error:
            raise DataError(f"{where}: the field 'eval_function' is {rule!r}: {error}") from None
        return Question(
            id=self.row_id(row, number),
            text=require(row, "question", str, where),
            answers=texts(row, "answer", where),
            category=require(row, "question_type", str, where),
            metadata={RULE: rule},
        )

    def _before(self, question_id: str, number: int) -> list[str]:
        """Return the ids of the trajectories before a question."""
        where = f"{self.files()['haystack']}, of {self.rows.where(number)}"
        names = require(self._haystack, question_id, list, where)
        if not names:
            raise DataError(f"{where}: the field {question_id!r} has no trajectory")
        return names

    @cached_property
    def _haystack(self) -> dict[str, Any]:
        path = self.files()["haystack"]
        try:
            found = json.loads(map_content(Path(path))[:])
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{path} is not valid JSON ({error}); is the file cut off?") from None
        return require({"haystack": found}, "haystack", dict, path)

    @cached_property
    def _trajectories(self) -> Rows:
        return read_rows(self.files()["trajectories"])

    @cached_property
    def _places(self) -> dict[str, int]:
        """Number of the row of each trajectory, by its id."""
        rows = self._trajectories
        return {require(row, "id", str, rows.where(number)): number for number, row in enumerate(rows)}


def _sessions(trajectory: dict[str, Any], name: str, where: str) -> list[Session]:
    told = [Session(f"{name}:0", "", (Turn(f"{name}:0", "task", require(trajectory, "goal", str, where)),))]
    for number, state in enumerate(require(trajectory, "states", list, where), 1):
        at, key = f"{where}, state {number - 1}", f"{name}:{number}"
        tree = "accessibility_tree" if isinstance(state, dict) and "accessibility_tree" in state else "text"
        page = "\n".join([require(state, "url", str, at), require(state, tree, str, at)])
        thought = state.get("thought", state.get("thoughts"))
        done = [part for part in (thought, state.get("action")) if isinstance(part, str) and not is_blank(part)]
        turns = [Turn(f"{key}:page", "environment", page)]
        turns += [Turn(f"{key}:action", "agent", "\n".join(done))] if done else []
        told.append(Session(key, f"step {number - 1}", tuple(turns)))
    return told
