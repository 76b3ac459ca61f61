"""The invented world behind a ``persona`` episode: who there is, what is told about them when, and what then holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from memgym.episodes import Fact
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona import talk
from memgym.tasks.procedural.persona.phrases import Countable, Event, Relation, pick, third, with_article
from memgym.tasks.procedural.persona.pools import COUNTRIES, FIRST_NAMES, NUMBERS, SURNAMES, WEEKDAYS
from memgym.words import content_words

BEATS = {
    "state": ("state",),
    "update": ("update",),
    "dispute": ("dispute",),
    "rumour": ("rumour",),
    "plan": ("plan", "cancel"),
    "slip": ("slip", "correct"),
    "detour": ("detour", "revert"),
}
"""How a value starts and changes, each with the methods of :class:`Thread` that tell it, one per session."""


Topic = Relation | Countable | Event


class Line:
    """A turn in the making: its id is known only once all sessions are laid out."""

    __slots__ = ("id", "speaker", "text")

    def __init__(self, speaker: str, text: str):
        self.id = ""
        self.speaker = speaker
        self.text = text


@dataclass(slots=True, eq=False)
class Passage:
    """Turns that belong together, and what they are about.

    Args:
        subject: of whom they tell.
        about: what they tell: a relation's name, ``count``, ``trip`` or ``event``.
        kind: what they do to what was known: ``told``, ``ask`` (told when asked), ``claim`` (asserted and answered),
            ``plan``, ``cancel``, ``correct``, ``revert`` or ``withdraw``.
        lines: the turns.
    """

    subject: str
    about: str
    kind: str
    lines: list[Line]


@dataclass(slots=True, eq=False)
class Draft:
    """A gold fact in the making."""

    subject: str
    relation: str
    value: str
    source: Line
    until: Line | None = None
    cues: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    def fact(self, namesakes: Collection[str]) -> Fact:
        """Return the finished fact, once the lines have their ids; ``namesakes`` are first names of several people."""
        until = self.until.id if self.until else None
        first = self.subject.split()[0]
        called = (self.subject,) if first in namesakes else (self.subject, first)
        names = tuple(form for name in called for form in (name, f"{name}'s"))
        return Fact(self.subject, self.relation, self.value, self.source.id, until, names, self.cues, self.apart)


class Story:
    """Invents people and facts, and puts what is said about them into sessions.

    Args:
        days: the date of each session.
        last: the number of sessions that may hold evidence; later ones are left to noise.
    """

    def __init__(self, rng: Random, split: str, days: Sequence[date], last: int, people: int):
        self.rng = rng
        self.days = days
        self.last = last
        self.passages: list[list[Passage]] = [[] for _ in days]
        self.facts: list[Draft] = []
        self._taken: set[str] = set()
        self._first_names: Counter[str] = Counter()
        self._asked: set[tuple[str, Topic]] = set()
        self._countries = rng.sample(COUNTRIES, len(COUNTRIES))
        # Every third surname belongs to the split, so no full name occurs in two splits.
        self._surnames = SURNAMES[SPLITS.index(split) :: len(SPLITS)]
        self.cast = [self.name() for _ in range(people)]
        self.speakers = self.cast[:2]

    def name(self, like: str = "") -> str:
        """Invent a person, who shares the first name or the surname with the person ``like``, if given."""
        first, last = self.rng.choice(FIRST_NAMES), self.rng.choice(self._surnames)
        if like and self.rng.random() < 0.5:
            first = like.split()[0]
        elif like:
            last = like.split()[1]
        while f"{first} {last}" in self._taken:
            last = f"{self.rng.choice(self._surnames)}-{self.rng.choice(self._surnames)}"
        self._taken.add(f"{first} {last}")
        self._first_names[first] += 1
        return f"{first} {last}"

    def namesakes(self) -> set[str]:
        """Return the first names that several people have."""
        return {name for name, people in self._first_names.items() if people > 1}

    def value(self, relation: Relation) -> str:
        """Draw a value that nothing else in the episode has, so that it names one fact only."""
        value = self.free_value(relation)
        self._taken.add(value)
        return value

    def free_value(self, relation: Relation) -> str:
        """Draw a value that several people of the background may have."""
        if not relation.pool:
            return self.name()
        while (value := self.rng.choice(relation.pool)) in self._taken:
            pass
        return value

    def when(self, count: int, avoid: Collection[int] = ()) -> list[int]:
        """Draw ``count`` different sessions in order, the last one uniformly, so that recency is no help."""
        free = [session for session in range(self.last) if session not in avoid]
        end = self.rng.randrange(count - 1, len(free))
        return [*sorted(self.rng.sample(free[:end], count - 1)), free[end]]

    def partner(self, speaker: str) -> str:
        """Return the other one of the two who talk."""
        return self.speakers[self.speakers[0] == speaker]

    def teller(self, subject: str, topic: Topic | None = None) -> str:
        """Choose who tells of ``subject``: the two who talk tell of themselves.

        Who is asked about a topic does not tell the same of others, if it can be helped: then a line that has the name
        of the one and the words of the topic is about the one.
        """
        if subject in self.speakers:
            return subject
        return self.rng.choice([name for name in self.speakers if (name, topic) not in self._asked] or self.speakers)

    def forms(self, subject: str, speaker: str) -> dict[str, str]:
        """Return the grammatical forms in which ``speaker`` speaks of ``subject``."""
        if subject == speaker:
            return say.FIRST
        return say.SECOND if subject in self.speakers else third(subject)

    def line(self, speaker: str, subject: str, templates: Sequence[str], **words: str) -> Line:
        """Phrase something about ``subject``; of others now and then in two sentences, by name and then by pronoun."""
        template = self.rng.choice(templates)
        if subject not in self.speakers and template.startswith(say.CARRIED) and self.rng.random() < 0.35:
            naming = self.rng.choice(say.NAMING).format(name=subject)
            text = f"{naming} {say.say(template, say.PRONOUN, **words)}"
        else:
            text = say.say(template, self.forms(subject, speaker), **words)
        return Line(speaker, text)

    def count(self, subject: str, thing: Countable, statements: int) -> tuple[int, list[Line]]:
        """Tell in ``statements`` sessions how many of a thing ``subject`` has added; return the sum and the lines."""
        self._asked.add((subject, thing))
        total, lines = 0, []
        numbers = self.rng.sample(range(2, len(NUMBERS)), statements)  # all different: no two statements are alike
        for session, number in zip(self.when(statements), numbers, strict=True):
            lines.append(self.addition(subject, thing, number))
            self.passages[session].append(Passage(subject, "count", "told", [lines[-1]]))
            total += number
        return total, lines

    def addition(self, subject: str, thing: Countable, number: int) -> Line:
        """Tell that ``subject`` has added ``number`` of a thing."""
        words = {"past": thing.past, "q": NUMBERS[number], "n": thing.noun}
        line = self.line(self.teller(subject, thing), subject, say.COUNT, **words)
        self.facts.append(
            Draft(subject, f"{thing.noun} {thing.past}", f"{NUMBERS[number]} {thing.noun}", line, cues=thing.cues)
        )
        return line

    def trips(self, subject: str, statements: int) -> list[Line]:
        """Tell in ``statements`` sessions of trips to different countries."""
        lines = []
        for session in self.when(statements):
            country = self._countries.pop()
            line = self.line(self.teller(subject), subject, say.TRIP, v=country)
            self.facts.append(Draft(subject, "country visited", country, line, cues=content_words(*say.TRIP)))
            self.passages[session].append(Passage(subject, "trip", "told", [line]))
            lines.append(line)
        return lines

    def event(self, subject: str, event: Event, session: int) -> tuple[date, Draft]:
        """Tell in a session on which day something happened; return the day, and what a memory needs to tell it."""
        day = self.days[session] - timedelta(days=self.rng.randrange(15))
        when = self._day_from(day, self.days[session])
        line = self.line(self.teller(subject, event), subject, say.EVENT, did=event.past, when=when)
        self._asked.add((subject, event))
        self.facts.append(Draft(subject, "event", event.past, line))
        return day, Draft(subject, "date of event", when, line, cues=event.cues)

    def gossip(self, subject: str, topic: Topic, session: int) -> Passage:
        """Tell something about somebody nobody asks about."""
        if isinstance(topic, Countable):
            about, line = "count", self.addition(subject, topic, self.rng.randrange(2, 7))
        elif isinstance(topic, Event):
            about, line = "event", self.event(subject, topic, session)[1].source
        else:
            about, line = topic.name, Thread(self, subject, topic).remark(self.free_value(topic))
        return Passage(subject, about, "told", [line])

    def _day_from(self, day: date, today: date) -> str:
        """Write ``day`` as somebody says it ``today``; each form means one day only."""
        ago = (today - day).days
        forms = [f"on {say.say_day(day)}"]
        if 1 < ago < len(NUMBERS):
            forms.append(f"{NUMBERS[ago]} days ago")
        if 0 < ago < 7:
            forms.append(f"this past {WEEKDAYS[day.weekday()]}")
        forms += {0: ["today", "this morning"], 1: ["yesterday"], 7: ["a week ago"], 14: ["two weeks ago"]}.get(ago, [])
        return self.rng.choice(forms)


class Thread:
    """What is told over time about one relation of one person.

    ``held`` lists the values that really held, in order, each with the lines it takes to know so: the statement (one
    line, or topic and value).
    """

    def __init__(self, story: Story, subject: str, relation: Relation):
        self.story = story
        self.subject = subject
        self.relation = relation
        self.speaker = story.teller(subject)
        self.held: list[tuple[str, list[Line]]] = []
        self.sessions: list[int] = []
        self._told: list[Draft] = []
        self._plan: Draft

    def play(self, beats: Sequence[str], avoid: Collection[int] = ()) -> Thread:
        """Tell each beat in a session of its own, outside the sessions to ``avoid``."""
        self.sessions = self.story.when(len(beats), avoid)
        for beat, session in zip(beats, self.sessions, strict=True):
            getattr(self, beat)(self.story.passages[session])
        return self

    def remark(self, value: str) -> Line:
        """Tell the only value in one turn."""
        line = self._line(self.relation.state, v=value)
        self._record(value, line)
        return line

    def state(self, passages: list[Passage]) -> None:
        """Tell the first value."""
        self._tell(passages, self.relation.state)

    def update(self, passages: list[Passage]) -> None:
        """Tell a new value."""
        self._tell(passages, self.relation.update + say.UPDATE)

    def rumour(self, passages: list[Passage]) -> None:
        """Let the other speaker assert a wrong value, and deny it."""
        passages.append(self._passage("claim", self._claim(self._value()), self._line(say.DENIAL)))

    def dispute(self, passages: list[Passage]) -> None:
        """Let the other speaker assert a wrong value, and tell the new one instead."""
        value, wrong = self._value(), self._value()
        reply = self._line(say.DISPUTE, v=value, w=wrong)
        passages.append(self._passage("claim", self._claim(wrong), reply))
        self._hold(value, [reply])

    def plan(self, passages: list[Passage]) -> None:
        """Announce a new value."""
        value = self._value()
        line = self._line(self.relation.plan, v=value)
        passages.append(self._passage("plan", line))
        cues = content_words(self.relation.noun, *self.relation.plan)
        self._plan = Draft(self.subject, f"planned {self.relation.name}", value, line, cues=cues)
        self.story.facts.append(self._plan)

    def cancel(self, passages: list[Passage]) -> None:
        """Call off what was announced."""
        self._plan.until = line = self._line(self.relation.cancel + say.CANCEL)
        passages.append(self._passage("cancel", line))

    def slip(self, passages: list[Passage]) -> None:
        """Tell a value by mistake."""
        value = self._value()
        line = self._line(self.relation.update if self.held else self.relation.state, v=value)
        passages.append(self._passage("told", line))
        self._record(value, line)

    def correct(self, passages: list[Passage]) -> None:
        """Put the mistake right."""
        value = self._value()
        line = self._line(say.CORRECTION, v=value, w=self._told[-1].value)
        passages.append(self._passage("correct", line))
        self._hold(value, [line])

    def detour(self, passages: list[Passage]) -> None:
        """Tell a value that will not last."""
        self._tell(passages, self.relation.update)

    def revert(self, passages: list[Passage]) -> None:
        """Go back to the value before the detour."""
        line = self._line(say.REVERT, v=self.held[-2][0], w=self.held[-1][0])
        passages.append(self._passage("revert", line))
        self._hold(self.held[-2][0], [line])

    def withdraw(self, passages: list[Passage]) -> None:
        """Take the value back and tell no other."""
        self._told[-1].until = line = self._line(say.WITHDRAWAL)
        passages.append(self._passage("withdraw", line))
        self.held[-1] = ("", [line])

    def _tell(self, passages: list[Passage], templates: Sequence[str]) -> None:
        """Tell a fresh value in one turn, or in two: topic and value of one speaker, or question and answer."""
        value, draw = self._value(), self.story.rng.random()
        if any(draft.apart for draft in self._told) or draw > 0.15:
            lines, kind = [self._line(templates, v=value)], "told"
        elif draw < 0.08 and self.subject not in self.story.speakers:
            partner, answer = self.story.partner(self.speaker), self.story.rng.choice(say.ASK_VALUE)
            lines, kind = [self._line(say.ASK, partner), Line(self.speaker, say.say(answer, {}, v=value))], "ask"
        else:
            answer = self.story.rng.choice(say.TOPIC_VALUE)
            lines, kind = [self._line(say.TOPIC), Line(self.speaker, say.say(answer, {}, v=value))], "told"
        spoken = lines if kind == "ask" or len(lines) == 1 else [lines[0], self._go_on(), lines[1]]
        passages.append(self._passage(kind, *spoken))
        self._hold(value, lines)

    def _go_on(self) -> Line:
        """Let the other speaker ask to hear more."""
        return Line(self.story.partner(self.speaker), pick(self.story.rng, talk.GO_ON))

    def _passage(self, kind: str, *lines: Line) -> Passage:
        return Passage(self.subject, self.relation.name, kind, list(lines))

    def _value(self) -> str:
        return self.story.value(self.relation)

    def _line(self, templates: Sequence[str], speaker: str = "", **values: str) -> Line:
        articles = {f"a{key}": with_article(value) for key, value in values.items()}
        noun = self.relation.noun
        return self.story.line(speaker or self.speaker, self.subject, templates, noun=noun, **values, **articles)

    def _claim(self, wrong: str) -> Line:
        return self._line(self.relation.claims, self.story.partner(self.speaker), w=wrong)

    def _hold(self, value: str, lines: list[Line]) -> None:
        self.held.append((value, lines))
        self._record(value, lines[-1], say.APART if len(lines) > 1 else ())

    def _record(self, value: str, line: Line, apart: tuple[str, ...] = ()) -> None:
        if self._told:
            self._told[-1].until = line
        cues = self.relation.cues
        self._told.append(Draft(self.subject, self.relation.name, value, line, cues=cues, apart=apart))
        self.story.facts.append(self._told[-1])
