"""The ladder of ``whereabouts``, judged by a reader that knows the wording only."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from baselines import Finder
from memagents.backends.tiny_reader import vocabulary
from memgym.errors import ConfigError
from memgym.leaderboard.evaluate import evaluate
from memgym.leaderboard.suite import Suite, SuiteEntry
from memgym.tasks import make_task
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.ladder import ASKS, back_phrase
from memgym.tasks.procedural.whereabouts import PLACES

LEVELS = ("easy", "medium", "hard")
LONG = "memgym/Longcontext-v1"
both = pytest.mark.parametrize("name", ["recall", "previously"])


def solved(text: str, log: list[str]) -> str:
    """Return the answer, from the texts alone."""
    (thing,) = re.findall(r"the (\w+)(?: now| previous.*)?\?$", re.sub(r" previous to.*\?", "?", text))
    places = [line.split()[-1].strip(".") for line in log if line.startswith(f"{thing} ")]
    return places[-1 - text.count("previous")]


@both
@pytest.mark.parametrize("level", LEVELS)
def test_a_reader_of_the_text_agrees(name: str, level: str) -> None:
    task = make_task(name, difficulty=level)
    for index in range(100):
        episode = task.episode("test", index)
        (question,) = episode.questions
        assert question.answers == (solved(question.text, [section.text for section in episode.sections]),)


@both
@pytest.mark.parametrize("level", LEVELS)
def test_evidence_is_enough_and_all_of_it_is_needed(name: str, level: str) -> None:
    task = make_task(name, difficulty=level)
    for index in range(50):
        episode = task.episode("train", index)
        support, (question,) = task.support(episode), episode.questions
        texts = {section.id: section.text for section in episode.sections}
        told = [texts[source] for source in question.evidence]
        assert support.answer(question, told) == [*question.answers]
        for source in question.evidence:
            others = [text for identity, text in texts.items() if identity != source]
            assert support.answer(question, others) != [*question.answers]


@both
def test_splits_share_no_log_and_every_word_is_the_tiny_readers(name: str) -> None:
    seen = {}
    for split in SPLITS:
        task = make_task(name)
        for index in range(100):
            episode = task.episode(split, index)
            assert seen.setdefault(episode.text(), split) == split
            texts = [episode.text(), *(question.text for question in episode.questions)]
            assert set(re.findall(r"\w+", " ".join(texts))) <= {*vocabulary()}
    assert all(set(re.findall(r"\w+", ask.format(thing="cup", back=back_phrase(4)))) <= {*vocabulary()} for ask in ASKS)


@both
def test_no_constant_answer_pays(name: str) -> None:
    task = make_task(name)
    answers = [task.episode("test", index).questions[0].answers[0] for index in range(300)]
    assert max(map(answers.count, answers)) < 30


@both
def test_it_is_harder_from_rung_to_rung_and_rules_that_know_it_solve_it(name: str) -> None:
    scores: dict[str, list[float]] = {}
    for level in LEVELS:
        kwargs = {"task": name, "difficulty": level, "section_tokens": 64, "memory_tokens": 24}
        suite = Suite("one", "", (SuiteEntry("one", LONG, {**kwargs, "phases": ["read"]}),))
        for policy in ("Recency", "Finder"):
            episodes = evaluate(f"baselines:{policy}", suite).episodes
            scores.setdefault(policy, []).append(sum(e.steps[-1].rewards["answer"] for e in episodes) / 20)
    assert scores["Finder"] == [1.0, 1.0, 1.0]
    assert scores["Recency"][0] > scores["Recency"][1] >= scores["Recency"][2]


def test_it_answers_what_was_some_places_ago() -> None:
    suite = Suite("one", "", (SuiteEntry("one", LONG, {"task": "previously", "section_tokens": 32}),))
    episodes = evaluate("baselines:Finder", suite).episodes
    assert all(episode.steps[-1].rewards["answer"] == 1.0 for episode in episodes)
    assert Finder.recognises("In which place was the cup previous to the previous place?")


def test_a_place_that_is_too_far_back_is_refused() -> None:
    with pytest.raises(ConfigError, match="'stops' must be more than 3 for a place that is 3 back"):
        make_task("previously", back=3, stops=3)
    with pytest.raises(ConfigError, match="'back'"):
        make_task("previously", back=5, stops=8, moves=40)


@pytest.mark.parametrize(
    ("write", "follows"),
    [
        (lambda thing, places: f"{thing}: {', '.join(places)}", True),
        (lambda thing, places: f"{thing}: {', then '.join(places[-3:])}", True),
        (lambda thing, places: "\n".join(f"{thing} to {place}." for place in places), True),
        (lambda thing, places: f"{thing}: {', '.join(reversed(places))}", False),
        (lambda thing, places: f"{thing}: {', '.join(places[:-2])}, {places[-1]}, {places[-2]}", False),
        (lambda thing, places: f"{thing}: {' '.join(PLACES)}", False),
        (lambda thing, places: f"{thing}: {places[-1]}", False),
    ],
)
def test_previously_asks_for_places_in_their_order(write: Callable[[str, list[str]], str], follows: bool) -> None:
    task = make_task("previously")
    for index in range(5):
        episode = task.episode("test", index)
        question = episode.questions[0]
        thing = question.needs[0].subject
        memory = write(thing, [fact.value for fact in episode.facts if fact.subject == thing])
        assert bool(task.support(episode).answer(question, [memory])) is follows
    assert task.support(episode).answer(question, [episode.text().replace("\n", " ")])
    assert task.support(episode).answer(question, [section.text for section in episode.sections][::-1])
