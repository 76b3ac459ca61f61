"""How one session of ``persona`` runs: who leads over to what, who asks, and what is said to what was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona import talk
from memgym.tasks.procedural.persona.matters import MATTERS, Matter
from memgym.tasks.procedural.persona.phrases import pick, third
from memgym.tasks.procedural.persona.replies import REPLIES
from memgym.tasks.procedural.persona.story import Line, Passage

_TOLD = frozenset(("told", "ask"))
"""Kinds of passages that tell something new: only there is asked back."""
_PROMPTS = {"claim": talk.WHAT_DO_YOU_HEAR, "ask": talk.WHAT_DO_YOU_WANT_TO_KNOW}
"""What leads somebody to assert or to ask."""


@dataclass(slots=True, eq=False)
class Scene:
    """Some turns about one thing, the first by the opener, the last by the other one.

    Args:
        lines: the turns.
        who: the person they are about, other than the two who talk; "" for nobody.
        about: the key in :data:`REPLIES` of what they are about; "" for nothing that is asked about.
        chain: the scenes that they go on from; empty, if they begin something new.
        echo: what the opener says to the last turn before beginning the next scene; "" for nothing.
    """

    lines: list[Line]
    who: str
    about: str
    chain: list[Scene]
    echo: str = ""


class Conversation:
    """Makes one session of what is to be told and of small talk.

    Scenes about the same person or the same kind of thing follow each other in chains; the chains come in any order.

    Args:
        rng: draws.
        speakers: the two who talk.
        names: whom small talk may mention.
        opener: who of the two begins every scene.
    """

    def __init__(self, rng: Random, speakers: Sequence[str], names: Sequence[str], opener: str):
        self.rng = rng
        self.opener = opener
        self.other = speakers[speakers[0] == opener]
        self.names = names
        self.chains: list[list[Scene]] = []
        self.frame = [
            Line(speaker, self._pick(lines).format(name=self._first(to)))
            for lines, speaker, to in (
                (talk.GREETINGS, self.opener, self.other),
                (talk.WELCOMES, self.other, self.opener),
                (talk.FAREWELLS, self.opener, self.other),
                (talk.GOODBYES, self.other, self.opener),
            )
        ]
        """Two turns of greeting and two of parting."""
        self._matters: list[Matter] = []

    def add(self, scene: Scene) -> None:
        """Let a scene take place."""
        if not scene.chain:
            self.chains.append(scene.chain)
        scene.chain.append(scene)

    def lines(self) -> list[Line]:
        """Return all turns in order."""
        self.rng.shuffle(self.chains)
        lines, echo = self.frame[:2], ""
        for scene in (*chain.from_iterable(self.chains), Scene(self.frame[2:], "", "", [])):
            scene.lines[0].text = f"{echo} {scene.lines[0].text}".strip()
            lines, echo = lines + scene.lines, scene.echo
        return lines

    def telling(self, passage: Passage) -> Scene:
        """Return a scene in which something is told: what leads to it, and what is said to it."""
        who = "" if passage.subject in (self.opener, self.other) else passage.subject
        first, last = passage.lines[0], passage.lines[-1]
        prompted = first.speaker != self.opener
        going_on = self._chain(who, passage.about) if not (prompted and passage.kind in _PROMPTS) else []
        lead = self._lead(going_on, who, passage.about, talk.LEADS if prompted else talk.LEADS + talk.NEWS)
        if passage.kind == "told" and len(passage.lines) == 1 and self.rng.random() < 0.15:
            first.text = f"{first.text} {self._pick(talk.ASIDES)}"
        before = []
        if not prompted:
            first.text = f"{lead} {first.text}".strip()
        else:
            before = [Line(self.opener, f"{lead} {self._prompt(passage, who, going_on)}".strip())]
            if passage.kind == "told" and self.rng.random() < 0.3:
                first.text = f"{self._pick(talk.ANSWERS)} {first.text}"
        after = self._replies(passage, last.speaker)
        echo = self._react(passage, self.opener) if not after and self.rng.random() < 0.7 else ""
        return Scene([*before, *passage.lines, *after], who, passage.about, going_on, echo)

    def chatting(self, pairs: int) -> Scene:
        """Return ``2 * pairs`` turns of small talk about one thing."""
        if pairs == 1 and self.rng.random() < 0.3:
            return self._mentioning()
        matter = self._matter()
        going_on = self._chain("", matter.about)
        texts = [f"{self._lead(going_on, '', matter.about, talk.LEADS)} {self._pick(matter.tells)}".strip()]
        if pairs > 1:
            texts += [self._pick([text]) for asked in self.rng.sample(matter.asks, pairs - 1) for text in asked]
        said, added, draw = self._pick(talk.CLOSES), self._pick(matter.adds), self.rng.random()
        texts.append(said if draw < 0.15 else added if draw < 0.5 else f"{said} {added}")
        speakers = [self.opener, self.other] * pairs
        return Scene([Line(*turn) for turn in zip(speakers, texts, strict=True)], "", matter.about, going_on)

    def _mentioning(self) -> Scene:
        """Return two turns that name somebody but tell nothing about them."""
        words = {"name": self.rng.choice(self.names), "subject": self.rng.choice(talk.SUBJECTS)}
        first = self._first(words["name"])
        remark, reply = (self._pick([text]).format(**words, first=first) for text in self.rng.choice(talk.MENTIONS))
        return Scene([Line(self.opener, remark), Line(self.other, reply)], words["name"], "", [])

    def _matter(self) -> Matter:
        """Choose something to chat about, preferably near to what has been talked about."""
        if not self._matters:
            self._matters = self.rng.sample(MATTERS, len(MATTERS))
        matter = self._matters[-1]
        if self.chains and self.rng.random() < 0.6:
            about = self.rng.choice(self.chains)[-1].about
            matter = next((near for near in self._matters if near.about == about), matter)
        self._matters.remove(matter)
        return matter

    def _chain(self, who: str, about: str) -> list[Scene]:
        """Find scenes to go on from: the last is about the same person or the same kind of thing."""
        near = [
            scenes
            for scenes in self.chains
            if (who and who == scenes[-1].who) or (about in REPLIES and about == scenes[-1].about)
        ]
        return self.rng.choice(near) if near and self.rng.random() < 0.8 else []

    def _lead(self, going_on: list[Scene], who: str, about: str, leads: Sequence[str]) -> str:
        """Return what leads over from the last of some scenes, or one of the ``leads``."""
        if not going_on:
            return self._pick(leads) if self.rng.random() < 0.4 else ""
        if who and going_on[-1].who == who:
            return say.say(self._pick(talk.SAME_PERSON), {}, name=self._first(who))
        about = self._pick([REPLIES[about].about])
        return say.say(self._pick(talk.SAME_THING), {}, about=about[0].lower() + about[1:])

    def _prompt(self, passage: Passage, who: str, going_on: list[Scene]) -> str:
        """Return what the opener says so that the other one begins."""
        if passage.kind in _PROMPTS:
            return self._pick(_PROMPTS[passage.kind])
        name, draw = self._first(who or self.other), self.rng.random()
        if going_on or draw < 0.6:
            named = who and going_on and going_on[-1].who == who
            forms = say.PRONOUN if named else third(name) if who else say.SECOND
            return say.say(self._pick(REPLIES[passage.about].asks), forms)
        if draw < 0.85:
            return say.say(self._pick(talk.HOW_IS if who else talk.HOW_ARE_YOU), {}, name=name)
        return self._pick(talk.WHAT_IS_NEW)

    def _replies(self, passage: Passage, teller: str) -> list[Line]:
        """Return what is said to a passage, so that the other one ends: a question and its answer, or a reaction."""
        listener = self.other if teller == self.opener else self.opener
        if passage.kind in _TOLD and self.rng.random() < 0.35:
            question, answer = self.rng.choice(REPLIES[passage.about].follows)
            yours, mine = self._forms(passage, listener), self._forms(passage, teller)
            lines = [self._said(listener, [question], yours), self._said(teller, [answer], mine)]
            if self.rng.random() < 0.3:
                lines[0].text = f"{self._pick(talk.REACTIONS['told'])} {lines[0].text}"
            heard = [self._said(listener, talk.HEARD, yours)] if teller == self.opener else []
            return [*lines, *heard]
        return [] if listener == self.opener else [Line(listener, self._react(passage, listener))]

    def _react(self, passage: Passage, listener: str) -> str:
        """Return what somebody says to what was told."""
        if passage.kind not in _TOLD:
            return self._pick(talk.REACTIONS[passage.kind])
        said, draw = self._pick(talk.REACTIONS["told"]), self.rng.random()
        peculiar = say.say(self._pick(REPLIES[passage.about].reacts), self._forms(passage, listener))
        return said if draw < 0.25 else peculiar if draw < 0.7 else f"{said} {peculiar}"

    def _forms(self, passage: Passage, speaker: str) -> Mapping[str, str]:
        """Return the forms in which somebody speaks of whom a passage is about, who has been named."""
        if passage.subject == speaker:
            return say.FIRST
        return say.SECOND if passage.subject in (self.opener, self.other) else say.PRONOUN

    def _pick(self, templates: Sequence[str]) -> str:
        return pick(self.rng, templates)

    def _said(self, speaker: str, templates: Sequence[str], forms: Mapping[str, str]) -> Line:
        return Line(speaker, say.say(self._pick(templates), forms))

    @staticmethod
    def _first(name: str) -> str:
        return name.split()[0]
