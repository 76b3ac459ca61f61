"""Remember what holds: a memory manager by rules, for ``persona``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

from baselines.lexical import Lexical
from memgym import Observation
from memgym.protocol.actions import to_json
from memgym.tasks.procedural.persona import phrases as say
from memgym.tasks.procedural.persona.pools import NUMBERS
from memgym.tasks.procedural.persona.relations import RELATIONS
from memgym.tasks.procedural.persona.ties import LINKS

_NAME = r"[A-Z][\w'-]* [A-Z][\w-]*"
_SLOTS = {
    "{S}": rf"(?P<who>I|[Yy]ou|They|{_NAME})",
    "{O}": rf"(?P<whom>me|you|{_NAME})",
    "{P}": rf"(?P<whose>[Mm]y|[Yy]our|Their|{_NAME}'s)",
    "{my}": "(?:my|your|their)",
    "{s}": "s?",
    "{es}": "(?:es)?",
    "{ies}": "(?:y|ies)",
    "{have}": "(?:have|has)",
    "{am}": "(?:am|is|are)",
    "{was}": "(?:was|were)",
    "{v}": "(?P<value>[^.!?]+?)",
    "{av}": "an? (?P<value>[^.!?]+?)",
    "{w}": "[^.!?,;]+?",
    "{aw}": "an? [^.!?,;]+?",
}
_HEARSAY = tuple(frame.partition(" {}")[0] for frame in say.HEARSAY)
_GONE = "(gone)"


class _Told(NamedTuple):
    """Whom something is told of, what, and its value: ``(gone)`` if it holds no more."""

    subject: str
    what: str
    value: str


class Diarist(Lexical):
    """Keeps what holds of whom: new values overwrite old ones, what was withdrawn is deleted, hearsay is not believed.

    What adds up is kept together, a day by its date; and the boss of a question after the boss's pet leads to the pet.
    It knows in what words ``persona`` tells things, not what is told: no gold. So it shows what a manager that
    understands its sessions can reach where the budget does not hold everything. Long texts are handled as in
    :class:`Lexical`.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a line of a text tells something, or is what :meth:`extract` makes of it."""
        keys = {what for _, what, _ in _patterns() if what}
        lines = text.splitlines()
        return any(line.partition("'s ")[2].partition(":")[0] in keys for line in lines) or any(
            pattern.search(line) for line in lines for _, _, pattern in _patterns()
        )

    def extract(self, observation: Observation) -> str:
        """Extract a short memory per thing told, of several about the same the last; all, where none is understood."""
        speakers = list(dict.fromkeys(turn.attributes["speaker"] for turn in observation.turns))
        time = observation.first("time")
        today = date.fromisoformat(time.text[:10]) if time and re.match(_DAY, time.text) else None
        topics: dict[str, tuple[str, str]] = {}
        found: dict[str, dict[str, Any]] = {}
        for turn in observation.turns:
            speaker = turn.attributes["speaker"]
            partner = next((name for name in speakers if name != speaker), "")
            for told in _read(turn.text, speaker, partner, topics):
                key, value, source = f"{told.subject}'s {told.what}", told.value, [turn.id]
                if today and re.fullmatch(_WHEN, value):
                    value = _day(value, today)
                if told.what in _ADDING and key in found:
                    value, source = f"{found[key]['value']}, {value}", [*found[key]["source"], turn.id]
                found[key] = {"key": key, "value": value, "source": source}
        return to_json({"memory_list": list(found.values())}) if found else super().extract(observation)

    def update(self, observation: Observation) -> str:
        """Write over the memory of the same key, or behind it what adds up; delete what is gone; add what is new."""
        known = {memory.attributes.get("key", ""): memory for memory in observation.memories}
        operations = []
        for candidate in observation.candidates:
            key = candidate.attributes.get("key", "")
            same, value = (known.pop(key, None) if key else None), candidate.text
            if value == _GONE:
                operations += [{"id": same.id, "op": "DELETE"}] if same else []
            elif same:
                value = f"{same.text}, {value}" if key.partition("'s ")[2] in _ADDING else value
                operations.append({"id": same.id, "op": "UPDATE", "value": value})
            else:
                operations.append({"id": candidate.id, "op": "ADD"})
        return to_json({"operations": operations})

    def retrieve(self, observation: Observation) -> str:
        """Put first what is known of whom the question names, and of the boss, sibling, … whom it leads to."""
        order = json.loads(super().retrieve(observation))
        memories = sorted(observation.memories, key=lambda memory: order.index(memory.id))
        asked, names, chosen = observation.question, set(re.findall(_NAME, observation.question)), []
        for _ in _KIN:
            for memory in memories:
                subject, _, what = memory.attributes.get("key", "").partition("'s ")
                if subject not in names or memory.id in chosen:
                    continue
                if what not in _KIN:
                    chosen.append(memory.id)
                elif what in asked:
                    chosen.insert(0, memory.id)
                    names.add(memory.text)
        return to_json([*chosen, *(name for name in order if name not in chosen)])


def _read(text: str, speaker: str, partner: str, topics: dict[str, tuple[str, str]]) -> Iterator[_Told]:
    """Yield what a turn tells; ``topics`` holds what a speaker has announced or is asked to tell of."""
    if any(mark in text for mark in _HEARSAY):
        return
    for kind, what, pattern in _patterns():
        match = pattern.search(text)
        if not match:
            continue
        parts = match.groupdict()
        named = parts.get("who") or parts.get("whom") or parts.get("whose") or "I"
        before = re.findall(_NAME, text[: match.start()]) or [partner]
        subject = {
            "i": speaker,
            "me": speaker,
            "my": speaker,
            "you": partner,
            "your": partner,
            "they": before[-1],
            "their": before[-1],
        }.get(named.lower(), named.removesuffix("'s"))
        if kind in ("topic", "ask"):
            topics[speaker if kind == "topic" else partner] = subject, what
        elif kind == "value":
            if speaker in topics:
                yield _Told(*topics.pop(speaker), parts["value"])
        else:
            yield _Told(subject, what, _GONE if kind == "gone" else parts.get("value") or match[0])
        return


@cache
def _patterns() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Return kind, what is told of, and how it is worded, what puts right before what only states."""
    found: list[tuple[str, str, re.Pattern[str]]] = []
    for relation in RELATIONS:
        about = {"{noun}": re.escape(relation.noun)}
        found += [("gone", relation.name, _pattern(text, about)) for text in say.WITHDRAWAL]
        turned = (*say.DISPUTE, *say.CORRECTION, *say.REVERT, *say.UPDATE)
        found += [("told", relation.name, _pattern(text, about)) for text in turned]
        found += [("topic", relation.name, _pattern(text, about)) for text in say.TOPIC]
        found += [("ask", relation.name, _pattern(text, about)) for text in say.ASK]
    for thing in say.COUNTABLES:
        words = {"{past}": thing.past, "{q} {n}": rf"(?P<value>\w+ {thing.noun})"}
        found += [("told", f"{thing.noun} {thing.past}", _pattern(text, words)) for text in say.COUNT]
    for event in say.EVENTS:
        words = {"{did}": re.escape(event.past), "{when}": f"(?P<value>{_WHEN})"}
        found += [("told", event.past, _pattern(text, words)) for text in say.EVENT]
    for relation in RELATIONS:
        found += [("told", relation.name, _pattern(text, {})) for text in (*relation.update, *relation.state)]
    found += [("told", "trip to", _pattern(text, {})) for text in say.TRIP]
    found += [("value", "", _pattern(text, {})) for text in (*say.TOPIC_VALUE, *say.ASK_VALUE)]
    return tuple(found)


_KIN = frozenset(link.name for link in LINKS)
_DAY = r"\d{4}-\d\d-\d\d"
_WHEN = r"on the \d+\w\w of \w+|\w+ days ago|this past \w+|today|this morning|yesterday|a week ago|two weeks ago"
_ADDING = frozenset([*(f"{thing.noun} {thing.past}" for thing in say.COUNTABLES), "trip to"])
"""What is told again and again, and adds up."""


def _pattern(template: str, words: dict[str, str]) -> re.Pattern[str]:
    """Return what finds a template of ``persona`` in a turn."""
    text = re.escape(template)
    for slot, pattern in {**_SLOTS, **words}.items():
        text = text.replace(re.escape(slot), pattern)
    return re.compile(_once(text))


def _once(pattern: str) -> str:
    """Return a pattern in which each group is named once; a second of the same name is plain."""
    seen: set[str] = set()

    def name(match: re.Match[str]) -> str:
        if match[1] in seen:
            return "(?:"
        seen.add(match[1])
        return match[0]

    return re.sub(r"\(\?P<(\w+)>", name, pattern)


def _day(when: str, today: date) -> str:
    """Return the date of a day as somebody says it ``today``; none of them is more than two weeks ago."""
    back = (today - timedelta(days=days) for days in range(16))
    if match := re.match(r"on the (\d+)", when):
        day = next(day for day in back if day.day == int(match[1]))
    elif match := re.match(r"this past (\w+)", when):
        day = next(day for day in back if day != today and f"{day:%A}" == match[1])
    elif match := re.match(r"(\w+) days ago", when):
        day = today - timedelta(days=NUMBERS.index(match[1]))
    else:
        ago = {"today": 0, "this morning": 0, "yesterday": 1, "a week ago": 7, "two weeks ago": 14}[when]
        day = today - timedelta(days=ago)
    return f"{day.day} {day:%B %Y}"
