"""The ``trajectory`` task, judged by a reader that knows the wording only, and by what a memory must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from memgym.episodes import Episode, Fact, Question
from memgym.errors import ConfigError
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.trajectory import Trajectory
from memgym.tasks.procedural.trajectory import phrases as say

EPISODES = 300
SMALL = {"services": 2, "questions": 10, "changes": 4, "decoys": 0.5, "noise": 30, "others": 0.5, "similarity": 0.3}
SLOTS = {"x": r"[a-z]+-[a-z]+", "s": r"[a-z]+_[a-z]+", "v": r"\w+", "r": r"r\d+", "n": r"\d+", "ref": r"[A-Z]+-\d+"}
SLOTS |= {"t": r"TCK-\d+", "j": r"[a-z-]+", "f": r"[\w -]+?", "c": r"[\w -]+"}


def pattern(template: str) -> re.Pattern[str]:
    text = re.escape(template)
    for slot, found in SLOTS.items():
        text = text.replace(re.escape(f"{{{slot}}}"), f"(?P<{slot}>{found})")
    return re.compile(text)


TOLD = [
    (kind, pattern(text))
    for kind, texts in {
        "nothing": (*say.NOT_SET, *say.JOB_SKIPPED, *say.NOT_TRIED),
        "set": say.SET,
        "back": say.ROLLED_BACK,
        "deploy": say.DEPLOYED,
        "failed": say.FAILED,
        "why": sum(say.EXPLAINED.values(), ()),
        "job": say.JOB_DONE,
        "tried": say.TRIED,
    }.items()
    for text in texts
]
ASKED = [(kind, pattern(text)) for kind, texts in say.ASK.items() for text in texts]


@cache
def episodes(split: str = "validation", number: int = EPISODES) -> list[Episode]:
    task = Trajectory(**SMALL)
    return [task.episode(split, index) for index in range(number)]


def log(episode: Episode, without: Collection[str] = ()) -> list[tuple[str, dict[str, str]]]:
    """Return what the observations tell, in order, all from the text; some may be left out."""
    lines = [line for turn, text in episode.passages() if turn not in without for line in text.splitlines()]
    found = [(kind, match.groupdict()) for line in lines for kind, told in TOLD if (match := told.fullmatch(line))]
    return [(kind, parts) for kind, parts in found if kind != "nothing"]


def solve(told: list[tuple[str, dict[str, str]]], question: str) -> str:
    (kind, asked) = next((kind, match.groupdict()) for kind, text in ASKED if (match := text.fullmatch(question)))
    own = [(what, parts) for what, parts in told if parts.get("x", asked["x"]) == asked["x"]]
    if kind == "state":
        return state(own, asked["s"])
    if kind == "cause":
        refs = [parts["ref"] for what, parts in own if what == "failed" and parts["n"] == asked["n"]]
        return next((parts["c"] for what, parts in own if what == "why" and parts["ref"] in refs), ABSTENTION)
    if kind in ("deploys", "failures"):
        return str(sum(what == "failed" or (what == "deploy" and kind == "deploys") for what, _ in own))
    if kind == "tried":
        tried = [parts["f"] for what, parts in own if what == "tried" and parts["t"] == asked["t"]]
        return ", ".join(tried) or ABSTENTION
    jobs = [parts["j"] for what, parts in own if what == "job"]
    if kind == "before":
        jobs.reverse()
    return dict(pairwise(jobs)).get(asked["j"], ABSTENTION)


def state(told: list[tuple[str, dict[str, str]]], setting: str) -> str:
    history: list[tuple[int, str]] = []
    value = ABSTENTION
    for what, parts in told:
        if what == "set" and parts["s"] == setting:
            history.append((int(parts["r"][1:]), value := parts["v"]))
        if what == "back":
            value = next((v for r, v in reversed(history) if r <= int(parts["r"][1:])), ABSTENTION)
    return value


def kept(episode: Episode, chosen: Collection[str]) -> list[str]:
    return [f"{t.speaker}: {t.text}" for session in episode.sessions for t in session.turns if t.id in chosen]


def test_a_reader_of_the_text_agrees_with_the_gold():
    task = Trajectory(**SMALL)
    kinds: Counter[str] = Counter()
    for episode in episodes():
        told = log(episode)
        for question in episode.questions:
            assert task.score(question, solve(told, question.text))["answer"] == 1.0, question
            kinds[question.category] += 1
    assert set(kinds) == {"state", "cause", "order", "count", "tried", "unanswerable"}


def test_who_does_not_see_one_piece_of_evidence_answers_wrongly():
    task = Trajectory(**SMALL)
    restored = 0
    for episode in episodes()[:60]:
        for question in episode.questions:
            restored += question.category == "state" and len(question.evidence) == 2
            for one in question.evidence:
                assert task.score(question, solve(log(episode, {one}), question.text))["answer"] == 0.0, question
    assert restored > 10


def support(episode: Episode, question: Question, chosen: Collection[str]) -> float:
    task = Trajectory(**SMALL)
    given = ", ".join(task.support(episode).answer(question, kept(episode, chosen)))
    return task.score(question, given or ABSTENTION)["answer"]


def test_the_answer_follows_from_the_evidence_and_from_nothing_else():
    by_chance, without_one = [], []
    for episode in episodes()[:60]:
        everything = {turn for turn, _ in episode.passages()}
        for question in episode.questions:
            evidence = set(question.evidence)
            assert support(episode, question, evidence) == 1.0, question
            if question.answerable:
                assert support(episode, question, []) == 0.0
                by_chance.append(support(episode, question, everything - evidence))
                if question.category != "state":  # who has what a rollback brought back needs the rollback no more
                    without_one += [support(episode, question, evidence - {one}) for one in evidence]
    assert np.mean(by_chance) <= 0.01
    assert np.mean(without_one) <= 0.01


def answered(category: str, write: Callable[[Episode, Question], list[str]]) -> float:
    """Return how often the answer follows from what is written for a question of a category."""
    task = Trajectory(**SMALL)
    scores = []
    for episode in episodes()[:20]:
        for question in (question for question in episode.questions if question.category == category):
            given = ", ".join(task.support(episode).answer(question, write(episode, question)))
            scores.append(task.score(question, given or ABSTENTION)["answer"])
    return float(np.mean(scores))


def told_of(episode: Episode, question: Question, relation: str) -> list[Fact]:
    subject = question.needs[0].subject
    return [fact for fact in episode.facts if fact.subject == subject and fact.relation.startswith(relation)]


def in_a_line(form: str, relation: str) -> Callable[[Episode, Question], list[str]]:
    """Return what lists facts of the service that is asked for in one line."""

    def write(episode: Episode, question: Question) -> list[str]:
        causes = {fact.subject: fact.value for fact in episode.facts if fact.relation == "cause"}
        told = [
            form.format(n=fact.relation.split()[-1], v=fact.value, c=causes.get(fact.value, "not known"))
            for fact in told_of(episode, question, relation)
        ]
        return [f"{question.needs[0].subject} {relation}s: {', '.join(told)}"]

    return write


@pytest.mark.parametrize(
    ("category", "form", "relation"),
    [
        ("order", "{v}", "job "),
        ("order", "{n} {v}", "job "),
        ("order", "{v} ({n})", "job "),
        ("cause", "{n} {v} {c}", "deploy "),
        ("tried", "{v}", "fix"),
    ],
)
def test_an_answer_follows_from_a_list(category, form, relation):
    write = in_a_line(form, relation)
    asked = write if category != "tried" else lambda e, q: [write(e, q)[0].replace("fixs", "tried")]
    assert answered(category, asked) == 1.0


def heap_of_orders(episode: Episode, question: Question) -> list[str]:
    return [f"{question.needs[0].subject}: {one} then {' '.join(say.JOBS)}" for one in say.JOBS] + [
        f"{question.needs[0].subject}: {one} then {other}" for one in say.JOBS for other in say.JOBS if one != other
    ]


def heap_of_causes(episode: Episode, question: Question) -> list[str]:
    link, cause = question.needs
    both = (f"{link.subject} {link.cues[0]}: {link.value}", f"{cause.subject} cause: {', '.join(say.CAUSES)}")
    return [*both, *(f"{link.subject} {link.cues[0]}: {one}" for one in say.CAUSES)]


def heap_of_fixes(episode: Episode, question: Question) -> list[str]:
    return [f"{question.needs[0].subject} tried: {fix}" for fix in say.FIXES]


@pytest.mark.parametrize(
    ("category", "heap"), [("order", heap_of_orders), ("cause", heap_of_causes), ("tried", heap_of_fixes)]
)
def test_no_answer_follows_from_a_heap_of_guesses(category, heap):
    assert answered(category, heap) == 0.0


def test_not_every_deploy_may_be_said_to_have_failed():
    def all_failed(episode: Episode, question: Question) -> list[str]:
        return [f"{fact.subject} deploy {fact.value}: ok, failed" for fact in told_of(episode, question, "deploy")]

    def true(episode: Episode, question: Question) -> list[str]:
        failed = {fact.value for fact in told_of(episode, question, "failed")}
        told = told_of(episode, question, "deploy")
        return [f"{one.subject} deploy {one.value}: {'failed' if one.value in failed else 'ok'}" for one in told]

    assert answered("count", true) == 1.0
    assert answered("count", all_failed) < 0.8  # failures do not follow, attempts do


def test_no_answer_is_often_right():
    golds = Counter(q.answers[0] for e in episodes() for q in e.questions)
    assert golds.most_common(1)[0][1] < 0.1 * golds.total()


def test_no_question_is_asked_in_two_splits_nor_twice():
    names = {
        s: {w for e in episodes(s, 60) for w in re.findall(r"\b([a-z]+)-[a-z]+", e.passages()[0][1])} for s in SPLITS
    }
    assert all(names.values())
    assert sum(map(len, names.values())) == len(set().union(*names.values()))
    for episode in episodes():
        assert len({question.text for question in episode.questions}) == len(episode.questions)
        mine = re.findall(r"[a-z]+-[a-z]+(?=[,.])", episode.passages()[0][1])
        assert all(any(name in question.text for name in mine) for question in episode.questions)


@pytest.mark.parametrize("length", [6_000, 50_000, 400_000])
def test_lengths_are_met(length):
    text = Trajectory(length=length).episode("test", 0).text()
    assert len(text) / 4 == pytest.approx(length, rel=0.02)


@pytest.mark.parametrize("changes", [0, 2, 20])
def test_there_are_values_enough_for_all_decoys(changes):
    task = Trajectory(**(SMALL | {"changes": changes, "decoys": 1.0}))
    for index in range(200):
        task.episode("test", index)


def test_lists_are_right_as_a_whole():
    task = Trajectory()
    question = Question("q", "?", ("draining the node", "resizing the disk"), match="all")
    assert task.score(question, "Resizing the disk and draining the node.") == {"answer": 1.0, "f1": 1.0}
    assert task.score(question, "draining the node") == {"answer": 0.0, "f1": pytest.approx(2 / 3)}
    assert task.score(question, ", ".join(say.FIXES))["answer"] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"services": 1, "questions": 6}, "'questions' must be at most 5 for 1 services"),
        ({"length": 100}, "'length' must be an int of at least 4400"),
        ({"length": 6000, "noise": 3}, "exclude each other"),
        ({"decoys": 2}, "'decoys'"),
        ({"noise": -1}, "'noise'"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ConfigError, match=message):
        Trajectory(**options)


def test_the_same_elsewhere(same_elsewhere):
    assert same_elsewhere("trajectory", {}, "validation", 5)
