"""A curriculum: tasks one after the other."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from memgym.episodes import Episode, Question
from memgym.errors import ConfigError
from memgym.tasks.base import Task, check_int

_STAGE = "curriculum stage"  # the question's metadata that names the stage, for the scorer


@dataclass(frozen=True)
class CurriculumConfig:
    """The options of ``curriculum``.

    Args:
        stages: one dict per stage, e.g. ``[{"task": "persona", "difficulty": "easy", "episodes": 500}, {"task":
            "persona", "difficulty": "hard"}]``: the task's name and options, and how many episodes the stage has. The
            last stage may leave ``episodes`` out: it then goes on as long as its task does.
    """

    stages: Sequence[dict[str, Any]]

    def __post_init__(self) -> None:
        if not isinstance(self.stages, list | tuple) or not self.stages:
            raise ConfigError(f"option 'stages' must be a list of dicts, not {self.stages!r}")
        for number, stage in enumerate(self.stages):
            if not isinstance(stage, dict) or "task" not in stage:
                raise ConfigError(f"stages[{number}] must be a dict with a 'task', not {stage!r}")
            if "episodes" in stage or number < len(self.stages) - 1:
                check_int(f"stages[{number}].episodes", stage.get("episodes"), 1)


class Curriculum(Task):
    """Other tasks one after the other: the episode's index tells the stage.

    Stage ``i`` plays the first ``episodes`` episodes of its task; the next stage follows. Play the indices in order
    (``reset(options={"index": i})``) to go through the stages. Every stage is scored by its own task.
    """

    name = "curriculum"
    source = "memgym (a list of other tasks' options)"
    Config = CurriculumConfig

    def __init__(self, **options: Any):
        from memgym.tasks import make_task  # the registry names this class

        super().__init__(**options)
        self.tasks: list[Task] = []
        for stage in self.config.stages:
            rest = {name: value for name, value in stage.items() if name not in ("task", "episodes")}
            self.tasks.append(make_task(stage["task"], **rest))
        lengths = [stage["episodes"] for stage in self.config.stages if "episodes" in stage]
        self._starts = list(accumulate(lengths, initial=0))[: len(self.tasks)]

    def size(self, split: str) -> int | None:
        """Return the episodes of all stages, None if the last stage has no end."""
        for number, (stage, task) in enumerate(zip(self.config.stages, self.tasks, strict=True)):
            size = task.check_split(split)
            if size is not None and stage.get("episodes", 0) > size:
                raise ConfigError(f"stages[{number}] asks for {stage['episodes']} episodes, but its task has {size}")
        last = self.config.stages[-1].get("episodes", size)
        return None if last is None else self._starts[-1] + last

    def build(self, split: str, index: int) -> Episode:
        """Return the episode of the stage that ``index`` falls into."""
        number = bisect_right(self._starts, index) - 1
        episode = self.tasks[number].episode(split, index - self._starts[number])
        questions = [
            replace(question, metadata=MappingProxyType({**question.metadata, _STAGE: str(number)}))
            for question in episode.questions
        ]
        return replace(episode, questions=tuple(questions))

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Score by the task of the question's stage."""
        return self.tasks[int(question.metadata[_STAGE])].score(question, answer)

    def fingerprint(self) -> str:
        """Return a hash of the stages' fingerprints and lengths."""
        identity = [
            [task.fingerprint(), stage.get("episodes")]
            for task, stage in zip(self.tasks, self.config.stages, strict=True)
        ]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()
