"""What a ``persona`` episode asks: each question is invented together with what has to be told for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from memgym.episodes import Question
from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona.answers import ABSTENTIONS, count_forms, date_forms, value_forms
from memgym.tasks.procedural.persona.phrases import Relation, third
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.tasks.procedural.persona.story import BEATS, Draft, Line, Passage, Story, Thread, Topic
from memgym.tasks.procedural.persona.ties import LINKS
from memgym.tasks.procedural.sizing import draw_kinds

CATEGORIES = {"multihop": 22, "former": 16, "unanswerable": 5, "current": 29, "count": 14, "time": 14}
"""The share in percent of each kind of question, in the order in which they are invented: the choosiest first."""

_CHANGING = tuple(relation for relation in RELATIONS if relation.update)
_KIN = {"sibling", "cousin"}
_SHARED = {"flatmate": {"home city", "flatmate"}, "boss": {"employer"}, "sibling": _KIN, "cousin": _KIN}
"""What somebody and their flatmate, boss, … have in common: no second hop leads there."""


@dataclass(slots=True)
class Asked:
    """A question in the making."""

    category: str
    text: str
    answers: tuple[str, ...]
    evidence: list[Line]
    needs: tuple[Draft, ...] = ()
    in_one: tuple[Draft, ...] = ()

    def question(self, question_id: str, time: str, namesakes: Collection[str]) -> Question:
        """Return the finished question, once the evidence has its ids."""
        return Question(
            question_id,
            self.text,
            self.answers,
            evidence=tuple(line.id for line in self.evidence),
            category=self.category,
            time=time,
            answerable=self.category != "unanswerable",
            needs=tuple(draft.fact(namesakes) for draft in self.needs),
            in_one=tuple(draft.fact(namesakes) for draft in self.in_one),
        )


class Asker:
    """Invents questions, and tells through the story what they need.

    Args:
        story: where everything is told.
        questions: how many to ask.
        updates: most changes of a value.
        hops: most facts that a ``multihop`` question chains.
    """

    def __init__(self, story: Story, questions: int, updates: int, hops: int):
        self.story = story
        self.rng = story.rng
        self.questions = questions
        self.updates = updates
        self.hops = hops
        self.topics: list[Topic] = []
        """What the questions are about: relations, countables and events."""
        self.untold = [(subject, relation) for subject in story.cast for relation in RELATIONS]
        """What nothing is told about yet, although it may be."""
        self.rng.shuffle(self.untold)
        self._events = self.rng.sample(say.EVENTS, len(say.EVENTS))
        self._travellers = self.rng.sample(story.cast, len(story.cast))
        self._things = [(subject, thing) for subject in story.cast for thing in say.COUNTABLES]
        self.rng.shuffle(self._things)
        self._uses: Counter[str] = Counter()

    def ask(self) -> list[Asked]:
        """Invent all questions, and half as many stories that nobody asks about."""
        asked = [getattr(self, kind)() for kind in self._kinds()]
        for _ in range(self.questions // 2):
            self._thread(*self._pick(RELATIONS))
        self.rng.shuffle(asked)
        return asked

    def _kinds(self) -> list[str]:
        shares = {kind: share for kind, share in CATEGORIES.items() if self.updates or kind != "former"}
        return draw_kinds(self.rng, shares, self.questions)

    def current(self) -> Asked:
        """Ask for the value that holds at the end."""
        thread = self._thread(*self._pick(RELATIONS))
        return self._about("current", thread.subject, thread.relation.current, *thread.held[-1])

    def former(self) -> Asked:
        """Ask for the value before the current one."""
        thread = self._thread(*self._pick(_CHANGING), must_change=True)
        (value, before), (_, after) = thread.held[-2:]
        return self._about("former", thread.subject, thread.relation.former, value, before + after)

    def multihop(self) -> Asked:
        """Ask for a value of somebody's boss, sibling, …, or of the boss of the sibling."""
        subject, link = self._pick(LINKS)
        thread = self._thread(subject, link)
        owner, (value, evidence) = subject, thread.held[-1]
        for links_left in reversed(range(self.rng.randrange(1, self.hops))):
            owner = f"{owner}'s {thread.relation.noun}"
            shared = _SHARED[thread.relation.name]
            relation = self._rarest([r for r in (LINKS if links_left else RELATIONS) if r.name not in shared])
            self._decoys(thread, relation)
            thread = self._thread(value, relation, avoid=thread.sessions[-1:])
            value, lines = thread.held[-1]
            evidence = evidence + lines
        return self._about("multihop", owner, thread.relation.current, value, evidence)

    def unanswerable(self) -> Asked:
        """Ask for a value that was never told, or told and withdrawn."""
        if self.rng.random() < 0.5:
            # Who only hears of an instrument may well call it the hobby.
            subject, relation = self._pick([r for r in RELATIONS if r.name != "hobby"])
            evidence = []
        else:
            thread = self._thread(*self._pick(_CHANGING), withdraw=True)
            subject, relation, evidence = thread.subject, thread.relation, thread.held[-1][1]
        text = say.say(self.rng.choice(relation.current), third(subject))
        return Asked("unanswerable", text, ABSTENTIONS, evidence)

    def count(self) -> Asked:
        """Ask how many things somebody has bought, baked, …, or how many countries they visited."""
        if self._travellers and self.rng.random() < 0.3:
            subject = self._travellers.pop()
            lines = self.story.trips(subject, self._some(7))
            text = say.say(self.rng.choice(say.TRIP_COUNT), third(subject))
            return self._sum(text, subject, lines, len(lines), "countries", ("countries", "country"))
        subject, thing = self._things.pop()
        self._things = [pair for pair in self._things if pair[1] is not thing]
        self.topics.append(thing)
        total, lines = self.story.count(subject, thing, self._some(5))
        text = say.say(self.rng.choice(say.HOW_MANY), third(subject), n=thing.noun, past=thing.past, base=thing.base)
        return self._sum(text, subject, lines, total, thing.noun, (thing.noun,))

    def _sum(self, text: str, subject: str, lines: list[Line], total: int, noun: str, cues: tuple[str, ...]) -> Asked:
        """Ask for a sum; whoever has added up remembers it in one statement."""
        added_up = Draft(subject, f"number of {noun}", str(total), lines[-1], cues=cues)
        return Asked("count", text, count_forms(total, noun), lines, in_one=(added_up,))

    def time(self) -> Asked:
        """Ask for the date of an event."""
        subject, event = self.rng.choice(self.story.cast), self._events.pop()
        self.topics.append(event)
        session = self.story.when(1)[0]
        day, told = self.story.event(subject, event, session)
        self.story.passages[session].append(Passage(subject, "event", "told", [told.source]))
        dates = tuple(replace(told, value=form) for form in date_forms(day))
        text = say.say(self.rng.choice(say.WHEN), third(subject), did=event.past, do=event.base)
        return Asked("time", text, date_forms(day), [told.source], needs=(told,), in_one=dates)

    def _about(self, category: str, owner: str, templates: tuple[str, ...], value: str, lines: list[Line]) -> Asked:
        text = say.say(self.rng.choice(templates), third(owner))
        return Asked(category, text, value_forms(value), lines)

    def _some(self, most: int) -> int:
        return self.rng.randrange(2, min(most, self.story.last) + 1)

    def _pick(self, relations: Collection[Relation]) -> tuple[str, Relation]:
        """Take somebody and a relation of which nothing is told yet, the least used relation first."""
        rarest = self._rarest([relation for _, relation in self.untold if relation in relations])
        pair = next(pair for pair in self.untold if pair[1] is rarest)
        self.untold.remove(pair)
        return pair

    def _rarest(self, relations: list[Relation]) -> Relation:
        relation = min(relations, key=lambda r: (self._uses[r.name], self.rng.random()))
        self._uses[relation.name] += 1
        return relation

    def _thread(
        self,
        subject: str,
        relation: Relation,
        *,
        must_change: bool = False,
        withdraw: bool = False,
        avoid: Collection[int] = (),
    ) -> Thread:
        """Tell of a relation with as many changes as chance will have it."""
        self.topics.append(relation)
        thread = Thread(self.story, subject, relation)
        by_others = subject not in self.story.speakers
        kinds = self._changes(relation, by_others, must_change)
        start = "slip" if by_others and self.updates and self.rng.random() < 0.15 else "state"
        beats = [beat for kind in (start, *kinds) for beat in BEATS[kind]]
        return thread.play([*beats, "withdraw"] if withdraw else beats, avoid)

    def _changes(self, relation: Relation, by_others: bool, must_change: bool) -> list[str]:
        """Choose kinds of changes; if the value must change, the last one is plain."""
        kinds = ["rumour"]
        if relation.update:
            kinds += ["update", "update", "dispute"]
            kinds += ["slip"] if by_others else []
            kinds += ["plan"] if relation.plan else []
            kinds += [] if must_change else ["detour"]
        number = self.rng.randrange(int(must_change), self.updates + 1)
        changes = self.rng.choices(kinds, k=number)
        if must_change:
            changes[-1] = "update"
        return changes

    def _decoys(self, thread: Thread, relation: Relation) -> None:
        """Tell the asked relation of the boss, flatmate, … before the current one, too."""
        _, *earlier = dict.fromkeys(person for person, _ in reversed(thread.held))
        for person in earlier:
            if self.rng.random() < 0.5:
                Thread(self.story, person, relation).play(["state"])
