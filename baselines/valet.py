"""Remember who likes what on which occasion: solves ``preference``."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from baselines.lexical import Lexical
from memgym import Observation
from memgym.operators.reading import write_answer
from memgym.protocol.actions import to_json
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.procedural.persona.pools import FIRST_NAMES
from memgym.tasks.procedural.preference.domains import DOMAINS, HOW, Domain, Occasion

_LINE = re.compile(r"([A-Z][\w'-]* [A-Z][\w-]*): (.+)")
_REPLY = re.compile(r"\(([a-d])\) (.+)")
_NOTE = re.compile(r"(\w+) (.+?): (.+)")


class _Taste(NamedTuple):
    """First name of whom, on what occasion, and what they like."""

    who: str
    when: str
    value: str


class Valet(Lexical):
    """Notes what somebody likes on an occasion, over what was noted before, and picks the replies that offer it.

    It knows in what words ``preference`` tells and asks, not what is told: no gold. What else is said it forgets.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a section, a session, a question or what is kept of them is of ``preference``."""
        occasions = {occasion.when for _, occasion in _occasions()}
        noted = any(key.partition(" ")[2] in occasions for key, _ in _notes(text))
        return HOW in text or noted or any(_LINE.fullmatch(line) and _told(line) for line in text.splitlines())

    def read(self, observation: Observation) -> str:
        """Write the tastes told over those noted."""
        notes = dict(_notes(observation.memory))
        for line in observation.section.splitlines():
            if taste := _told(line):
                notes[f"{taste.who} {taste.when}"] = taste.value
        return "\n".join(f"{key}: {value}" for key, value in notes.items())

    def extract(self, observation: Observation) -> str:
        """Extract whose tastes are told, of several about the same the last."""
        found = {}
        for turn in observation.turns:
            if taste := _told(f"{turn.attributes['speaker']}: {turn.text}"):
                key = f"{taste.who} {taste.when}"
                found[key] = {"key": key, "value": taste.value, "source": [turn.id]}
        return to_json({"memory_list": list(found.values())})

    def update(self, observation: Observation) -> str:
        """Write over the memory of the same key; add what is new."""
        known = {memory.attributes["key"]: memory.id for memory in observation.memories if "key" in memory.attributes}
        operations = []
        for candidate in observation.candidates:
            same = known.pop(candidate.attributes.get("key", ""), None)
            operation = {"id": same, "op": "UPDATE", "value": candidate.text} if same else None
            operations.append(operation or {"id": candidate.id, "op": "ADD"})
        return to_json({"operations": operations})

    def retrieve(self, observation: Observation) -> str:
        """Put first what is noted of the two moments, and nothing beside it."""
        wanted = _moments(observation.question)
        return to_json([m.id for m in observation.memories if m.attributes.get("key", "") in wanted])

    def answer(self, observation: Observation) -> str:
        """Name the replies that offer what is noted of the two moments."""
        notes = dict(_notes(observation.memory))
        for memory in observation.memories:
            if "key" in memory.attributes:
                notes[memory.attributes["key"]] = memory.text
        replies = _REPLY.findall(observation.question)
        liked = [notes.get(key) for key in _moments(observation.question)]
        letters = [letter for value in liked for letter, reply in replies if value and _has(reply, value)]
        return write_answer(observation, ", ".join(letters) if len(letters) == 2 else ABSTENTION)


def _notes(memory: str) -> list[tuple[str, str]]:
    return [(f"{m[1]} {m[2]}", m[3]) for m in map(_NOTE.fullmatch, memory.splitlines()) if m]


def _told(line: str) -> _Taste | None:
    """Return the taste that a turn tells, if it tells one."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    speaker, text = match.groups()
    for domain, occasion in _occasions():
        if occasion.when.lower() not in text.lower():
            continue
        values = [value for value in domain.pool if _has(text, value)]
        if values:
            value = next((v for v in values if not re.search(_old(v), text)), values[0])
            return _Taste(_whom(text, speaker), occasion.when, value)
    return None


@cache
def _occasions() -> tuple[tuple[Domain, Occasion], ...]:
    return tuple((domain, occasion) for domain in DOMAINS for occasion in domain.occasions)


def _has(text: str, value: str) -> bool:
    return bool(re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text, re.IGNORECASE))


def _old(value: str) -> str:
    """Return what finds in an update that a value is the one before."""
    return rf"(?:no longer|no more|gone off|swapped) {re.escape(value)}(?![\w-])"


def _whom(text: str, speaker: str) -> str:
    """Return the first name of whom a turn is about: somebody whom it names, else whoever speaks."""
    named = [word for word in re.findall(r"\w+", text) if word in FIRST_NAMES]
    return named[0] if named else speaker.split()[0]


def _moments(question: str) -> list[str]:
    """Return the keys of the notes that the two moments of a question take, in their order."""
    name = re.search(r"(?:with|meet|of) (\w+) \w", question)
    if not name:
        return []
    scenes = {f"{name[1]} {occasion.when}": occasion.scene.format(n=name[1]) for _, occasion in _occasions()}
    places = {key: question.index(scene) for key, scene in scenes.items() if scene in question}
    return sorted(places, key=places.__getitem__)
