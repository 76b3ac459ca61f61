"""``icl``: test-time learning. Labelled utterances of invented classes are read; new ones are classified at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, cycle, islice, product
from math import ceil
from random import Random

import numpy as np

from memgym.checks import check_int, check_number
from memgym.episodes import Episode, Fact, Question, Turn
from memgym.scoring.text import best_over, exact_match
from memgym.tasks.procedural.base import ProceduralTask
from memgym.tasks.procedural.icl.phrases import CHATTER, QUESTIONS, REQUESTS, TAILS
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, SizedConfig, fitting_turns, in_sessions, preset_table
from memgym.tasks.world.names import Inventor, fast_random
from memgym.tokens import get_counter

SPEAKER = "user"
_TYPICAL = f"{SPEAKER}: Could you gorilath the prasonel for {{person}}? label: vemadolan\n"
_LONGEST = 50
"""Tokens that the longest of turns stays below, whatever the counter."""
_SURPLUS = 1.3
_SPARE = 32


@dataclass(frozen=True)
class IclConfig(SizedConfig):
    """The options of ``icl``. None means: what the difficulty says.

    Args:
        examples: labelled examples of each class, at least ``words``; instead of ``length``, with which the classes get
            equally many, but for one.
        classes: number of classes, 2 to 500. Easy 12, medium 24, hard 48. A guess is right once in so many times.
        words: words that say the same, for each action and each thing that the classes are about. Easy 1, medium 2,
            hard 3.
        similarity: how much the classes have in common, 0 to 1: at 0 each has an action and a thing of its own, at 1
            they share them as far as can be, and only action and thing together tell. Easy 0, medium 0.5, hard 1.
        noise: unlabelled utterances per labelled one, 0 to 1. Easy 0, medium 0.2, hard 0.4.
        questions: utterances to classify, from the classes in turn. Easy 6, medium 12, hard 24.
        turns_per_session: turns in a session; each utterance is a turn.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS = preset_table(
        ("length", "classes", "words", "similarity", "noise", "questions"),
        easy=(2_000, 12, 1, 0.0, 0.0, 6),
        medium=(8_000, 24, 2, 0.5, 0.2, 12),
        hard=(32_000, 48, 3, 1.0, 0.4, 24),
    )
    SIZE = "examples"

    examples: int | None = None
    classes: int = BY_DIFFICULTY
    words: int = BY_DIFFICULTY
    similarity: float = BY_DIFFICULTY
    noise: float = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    turns_per_session: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("classes", self.classes, 2, 500)
        check_int("words", self.words, 1, 20)
        check_number("similarity", self.similarity, 0, 1)
        check_number("noise", self.noise, 0, 1)
        check_int("questions", self.questions, 1)
        check_int("turns_per_session", self.turns_per_session, 1)
        if self.length is None:
            check_int("examples", self.examples, self.words)
        else:
            check_int("length", self.length, max(500, ceil(self.classes * self.words * (1 + self.noise)) * _LONGEST))


@dataclass(frozen=True, slots=True)
class _Class:
    """A class: its label, and the words for its action and its thing."""

    label: str
    verbs: tuple[str, ...]
    nouns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Utterance:
    """Something said, with the words that tell its class; the label is empty where it has none."""

    text: str
    label: str = ""
    verb: str = ""
    noun: str = ""

    def __str__(self) -> str:
        return f"{self.text} label: {self.label}" if self.label else self.text


class Icl(ProceduralTask):
    """Test-time learning: classify new utterances after labelled examples.

    Each example is a turn, such as ``Could you gorilath the prasonel by Friday? label: vemadolan``. A class is an
    action on a thing, both in invented words of which several may mean the same; labels are invented too, so nothing
    can be known before it is read. Each word of a class occurs in its examples. The utterances asked about are new,
    and so are, where a class has several words and few examples, the combinations of their words. Evidence are the
    examples of the right class that share a word with the question. Gold facts say which label an utterance has.

    Splits are disjoint by construction: no invented word, and so no label, occurs in two of them
    (:mod:`memgym.tasks.world.names`).

    The official score ``answer`` is the exact match of the label, as MemoryAgentBench scores test-time learning.
    """

    name = "icl"
    source = "procedural, after test-time learning in MemoryAgentBench (Hu et al. 2025, arXiv 2507.05257)"
    Config = IclConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode whose turns are utterances, with gold facts and evidence."""
        draw = fast_random(rng)
        speaker = _Speaker(draw, Inventor(draw, split))
        classes = speaker.classes(self.config.classes, self.config.words, self.config.similarity)
        said = self._said(speaker, classes)
        draw.shuffle(said)
        asked = self._asked(speaker, classes, said)
        return Episode(
            id=f"icl-{split}-{index}",
            questions=tuple(_question(draw, f"q{i}", utterance, said) for i, utterance in enumerate(asked, 1)),
            sessions=in_sessions(_turns(said), self.config.turns_per_session),
            facts=tuple(_fact(u, f"turn{i}") for i, u in enumerate(said, 1) if u.label),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return whether the label is right."""
        return {"answer": best_over(exact_match, answer, question.answers)}

    def _said(self, speaker: _Speaker, classes: list[_Class]) -> list[_Utterance]:
        """Return what is said in the sessions, in no order to be kept."""
        rounds = self._rounds(speaker, classes)
        if self.config.length is None:
            return [utterance for _ in range(self.config.examples) for utterance in next(rounds)]
        counter = get_counter(self.config.counter)
        wanted = _SPARE + ceil(_SURPLUS * self.config.length / counter.count(_TYPICAL))
        said = list(islice(chain.from_iterable(rounds), wanted))
        lines = [f"{SPEAKER}: {utterance}" for utterance in said]
        return [said[i] for i in fitting_turns(lines, self.config.turns_per_session, counter, self.config.length)]

    def _rounds(self, speaker: _Speaker, classes: list[_Class]) -> Iterator[list[_Utterance]]:
        """Yield rounds of an example of each class, with noise; every word occurs in the first ``words`` rounds."""
        words = self.config.words
        for number in count():
            shift = number // words  # so that later rounds bring other combinations
            said = [speaker.request(c, c.verbs[number % words], c.nouns[(number + shift) % words]) for c in classes]
            chatter = round(self.config.noise * len(classes))
            said += [speaker.chatter(speaker.rng.choice(classes)) for _ in range(chatter)]
            speaker.rng.shuffle(said)
            yield said

    def _asked(self, speaker: _Speaker, classes: list[_Class], said: list[_Utterance]) -> list[_Utterance]:
        """Return new utterances of the classes in turn, with new combinations of words where there are any."""
        known = {utterance.text for utterance in said}
        combined = {(utterance.label, utterance.verb, utterance.noun) for utterance in said}
        asked = []
        for c in islice(cycle(speaker.rng.sample(classes, len(classes))), self.config.questions):
            pairs = list(product(c.verbs, c.nouns))
            verb, noun = speaker.rng.choice([p for p in pairs if (c.label, *p) not in combined] or pairs)
            asked.append(next(u for _ in count() if (u := speaker.request(c, verb, noun)).text not in known))
            known.add(asked[-1].text)
        return asked


class _Speaker:
    """Invents classes and puts their words into utterances."""

    def __init__(self, rng: Random, inventor: Inventor):
        self.rng = rng
        self._inventor = inventor

    def classes(self, n: int, words: int, similarity: float) -> list[_Class]:
        """Return ``n`` classes, each an own pair of an action and a thing."""
        kinds = ceil(n ** (1 - similarity / 2))  # of actions, and of things
        verbs, nouns = ([self._words(words) for _ in range(kinds)] for _ in range(2))
        return [
            _Class(self._inventor.word(), verbs[i % kinds], nouns[(i + i // kinds) % kinds])  # a Latin square
            for i in range(n)
        ]

    def request(self, c: _Class, verb: str, noun: str) -> _Utterance:
        """Return a labelled utterance."""
        tail = self._fill(self.rng.choice(TAILS))
        return _Utterance(self.rng.choice(REQUESTS).format(verb=verb, noun=noun, tail=tail), c.label, verb, noun)

    def chatter(self, c: _Class) -> _Utterance:
        """Return an utterance without a label, which may use words of the class."""
        return _Utterance(self._fill(self.rng.choice(CHATTER), self.rng.choice(c.verbs), self.rng.choice(c.nouns)))

    def _words(self, n: int) -> tuple[str, ...]:
        return tuple(self._inventor.word() for _ in range(n))

    def _fill(self, text: str, verb: str = "", noun: str = "") -> str:
        person = self._inventor.name("person") if "{person}" in text else ""
        town = self._inventor.name("town") if "{town}" in text else ""
        return text.format(verb=verb, noun=noun, person=person, town=town, number=self.rng.randint(2, 90))


def _turns(said: list[_Utterance]) -> list[Turn]:
    return [Turn(f"turn{i}", SPEAKER, str(utterance)) for i, utterance in enumerate(said, 1)]


def _fact(said: _Utterance, turn: str) -> Fact:
    return Fact(said.text, "label", said.label, turn, names=(said.verb, said.noun))


def _question(draw: Random, question_id: str, asked: _Utterance, said: list[_Utterance]) -> Question:
    evidence = (
        f"turn{i}"
        for i, utterance in enumerate(said, 1)
        if utterance.label == asked.label and (utterance.verb == asked.verb or utterance.noun == asked.noun)
    )
    return Question(
        id=question_id,
        text=draw.choice(QUESTIONS).format(utterance=asked.text),
        answers=(asked.label,),
        evidence=tuple(evidence),
        needs=tuple(
            Fact(asked.text, "label", asked.label, "", names=(word,))
            for word in (asked.verb, asked.noun)
            if any(utterance.label == asked.label and word in (utterance.verb, utterance.noun) for utterance in said)
        ),
    )
