"""The lives of facts behind a ``lifecycle`` episode: who there is, what is told when, and what then holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from memgym.episodes import Fact
from memgym.errors import ConfigError
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.lifecycle import phrases as words
from memgym.tasks.procedural.lifecycle.topics import Topic
from memgym.tasks.procedural.persona.phrases import FIRST, say, say_day, third, with_article
from memgym.tasks.procedural.persona.pools import FIRST_NAMES, SURNAMES
from memgym.tasks.procedural.persona.story import Line

ASSISTANT = "Assistant"
_SECRET = 7
"""Letters of a value that is to be forgotten, at least: shorter ones stand inside other words by chance."""
_FOLLOW_UP = 0.4
_TRIES = 10_000
"""Draws after which a pool counts as used up."""


Exchange = list[Line]


@dataclass(slots=True, eq=False)
class Draft:
    """A gold fact in the making; ``until`` is the line that ends it, or the session that finds it expired."""

    subject: str
    topic: Topic
    value: str
    source: Line
    until: Line | int | None = None
    forgotten: bool = False

    def fact(self, opening: Sequence[str]) -> Fact:
        """Return the finished fact, once the lines have their ids; ``opening`` are those of each session's first."""
        ended = self.until
        until = opening[ended] if isinstance(ended, int) else ended.id if ended else None
        called = (self.subject, self.subject.split()[0])
        names = tuple(form for name in called for form in (name, f"{name}'s"))
        noun, cues = self.topic.noun, self.topic.cues
        return Fact(self.subject, noun, self.value, self.source.id, until, names, cues, forgotten=self.forgotten)


class Story:
    """Invents people and values, and puts what is said about them into sessions.

    Args:
        rng: the source of chance.
        split: whose surnames people have.
        days: the date of each session.
        people: how many facts are told of, the user among them.
    """

    def __init__(self, rng: Random, split: str, days: Sequence[date], people: int):
        self.rng = rng
        self.days = days
        self.exchanges: list[list[Exchange]] = [[] for _ in days]
        self.facts: list[Draft] = []
        self.lures: list[Draft] = []
        """What is imagined, planned, denied: mentioned, and never so."""
        self._taken: set[str] = set()
        self._first_names = rng.sample(FIRST_NAMES, len(FIRST_NAMES))
        # Every third surname belongs to the split, so no full name occurs in two splits.
        self._surnames = SURNAMES[SPLITS.index(split) :: len(SPLITS)]
        self.cast = [self.name()]
        while len(self.cast) < people:  # half of them are the user's kin
            self.cast.append(self.name(self.user.split()[1] if len(self.cast) % 2 else ""))

    @property
    def user(self) -> str:
        """Who talks with the assistant."""
        return self.cast[0]

    def name(self, surname: str = "") -> str:
        """Invent a person, whose first name nobody else has."""
        return f"{self._first_names.pop()} {surname or self.rng.choice(self._surnames)}"

    def value(self, topic: Topic, letters: int = 0) -> str:
        """Draw a value that nothing else in the episode has, of so many letters at least."""
        for _ in range(_TRIES):
            value = self.rng.choice(topic.pool) if topic.pool else self.name()
            if value not in self._taken and len(value.replace(" ", "")) >= letters:
                self._taken.add(value)
                return value
        raise ConfigError(
            f"lifecycle has too few values of {topic.noun!r} for so many facts: lower 'questions' or 'changes'"
        )

    def line(self, subject: str, topic: Topic, templates: Sequence[str], leads: Sequence[str], **values: str) -> Line:
        """Phrase something that the user says about ``subject``."""
        template, lead = self.rng.choice(templates), self.rng.choice(leads)
        if lead:
            template = f"{lead} {template[0].lower()}{template[1:]}"
        shown = {name: self._shown(topic, value) if name != "d" else value for name, value in values.items()}
        person = FIRST if subject == self.user else third(subject)
        article = with_article(values.get("v", topic.noun))
        return Line(self.user, say(template, person, noun=topic.noun, av=article, **shown))

    def tell(self, session: int, line: Line, kind: str, topic: Topic) -> Line:
        """Let the user say a line in a session, and the assistant reply to what kind of line it is."""
        reply = Line(ASSISTANT, self.rng.choice(words.REPLIES[kind]).format(noun=topic.noun))
        exchange = [line, reply]
        if kind in ("tell", "change", "loan") and self.rng.random() < _FOLLOW_UP:
            question, answer = self.rng.choice(topic.follow)
            reply.text = f"{reply.text} {question}"
            exchange += [Line(self.user, answer), Line(ASSISTANT, self.rng.choice(words.CLOSING))]
        self.exchanges[session].append(exchange)
        return line

    def request(self) -> Exchange:
        """Return an exchange that tells of nobody."""
        asked, reply = self.rng.choice(words.REQUESTS)
        thing = self.rng.choice(words.THINGS)
        return [Line(self.user, asked.format(x=thing)), Line(ASSISTANT, reply.format(x=thing))]

    def when(self, count: int, last: int | None = None) -> list[int]:
        """Draw ``count`` sessions before ``last`` in order, the latest uniformly, so that recency is no help."""
        end = self.rng.randrange(count - 1, len(self.days) if last is None else last)
        return [*sorted(self.rng.sample(range(end), count - 1)), end]

    def spoken(self, day: date, session: int) -> str:
        """Write a date as one says it in a session: with its year if that is another one."""
        year = f" {day.year}" if day.year != self.days[session].year else ""
        return f"{say_day(day)}{year}"

    def _shown(self, topic: Topic, value: str) -> str:
        return with_article(value) if topic.article else value


class Life:
    """What is told over time about one topic of one person, beat by beat, each in a session of its own.

    ``held`` is the fact that holds, ``spoken`` the lines that tell it.
    """

    def __init__(self, story: Story, subject: str, topic: Topic):
        self.story = story
        self.subject = subject
        self.topic = topic
        self.held: Draft | None = None
        self.spoken: list[Line] = []
        self._planned = ""
        self._secret = False

    def play(self, beats: Sequence[str], sessions: Sequence[int]) -> Life:
        """Tell each beat in its session."""
        self._secret = "forget" in beats
        for beat, session in zip(beats, sessions, strict=True):
            getattr(self, beat)(session)
        return self

    def state(self, session: int) -> None:
        """A fact is born."""
        value = self._value()
        self._hold(value, self._tell(session, "tell", self.topic.state, words.LEADS, v=value))

    def again(self, session: int) -> None:
        """It is told once more."""
        assert self.held
        self.spoken.append(self._tell(session, "again", self.topic.state, words.AGAIN, v=self.held.value))

    def update(self, session: int) -> None:
        """Another value takes its place."""
        value = self._value()
        self._hold(value, self._tell(session, "change", self.topic.update, words.LEADS, v=value))

    def correct(self, session: int) -> None:
        """It was never so: the right value is told."""
        assert self.held
        value = self._value()
        self._hold(value, self._tell(session, "correct", words.CORRECT, v=value, w=self.held.value))

    def forget(self, session: int) -> None:
        """It is not to be kept any longer."""
        assert self.held
        self.held.until = self._tell(session, "forget", words.FORGET)
        self.held.forgotten = True

    def loan(self, session: int, ends: int | None) -> None:
        """Something else holds up to a day: one before session ``ends``, or one after the last session."""
        days = self.story.days
        if ends is None:
            day = days[-1] + timedelta(days=self.story.rng.randrange(3, 30))
        else:
            first = max(days[ends - 1], days[session] + timedelta(days=1))
            day = first + timedelta(days=self.story.rng.randrange((days[ends] - first).days))
        value = self._value()
        line = self._tell(session, "loan", self.topic.loan, v=value, d=self.story.spoken(day, session))
        loan = Draft(self.subject, self.topic, value, line, until=ends)
        self.story.facts.append(loan)
        if ends is None:
            self.held, self.spoken = loan, [line]

    def plan(self, session: int) -> None:
        """Something may come, and does not."""
        self._planned = self._lure(session, "plan", self.topic.plan)

    def cancel(self, session: int) -> None:
        """What was planned is called off."""
        job = any("{av}" in text for text in self.topic.plan)
        self._tell(session, "cancel", words.CANCEL, w=with_article(self._planned) if job else self._planned)

    def dream(self, session: int) -> None:
        """Something is imagined."""
        self._lure(session, "dream", self.topic.dream)

    def deny(self, session: int) -> None:
        """Something is said not to be so."""
        value = self._value()
        line = self._tell(session, "deny", words.DENY, w=value)
        self.story.lures.append(Draft(self.subject, self.topic, value, line))

    def _lure(self, session: int, kind: str, templates: Sequence[str]) -> str:
        value = self._value()
        line = self._tell(session, kind, templates, v=value)
        self.story.lures.append(Draft(self.subject, self.topic, value, line))
        return value

    def _value(self) -> str:
        return self.story.value(self.topic, _SECRET if self._secret else 0)

    def _tell(
        self, session: int, kind: str, templates: Sequence[str], leads: Sequence[str] = ("",), **values: str
    ) -> Line:
        line = self.story.line(self.subject, self.topic, templates, leads, **values)
        return self.story.tell(session, line, kind, self.topic)

    def _hold(self, value: str, line: Line) -> None:
        if self.held:
            self.held.until = line
        self.held, self.spoken = Draft(self.subject, self.topic, value, line), [line]
        self.story.facts.append(self.held)
