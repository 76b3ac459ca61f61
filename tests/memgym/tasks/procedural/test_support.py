"""What a memory must hold for an answer to follow: all of the evidence, and nothing else will do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest

from memgym.episodes import Episode, Question
from memgym.scoring.abstention import ABSTENTION
from memgym.scoring.support import Support
from memgym.tasks import make_task
from memgym.tasks.base import Task
from memgym.tasks.procedural.ruler import SUBTASKS
from memgym.tasks.procedural.ruler2 import SUBTASKS as SUBTASKS_2

MANY = 300
"""Episodes of each task, small ones; persona's are in its own folder."""
MULTIHOP = ("multihop", {"documents": 12, "hops": 3, "similarity": 0.5})
CONFLICT = ("conflict", {"facts": 60, "questions": 3, "hops": "mixed", "conflicts": 0.5, "versions": 3})
ICL = ("icl", {"examples": 3, "classes": 12, "words": 2, "similarity": 0.5, "noise": 0.2, "questions": 3})
WHEREABOUTS = ("whereabouts", {"moves": 16, "questions": 2})
PREFERENCE = ("preference", {"noise": 10})
LARGE = [("multihop", {"difficulty": "hard"}, 2), ("conflict", {"difficulty": "medium"}, 3), ("icl", {}, 3)]
RULER = [("ruler", {"subtask": subtask, "length": 1_500}, 25) for subtask in SUBTASKS]
RULER_2 = [("ruler2", {"subtask": subtask, "length": 1_500}, 25) for subtask in SUBTASKS_2]
PARTLY = ("niah_multivalue", "niah_multiquery", "vt", "mv_niah_basic", "mv_niah_easy")
"""Subtasks of RULER that score the share of what must be given."""

Case = tuple[Task, Episode, Support, Question]
every_task = pytest.mark.parametrize(
    ("name", "options", "episodes"),
    [*((*where, MANY) for where in (MULTIHOP, CONFLICT, ICL, WHEREABOUTS, PREFERENCE)), *LARGE, *RULER, *RULER_2],
    ids=str,
)


def cases(name: str, options: dict[str, Any], episodes: int) -> Iterator[Case]:
    task = make_task(name, **options)
    for index in range(episodes):
        episode = task.episode("validation", index)
        support = task.support(episode)
        yield from ((task, episode, support, question) for question in episode.questions)


def kept(episode: Episode, chosen: Collection[str]) -> list[str]:
    """Return the chosen passages as a memory keeps them: one text, or a record for each turn."""
    if episode.sections:
        return ["\n\n".join(section.text for section in episode.sections if section.id in chosen)]
    return [f"{turn.speaker}: {turn.text}" for s in episode.sessions for turn in s.turns if turn.id in chosen]


def score(task: Task, support: Support, question: Question, memory: list[str]) -> float:
    return task.score(question, ", ".join(support.answer(question, memory)) or ABSTENTION)["answer"]


@every_task
def test_the_evidence_is_enough_and_nothing_else_is(name: str, options: dict[str, Any], episodes: int) -> None:
    by_chance, without_one = [], []
    for task, episode, support, question in cases(name, options, episodes):
        evidence = set(question.evidence)
        others = {identity for identity, _ in episode.passages()} - evidence
        assert score(task, support, question, kept(episode, evidence)) == 1.0, question
        assert score(task, support, question, ["\n".join(support.statements(question))]) == 1.0, question
        assert score(task, support, question, []) == 0.0, question
        by_chance.append(score(task, support, question, kept(episode, others)))
        for one in evidence if name != "icl" else ():  # of several examples one is enough
            left = score(task, support, question, kept(episode, evidence - {one}))
            without_one.append(float(left == 1.0) if options.get("subtask") in PARTLY else left)
    assert np.mean(by_chance) <= 0.01
    assert not without_one or np.mean(without_one) <= 0.01


@every_task
def test_more_of_what_is_needed_is_never_worse(name: str, options: dict[str, Any], episodes: int) -> None:
    for task, episode, support, question in cases(name, options, min(episodes, 20)):
        order = Random(0).sample(question.evidence, len(question.evidence))
        held = [score(task, support, question, kept(episode, order[:n])) for n in range(len(order) + 1)]
        assert held == sorted(held), question


@pytest.mark.parametrize(("name", "options"), [CONFLICT, WHEREABOUTS, PREFERENCE], ids=str)
def test_old_and_new_side_by_side_are_worse_than_the_new(name: str, options: dict[str, Any]) -> None:
    scores = []
    for task, episode, support, question in cases(name, options, 50):
        everything = {identity for identity, _ in episode.passages()}
        overtaken = {fact.source for fact in support.overtaken(question)}
        if overtaken:
            scores.append(
                [score(task, support, question, kept(episode, chosen)) for chosen in (everything, overtaken, [])]
            )
            assert score(task, support, question, kept(episode, {*question.evidence, *overtaken})) == 0.0
    assert len(scores) > 30
    assert not np.any(scores)


def recall(name: str, options: dict[str, Any], write: Any) -> float:
    """Return the mean score of the memories that ``write`` makes of the texts of the episodes."""
    return float(np.mean([score(t, s, q, [write(e.text())]) for t, e, s, q in cases(name, options, 50)]))


def capitals(text: str) -> str:
    return " ".join(re.findall(r"\b(?:[A-Z][\w'-]*|\d[\w:.-]*)", text))


def alphabet(text: str) -> str:
    return " ".join(sorted(set(text.split())))


def shuffled(text: str) -> str:
    words = text.split()
    return " ".join(Random(0).sample(words, len(words)))


@pytest.mark.parametrize("write", [capitals, alphabet, shuffled])
@pytest.mark.parametrize(
    ("name", "options", "by_chance"),
    [(*MULTIHOP, 0.05), (*CONFLICT, 0.05), (*ICL, 1 / ICL[1]["classes"]), (*PREFERENCE, 0.05)],
    ids=str,
)
def test_words_in_a_heap_support_next_to_nothing(
    name: str, options: dict[str, Any], by_chance: float, write: Any
) -> None:
    assert recall(name, options, write) <= by_chance


def test_a_link_of_a_chain_that_is_missing_takes_what_hangs_on_it() -> None:
    task = make_task("ruler", subtask="vt", length=1_500)
    episode = task.episode("test", 0)
    (question,) = episode.questions
    support = task.support(episode)
    names = question.answers
    value = episode.facts[0].subject
    links = [f"VAR {name} = {held}" for name, held in zip(names, (value, *names), strict=False)]
    assert support.answer(question, ["\n".join(links)]) == list(names)
    assert support.answer(question, ["\n".join([links[0], *links[2:]])]) == [names[0]]
    assert support.answer(question, ["\n".join(links[1:])]) == []
    assert support.answer(question, [f"{value}: {', '.join(names)}"]) == list(names)


def test_a_curriculum_asks_of_a_memory_what_its_stages_ask() -> None:
    stages = [{"task": MULTIHOP[0], **MULTIHOP[1], "episodes": 1}, {"task": "ruler", "subtask": "qa_1", "length": 600}]
    task = make_task("curriculum", stages=stages)
    for index, stage in enumerate(task.tasks):
        episode = task.episode("test", index)
        (question,) = episode.questions
        memory = kept(episode, question.evidence)
        assert task.answer_limit(question) == stage.answer_limit(question)
        assert task.support(episode).answer(question, memory) == stage.support(episode).answer(question, memory)
        assert score(task, task.support(episode), question, memory) == 1.0
