"""Which answers follow from a memory: on real episodes, evidence is enough, and each part of it is needed."""

from __future__ import annotations

from typing import Any

import pytest

from memgym.episodes import Episode, Fact, Question, Session, Turn
from memgym.operators.reading import ABSTENTION
from memgym.scoring.support import Support
from memgym.tasks import make_task
from memgym.tasks.base import Task

TASKS: list[tuple[str, dict[str, Any], int]] = [
    ("persona", {"difficulty": "easy"}, 12),
    ("persona", {"difficulty": "hard"}, 4),
    ("multihop", {"difficulty": "easy"}, 20),
    ("conflict", {"difficulty": "medium"}, 6),
    ("icl", {"difficulty": "easy"}, 6),
    ("whereabouts", {}, 20),
    ("ruler", {"subtask": "niah_multiquery", "length": 2048}, 4),
    ("ruler", {"subtask": "vt", "length": 2048}, 4),
    ("ruler", {"subtask": "qa_2", "length": 2048}, 6),
]


def texts(episode: Episode, chosen: set[str]) -> list[str]:
    """Return the chosen passages as a memory keeps them: one text, or a record for each turn."""
    if episode.sections:
        return ["\n".join(section.text for section in episode.sections if section.id in chosen)]
    return [f"{turn.speaker}: {turn.text}" for s in episode.sessions for turn in s.turns if turn.id in chosen]


def right(task: Task, support: Support, question: Question, memory: list[str]) -> float:
    return task.score(question, ", ".join(support.answer(question, memory)) or ABSTENTION)["answer"]


@pytest.mark.parametrize(("name", "options", "episodes"), TASKS, ids=str)
def test_the_evidence_is_enough_and_needed(name: str, options: dict[str, Any], episodes: int) -> None:
    task = make_task(name, **options)
    asked = without = parts = 0.0
    for index in range(episodes):
        episode = task.episode("test", index)
        support = Support(episode, task.phrases, task.running)
        everything = {identity for identity, _ in episode.passages()}
        for question in episode.questions:
            if not question.answerable:
                assert right(task, support, question, []) == 1.0
                continue
            evidence = set(question.evidence)
            asked += 1
            assert right(task, support, question, texts(episode, evidence)) == 1.0, question
            assert right(task, support, question, []) == 0.0
            without += right(task, support, question, texts(episode, everything - evidence))
            left = [right(task, support, question, texts(episode, evidence - {one})) for one in evidence]
            parts += min(left) if name != "icl" else 0.0  # where one example of several is enough
    assert without <= 0.03 * asked
    assert parts <= 0.05 * asked if "niah" not in str(options) and "vt" not in str(options) else parts < asked


def episode(*facts: Fact, question: Question) -> Episode:
    turns = tuple(Turn(fact.source, "Mira", f"I live in {fact.value}.") for fact in facts)
    return Episode("e", (question,), sessions=(Session("s", "", turns),), facts=facts)


OLD = Fact("Mira", "home", "Porto", "t1", until="t2", cues=("live",))
NEW = Fact("Mira", "home", "Lisbon", "t2", cues=("live",))
NOW = Question("q", "Where does Mira live?", ("Lisbon",), evidence=("t2",))
GONE = Question("q", "Where does Mira live?", ("unknown",), evidence=("t2",), answerable=False)
BEFORE = Question("q", "Where did Mira live before?", ("Porto",), evidence=("t1", "t2"))


@pytest.mark.parametrize(
    ("question", "memory", "answer"),
    [
        (NOW, ["Mira: I live in Lisbon"], ["Lisbon"]),
        (NOW, ["Mira: I live in Porto"], ["Porto"]),
        (NOW, ["Mira: I live in Porto", "Mira: I live in Lisbon"], ["Lisbon", "Porto"]),
        (NOW, ["Mira lives in Porto, Lisbon"], ["Lisbon", "Porto"]),
        (NOW, [], []),
        (BEFORE, ["Mira: I live in Porto", "Mira: I live in Lisbon"], ["Porto"]),
        (BEFORE, ["Mira: I live in Porto"], []),
        (GONE, [], []),
        (GONE, ["Mira: I live in Porto"], ["Porto"]),
    ],
)
def test_old_and_new(question: Question, memory: list[str], answer: list[str]) -> None:
    support = Support(episode(OLD, NEW, question=question))
    assert support.answer(question, memory) == answer


def test_the_quality_of_a_memory() -> None:
    support = Support(episode(OLD, NEW, question=NOW))
    alone = support.quality(["Mira: I live in Lisbon"])
    assert alone == {"memory_recall": 1.0, "memory_precision": 1.0}
    assert support.quality(["Mira: I live in Porto", "Mira: I live in Lisbon"])["memory_recall"] == 0.5
    assert support.quality([]) == {"memory_recall": 0.0, "memory_precision": 0.0}
    long = support.quality(["Mira: I live in Lisbon " + "and so on " * 100])
    assert long["memory_recall"] == 1.0
    assert long["memory_precision"] < 0.1
    assert support.quality(["Mira: I live in Porto"], heard={"t1"})["memory_recall"] == 1.0
