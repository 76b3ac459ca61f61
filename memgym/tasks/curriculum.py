"""A curriculum: tasks one after the other."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from memgym.checks import check_int
from memgym.episodes import Episode, Question
from memgym.errors import ConfigError
from memgym.scoring.support import Support
from memgym.tasks.base import Task

_STAGE = "curriculum stage"  # the question's metadata that names the stage, for the scorer


@dataclass(frozen=True)
class CurriculumConfig:
    """The options of ``curriculum``.

    Args:
        stages: one dict per stage, e.g. ``[{"task": "persona", "difficulty": "easy", "episodes": 500}, {"task":
            "persona", "difficulty": "hard"}]``: the task's name and options, and how many episodes the stage has.
            Without ``episodes`` it has all that its task has; only the last stage may be without an end.
    """

    stages: Sequence[dict[str, Any]]

    def __post_init__(self) -> None:
        if not isinstance(self.stages, list | tuple) or not self.stages:
            raise ConfigError(f"argument 'stages' must be a list of dicts, not {self.stages!r}")
        for number, stage in enumerate(self.stages):
            if not isinstance(stage, dict) or "task" not in stage:
                raise ConfigError(f"stages[{number}] must be a dict with a 'task', not {stage!r}")
            if "episodes" in stage:
                check_int(f"stages[{number}].episodes", stage["episodes"], 1)


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
        for number, stage in enumerate(self.config.stages):
            rest = {name: value for name, value in stage.items() if name not in ("task", "episodes")}
            self.tasks.append(make_task(stage["task"], **rest))
            if isinstance(self.tasks[-1], Curriculum):
                raise ConfigError(f"stages[{number}] is a curriculum: list its stages here, each with its 'episodes'")
        *others, _ = self.config.stages
        for number, (stage, task) in enumerate(zip(others, self.tasks, strict=False)):
            if "episodes" not in stage and task.size(task.default_split) is None:
                raise ConfigError(f"stages[{number}].episodes: task {stage['task']!r} has no end, so say how many")

    def size(self, split: str) -> int | None:
        """Return the episodes of all stages, None if the last stage has no end."""
        _, end = self._starts(split)
        return end

    def build(self, split: str, index: int) -> Episode:
        """Return the episode of the stage that ``index`` falls into."""
        starts, _ = self._starts(split)
        number = bisect_right(starts, index) - 1
        episode = self.tasks[number].episode(split, index - starts[number])
        questions = [
            replace(question, metadata={**question.metadata, _STAGE: str(number)}) for question in episode.questions
        ]
        return replace(episode, questions=tuple(questions))

    def _starts(self, split: str) -> tuple[list[int], int | None]:
        """Return by stage the index of its first episode, and the number of all episodes, None if there is no end."""
        starts: list[int] = []
        end = 0
        for number, (stage, task) in enumerate(zip(self.config.stages, self.tasks, strict=True)):
            size = task.check_split(split)
            length = stage.get("episodes", size)
            if size is not None and length > size:
                raise ConfigError(f"stages[{number}] asks for {length} episodes, but its task has {size}")
            starts.append(end)
            if length is None:
                return starts, None  # no stage follows: the constructor has seen to that
            end += length
        return starts, end

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Score by the task of the question's stage."""
        return self._task(question).score(question, answer)

    @property
    def benchmarks(self) -> list[str]:
        """Those of all stages."""
        return sorted({name for task in self.tasks for name in task.benchmarks})

    def benchmark(self, question: Question) -> str:
        """Return the benchmark of the question's stage."""
        return self._task(question).benchmark(question)

    def answer_limit(self, question: Question) -> int:
        """Return the limit of the question's stage."""
        return self._task(question).answer_limit(question)

    def support(self, episode: Episode) -> Support:
        """Return what the episode's stage asks of a memory."""
        return self._task(episode.questions[0]).support(episode)

    def _task(self, question: Question) -> Task:
        return self.tasks[int(question.metadata[_STAGE])]

    def fingerprint(self) -> str:
        """Return a hash of the stages' fingerprints and lengths."""
        identity = [
            [task.fingerprint(), stage.get("episodes")]
            for task, stage in zip(self.tasks, self.config.stages, strict=True)
        ]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()
