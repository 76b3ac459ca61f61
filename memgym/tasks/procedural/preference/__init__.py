"""The ``preference`` task: friends talk of what they and others like, which changes and depends on the occasion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Episode, Fact, Question, Session, Turn
from memgym.errors import ConfigError
from memgym.scoring.phrases import plain
from memgym.scoring.statements import Statements
from memgym.scoring.support import Support
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.base import ProceduralTask
from memgym.tasks.procedural.persona.phrases import FIRST, say, third
from memgym.tasks.procedural.persona.pools import FIRST_NAMES, SURNAMES
from memgym.tasks.procedural.preference import domains as d
from memgym.tasks.procedural.preference.domains import DOMAINS, Domain, Occasion
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, SizedConfig, preset_table
from memgym.tasks.world.names import fast_random
from memgym.tokens import TokenCounter, get_counter

LETTERS = "abcd"
_MARKED = re.compile(rf"\(([{LETTERS}])\)")
_ALONE = re.compile(rf"\W*(?:[a-z]+\W+)*?([{LETTERS}])\W+(?:(?:and|then|first|second)\W+)*([{LETTERS}])\W*")
_EXCHANGE = 30
"""Tokens of an exchange of small talk, roughly."""


@dataclass(frozen=True)
class PreferenceConfig(SizedConfig):
    """The options of ``preference``. None means: what the difficulty says.

    Args:
        people: whose tastes are told, the two who talk among them. Easy 3, medium 5, hard 6.
        tastes: pairs of somebody and a domain, such as what they drink. Easy 6, medium 12, hard 24.
        occasions: on how many occasions each taste is told, 2 or 3. Easy 2, medium 3, hard 3.
        versions: most values that follow one upon the other on an occasion. Easy 2, medium 2, hard 3.
        questions: questions per episode, on different tastes. Easy 6, medium 10, hard 20.
        noise: exchanges of small talk; instead of ``length``.
        exchanges_per_session: of two or three turns each.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS = preset_table(
        ("length", "people", "tastes", "occasions", "versions", "questions"),
        easy=(2_000, 3, 6, 2, 2, 6),
        medium=(8_000, 5, 12, 3, 2, 10),
        hard=(32_000, 6, 24, 3, 3, 20),
    )
    SIZE = "noise"

    people: int = BY_DIFFICULTY
    tastes: int = BY_DIFFICULTY
    occasions: int = BY_DIFFICULTY
    versions: int = BY_DIFFICULTY
    questions: int = BY_DIFFICULTY
    noise: int | None = None
    exchanges_per_session: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("people", self.people, 2, 12)
        check_int("tastes", self.tastes, 2, self.people * len(DOMAINS))
        check_int("occasions", self.occasions, 2, 3)
        check_int("versions", self.versions, 2, 5)
        check_int("questions", self.questions, 1, self.tastes)
        check_int("exchanges_per_session", self.exchanges_per_session, 1)
        values = -(-self.tastes // min(len(DOMAINS), self.tastes // 2)) * self.occasions * self.versions
        if values > len(DOMAINS[0].pool):
            raise ConfigError(
                f"argument 'tastes' must be fewer, or 'versions': up to {values} values of a kind are needed, "
                f"and there are {len(DOMAINS[0].pool)}"
            )
        if self.noise is not None:
            check_int("noise", self.noise, 0)
        else:
            check_int("length", self.length, 60 * self.tastes * self.occasions * self.versions)


class _Choices(Support):
    """Takes no memory for an answer that claims most of the replies shown."""

    def answer_from(self, question: Question, memory: Statements) -> list[str]:
        """Return what follows from a memory, nothing if it guesses."""
        gone = {fact.value for fact in self.overtaken(question)}
        offers = [question.metadata[letter] for letter in LETTERS]
        claimed = [offer for offer in offers if offer not in gone and self._offered(offer, question, memory)]
        heaps = Counter(number for offer in offers for number in memory.having(offer))
        most = max(len(claimed), *heaps.values(), 0)
        return super().answer_from(question, memory) if most <= len(question.needs) else []

    def _offered(self, offer: str, question: Question, memory: Statements) -> bool:
        """Return whether a memory puts an offer to one of the moments, where it does not tell of somebody else."""
        name = question.needs[0].subject
        theirs = [fact for fact in self._episode.facts if fact.value == offer and fact.subject != name]
        excused = {number for fact in theirs for number in memory.stating(fact)}
        return any(memory.stating(replace(need, value=offer)) - excused for need in question.needs)


@dataclass(slots=True)
class _Taste:
    """Whom and what it is about, and by occasion the values that follow one upon the other."""

    name: str
    domain: Domain
    values: dict[Occasion, list[str]]


@dataclass(slots=True)
class _Exchange:
    """Two or three turns in the making; one that tells a value says of which taste and occasion."""

    lines: list[tuple[str, str]]
    key: tuple[str, str, str] = ("", "", "")
    value: str = ""
    told: int = 0
    id: str = ""


class Preference(ProceduralTask):
    """Which of four replies suits somebody in each of two moments, going by what they like by now?

    Two friends talk over many sessions about their own tastes and those of others, between small talk on the same
    subjects. A taste depends on the occasion ("at the desk it is fennel tea, before bed cocoa") and changes ("since the
    stomach trouble no more cocoa"). A change on one occasion leaves the others as they are.

    A question puts somebody into two moments and shows four replies, (a) to (d): what suits the one moment, what suits
    the other, and two that suit neither: what was liked on one of the two occasions until it changed, what is liked on
    a third one, or by somebody else. So the wrong replies of a moment are outdated, other people's, and another
    occasion's. Both letters must be right, in order. That makes twelve answers that are equally likely: whoever guesses
    is right once in twelve, and so is the best constant answer.

    The reader ``supported`` takes a memory for guesses if it puts three of the replies, or more, to the two moments, or
    has them in one statement. An overtaken one that stands elsewhere spoils the answer, as everywhere.

    Evidence is the two turns that tell the present tastes, the needed facts are these two, and gold facts hold until
    the turn that overtakes them. No value is told of two people or of two occasions of an episode. Each question names
    somebody whose surname is of its split: no full name occurs in two splits.

    The official score ``answer`` is 1 if the two right replies are named, in order and no others: by their letters
    ("c, a", or "(c) and (a)") or by what they offer; ``moments`` beside it is the share of the moments that are right.
    """

    name = "preference"
    version = 2
    source = "procedural, after PersonaMem (Jiang et al. 2025, arXiv 2504.14225)"
    Config = PreferenceConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Invent people and tastes, and tell them between small talk."""
        draw = fast_random(rng)
        people = _people(draw, split, self.config.people)
        tastes = self._tastes(draw, people)
        teller = _Teller(draw, people[:2])
        told = [exchange for taste in tastes for exchange in teller.tell(taste)]
        noise = self._noise(teller, told)
        sessions = self._sessions(draw, _mixed(draw, told, noise))
        facts = _facts(told)
        episode_id = f"{self.name}-{split}-{index}"
        return Episode(
            id=episode_id,
            questions=tuple(
                _question(draw, f"q{i}", taste, tastes, facts, sessions[-1].time)
                for i, taste in enumerate(draw.sample(tastes, self.config.questions), 1)
            ),
            sessions=sessions,
            facts=tuple(fact for versions in facts.values() for fact in versions),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Return whether both replies are right, and ``moments``, how many of them are."""
        right, given = tuple(question.metadata["right"]), chosen(answer, question)
        same = [a == b for a, b in zip(right, given, strict=False)] if len(given) == len(right) else []
        return {"answer": float(right == given), "moments": sum(same) / len(right)}

    def support(self, episode: Episode) -> Support:
        """Return what the questions of an episode ask of a memory: two replies for the two moments, no more."""
        return _Choices(episode, self.phrases)

    def _tastes(self, draw: Random, people: Sequence[str]) -> list[_Taste]:
        """Draw tastes, of each domain those of two people at least; values come once in an episode."""
        config = self.config
        subjects = draw.sample(DOMAINS, min(len(DOMAINS), config.tastes // 2))
        pools = {domain: draw.sample(domain.pool, len(domain.pool)) for domain in subjects}
        whose = {domain: draw.sample(people, len(people)) for domain in subjects}
        pairs = [(whose[domain][i], domain) for i in range(len(people)) for domain in subjects]
        tastes = []
        for name, domain in pairs[: config.tastes]:
            occasions = draw.sample(domain.occasions, config.occasions)
            sizes = [draw.randint(2, config.versions), *(draw.randint(1, config.versions) for _ in occasions[1:])]
            values = {when: [pools[domain].pop() for _ in range(n)] for when, n in zip(occasions, sizes, strict=True)}
            tastes.append(_Taste(name, domain, values))
        return tastes

    def _noise(self, teller: _Teller, told: list[_Exchange]) -> list[_Exchange]:
        """Return exchanges of small talk, as many as the size asks for."""
        if self.config.length is None:
            return [teller.small_talk() for _ in range(self.config.noise)]
        counter = get_counter(self.config.counter)
        noise: list[_Exchange] = []
        while (missing := self.config.length - self._tokens(counter, [*told, *noise])) >= _EXCHANGE // 2:
            noise += [teller.small_talk() for _ in range(max(1, missing // _EXCHANGE))]
        return noise

    def _tokens(self, counter: TokenCounter, exchanges: list[_Exchange]) -> int:
        sessions = self._sessions(Random(0), exchanges)
        return counter.count("\n\n".join(map(str, sessions)))

    def _sessions(self, draw: Random, exchanges: list[_Exchange]) -> tuple[Session, ...]:
        """Cut exchanges into sessions; from now on each has the id of the turn that tells its value."""
        day, sessions = date(2022, 1, 1) + timedelta(days=draw.randrange(700)), []
        size = self.config.exchanges_per_session
        for number, start in enumerate(range(0, len(exchanges), size), 1):
            turns: list[Turn] = []
            for exchange in exchanges[start : start + size]:
                exchange.id = f"D{number}:{len(turns) + exchange.told + 1}"
                turns += [
                    Turn(f"D{number}:{len(turns) + i}", name, text) for i, (name, text) in enumerate(exchange.lines, 1)
                ]
            day += timedelta(days=draw.randrange(1, 4))
            sessions.append(Session(f"D{number}", day.isoformat(), tuple(turns)))
        return tuple(sessions)


class _Teller:
    """Puts tastes and small talk into words."""

    def __init__(self, draw: Random, speakers: Sequence[str]):
        self._draw = draw
        self._speakers = speakers
        self._remarks: list[tuple[str, Sequence[str]]] = []

    def tell(self, taste: _Taste) -> Iterator[_Exchange]:
        """Yield for each value of a taste the exchange that tells it, those of an occasion in order."""
        for when, values in taste.values.items():
            for before, value in pairwise(["", *values]):
                yield self._exchange(taste, when, value, before)

    def _exchange(self, taste: _Taste, when: Occasion, value: str, before: str) -> _Exchange:
        choice, domain = self._draw.choice, taste.domain
        speaker = taste.name if taste.name in self._speakers else choice(self._speakers)
        other = self._speakers[self._speakers[0] == speaker]
        called = choice((taste.name, taste.name.split()[0]))
        forms = FIRST if speaker == taste.name else third(called)
        verb = choice(domain.choose).format(**forms)
        words = {"c": verb, "v": value, "o": before, "w": when.when, "since": choice(domain.reasons)}
        text = say(choice(d.UPDATE if before else d.STATE), forms, **words)
        exchange = _Exchange([(speaker, text)], (taste.name, domain.name, when.cue), value)
        if self._draw.random() < 0.6:
            ask = domain.ask if speaker == taste.name else domain.ask_of
            exchange.lines.insert(0, (other, choice(ask).format(n=called, w=when.when)))
            exchange.told = 1
        else:
            exchange.lines[0] = (speaker, f"{choice(d.LEADS)} {text}")
        exchange.lines.append((other, choice(d.REACTIONS)))
        return exchange

    def small_talk(self) -> _Exchange:
        """Return an exchange that tells nothing of anybody's tastes."""
        if not self._remarks:  # none comes again before all have come
            told = [(text, d.SORRY) for domain in DOMAINS for text in domain.sad]
            told += [(text, d.PLEASED) for domain in DOMAINS for text in domain.glad]
            self._remarks = self._draw.sample(told, len(told))
        (remark, answers), choice = self._remarks.pop(), self._draw.choice
        one, other = self._draw.sample(self._speakers, 2)
        return _Exchange([(one, remark.format(d=choice(d.DAYS))), (other, choice(answers))])


def _people(draw: Random, split: str, count: int) -> list[str]:
    """Invent people whose first names differ; every third surname belongs to the split."""
    firsts = draw.sample(FIRST_NAMES, count)
    lasts = draw.sample(SURNAMES[SPLITS.index(split) :: len(SPLITS)], count)
    return [f"{first} {last}" for first, last in zip(firsts, lasts, strict=True)]


def _mixed(draw: Random, told: list[_Exchange], noise: list[_Exchange]) -> list[_Exchange]:
    """Return all exchanges in random order, but those on the same taste and occasion in their own order."""
    waiting: dict[tuple[str, str, str], list[_Exchange]] = {}
    for exchange in reversed(told):
        waiting.setdefault(exchange.key, []).append(exchange)
    mixed = draw.sample([*told, *noise], len(told) + len(noise))
    return [waiting[exchange.key].pop() if exchange.value else exchange for exchange in mixed]


def _facts(told: list[_Exchange]) -> dict[tuple[str, str, str], list[Fact]]:
    """Return the gold facts by whom, what and when they are about, each ending where the next begins."""
    facts: dict[tuple[str, str, str], list[Fact]] = {}
    for exchange in told:
        name, domain, cue = exchange.key
        names = tuple(form for called in (name, name.split()[0]) for form in (called, f"{called}'s"))
        fact = Fact(name, f"{domain} ({cue})", exchange.value, exchange.id, names=names, cues=(cue,))
        versions = facts.setdefault(exchange.key, [])
        if versions:
            versions[-1] = replace(versions[-1], until=fact.source)
        versions.append(fact)
    return facts


def _question(
    draw: Random,
    question_id: str,
    taste: _Taste,
    tastes: Sequence[_Taste],
    facts: dict[tuple[str, str, str], list[Fact]],
    time: str,
) -> Question:
    changed, *others = taste.values
    moments = draw.sample((changed, draw.choice(others)), 2)
    needs = tuple(facts[taste.name, taste.domain.name, when.cue][-1] for when in moments)
    wrong = _distractors(draw, taste, moments, tastes)
    offers = draw.sample([fact.value for fact in needs] + wrong, len(LETTERS))
    right = "".join(LETTERS[offers.index(fact.value)] for fact in needs)
    first = taste.name.split()[0]
    one, two = (when.scene.format(n=first) for when in moments)
    asked = draw.choice(d.QUESTIONS).format(n=taste.name, f=first, one=one, two=two)
    forms = draw.sample(d.REPLIES, len(LETTERS))
    replies = [f"({letter}) {form.format(v=v)}" for letter, form, v in zip(LETTERS, forms, offers, strict=True)]
    return Question(
        id=question_id,
        text="\n".join([asked, *replies, d.HOW]),
        answers=(", ".join(right), ", ".join(fact.value for fact in needs)),
        evidence=tuple(fact.source for fact in needs),
        category=taste.domain.name,
        time=time,
        needs=needs,
        metadata={"right": right, **dict(zip(LETTERS, offers, strict=True))},
    )


def _distractors(draw: Random, taste: _Taste, moments: Sequence[Occasion], tastes: Sequence[_Taste]) -> list[str]:
    """Return two values that suit neither moment, one of them outdated."""
    outdated = [value for when in moments for value in taste.values[when][:-1]]
    elsewhere = [values[-1] for when, values in taste.values.items() if when not in moments]
    others = [other for other in tastes if other.domain is taste.domain and other.name != taste.name]
    theirs = [value for other in others for values in other.values.values() for value in values]
    first = draw.choice(outdated)
    kinds = ([value for value in kind if value != first] for kind in (outdated, elsewhere, theirs))
    return [first, draw.choice(draw.choice([kind for kind in kinds if kind]))]


def chosen(answer: str, question: Question) -> tuple[str, ...]:
    """Return the letters of the replies that the last line of an answer names, in its order."""
    *_, line = answer.strip().lower().splitlines() or [""]
    if marked := _MARKED.findall(line):
        return tuple(marked)
    if alone := _ALONE.fullmatch(line):
        return alone.groups()
    said = f" {plain(line)} "
    places = {letter: said.find(f" {plain(question.metadata[letter])} ") for letter in LETTERS}
    return tuple(sorted((letter for letter, place in places.items() if place >= 0), key=places.__getitem__))
