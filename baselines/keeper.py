"""Keep of each fact what holds, and of what is to be forgotten nothing: a memory by rules, for ``lifecycle``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from typing import NamedTuple

from baselines.notes import read_notes, write_notes
from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.protocol.actions import to_json
from memgym.protocol.observation import Block
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.procedural.lifecycle import phrases as words
from memgym.tasks.procedural.lifecycle.topics import TOPICS
from memgym.tasks.procedural.persona.phrases import FIRST, say, third
from memgym.tasks.procedural.persona.pools import MONTHS

_NAME = r"[A-Z][\w-]+ [A-Z][\w-]+"
_VALUE = r"[\w'-]+(?: [\w'-]+)*?"
_NOUN = "|".join(topic.noun for topic in TOPICS)
_SLOTS = {"v": "Valueslot", "av": "a Valueslot", "w": "Wrongslot", "d": "Dayslot", "noun": "Nounslot"}
_DAY = r"the (?P<day>\d+)\w\w of (?P<month>[A-Z][a-z]+)(?: (?P<year>\d{4}))?"
_HEADER = re.compile(r"\[(\d{4}-\d\d-\d\d)")
_NOTE = re.compile(r"(.+?'s .+?): (.+)")
_GONE = "(gone)"
_UNTIL = " until "
_TODAY = "today's date"
_LEAP = 9
"""Years among which one is a leap year, be there a century without one between them."""
_LONG = 25
"""Letters of a reply that others do not give by chance, at least."""


class _Told(NamedTuple):
    """Under which key something is noted, and its value: ``(gone)`` if nothing is to be kept of it."""

    key: str
    value: str


class Keeper(PhasePolicy):
    """Keeps one record of each thing that holds of somebody: what is new goes over what was, and what is not is left.

    What holds up to a day has a record of its own, which goes when the day has passed; what is to be forgotten goes at
    once; plans, wishes, denials and repetitions change nothing. It knows in what words ``lifecycle`` speaks, not what
    is told: no gold.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a section, a session, a question or what is kept of them is of ``lifecycle``."""
        return f"{_TODAY}: {_UNTIL.strip()}" in text or _own().search(text) is not None

    def extract(self, observation: Observation) -> str:
        """Extract what each turn tells; and today's date, which finds what has expired."""
        today = _date(observation.time)
        found: dict[str, dict[str, object]] = {}
        for turn in observation.turns:
            for told in _read(turn.text, turn.attributes["speaker"], today):
                found[told.key] = {"key": told.key, "value": told.value, "source": [turn.id]}
        return to_json({"memory_list": [*found.values(), {"key": _TODAY, "value": f"{_UNTIL.strip()} {today}"}]})

    def update(self, observation: Observation) -> str:
        """Write over the record of the same key, add what is new, and delete what is gone or has expired."""
        today = _date(observation.time)
        known = {told.key: (memory, told.value) for memory in observation.memories if (told := _noted(memory, today))}
        expired = [known.pop(key)[0] for key in list(known) if _expired(key, today)]
        operations = [{"id": memory.id, "op": "DELETE"} for memory in expired]
        for candidate in observation.candidates:
            told = _noted(candidate, today)
            if not told or told.key == _TODAY:
                continue
            same, before = known.pop(told.key, (None, ""))
            if told.value == _GONE:
                operations += [{"id": same.id, "op": "DELETE"}] if same else []
            elif same and before != told.value:
                operations.append({"id": same.id, "op": "UPDATE", "value": candidate.text})
            elif not same:
                operations.append({"id": candidate.id, "op": "ADD"})
        return to_json({"operations": operations})

    def retrieve(self, observation: Observation) -> str:
        """Select the one record that answers the question."""
        notes = {memory.attributes.get("key", ""): memory for memory in observation.memories}
        chosen = _about(observation.question, notes, _date(_asked_at(observation)))
        return to_json([notes[chosen].id] if chosen else [])

    def read(self, observation: Observation) -> str:
        """Change the notes as the section tells; of what is asked for alone, if that is known."""
        lines, loose_end = read_notes(observation.memory)
        notes = {match[1]: match[2] for match in map(_NOTE.fullmatch, lines) if match}
        whole, _, rest = (loose_end + observation.section).rpartition("\n")
        today = _date(notes.pop(_TODAY, ""))
        for line in whole.splitlines():
            if header := _HEADER.match(line):
                today = date.fromisoformat(header[1])
            speaker, _, text = line.partition(": ")
            for told in _read(text, speaker, today):
                notes[told.key] = told.value
        asked = {key for question in observation.question.splitlines() for key in _key_of(question)}
        kept = {
            key: value
            for key, value in notes.items()
            if value != _GONE and not _expired(key, today) and (not asked or key.partition(_UNTIL)[0] in asked)
        }
        return write_notes([f"{key}: {value}" for key, value in [*kept.items(), (_TODAY, str(today))]], rest)

    def answer(self, observation: Observation) -> str:
        """Answer from the note of what is asked for, and of two from that which holds up to a day."""
        if observation.memories and "key" in observation.memories[0].attributes:
            notes = {memory.attributes.get("key", ""): memory.text for memory in observation.memories}
        else:
            last = f"{observation.memory}\n"  # the end of the text may be a note that was not read yet
            notes = {match[1]: match[2] for match in map(_NOTE.fullmatch, last.splitlines()) if match}
        chosen = _about(observation.question, notes, _date(_asked_at(observation)))
        cited = [memory.id for memory in observation.memories if memory.attributes.get("key") == chosen]
        return write_answer(observation, notes[chosen] if chosen else ABSTENTION, cited if chosen else ())


def _noted(block: Block, today: date) -> _Told | None:
    """Return what a candidate or a memory tells, by its key, or where whoever extracted it gave none by its words."""
    if key := block.attributes.get("key", ""):
        return _Told(key, block.text)
    speaker, _, said = block.text.partition(": ")
    then = block.attributes.get("time", "")
    return next(_read(said, speaker, _date(then) if then else today), None)


def _about(question: str, notes: Mapping[str, object], today: date) -> str:
    """Return the key of the note that answers a question, ``""`` if none does."""
    wanted = _key_of(question)
    lent = [key for key in notes if key.partition(_UNTIL)[0] in wanted and _UNTIL in key and not _expired(key, today)]
    return next((key for key in (*lent, *wanted) if key in notes), "")


def _asked_at(observation: Observation) -> str:
    question = observation.first("question")
    return question.attributes.get("time", "") if question else ""


def _date(time: str) -> date:
    match = re.search(r"\d{4}-\d\d-\d\d", time)
    return date.fromisoformat(match[0]) if match else date.min


def _expired(key: str, today: date) -> bool:
    _, until, day = key.partition(_UNTIL)
    return bool(until) and _date(day) < today


def _read(text: str, speaker: str, today: date) -> Iterator[_Told]:
    """Yield what a turn tells."""
    for kind, noun, pattern in _patterns():
        match = pattern.search(text)
        if not match:
            continue
        parts = match.groupdict()
        key = f"{parts.get('who') or speaker}'s {noun or parts['noun']}"
        if kind == "forget":
            yield _Told(key, _GONE)
        elif kind == "loan":
            if day := _day(parts, today):
                yield _Told(f"{key}{_UNTIL}{day}", parts["v"])
        elif kind == "tell":
            yield _Told(key, parts["v"])
        return


def _day(parts: Mapping[str, str], today: date) -> date | None:
    """Return the date that is meant today: without a year, the next day of that name; None if there is no such day."""
    if parts["month"] not in MONTHS:
        return None
    this_year = max(1, today.year)
    years = [int(parts["year"])] if parts["year"] else range(this_year, this_year + _LEAP)
    for year in years:
        with suppress(ValueError):  # no leap year
            day = date(year, MONTHS.index(parts["month"]) + 1, int(parts["day"]))
            if parts["year"] or day >= today:
                return day
    return None


@cache
def _patterns() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Return what a wording does, the topic that it is of (``""``: it names it), and how it is found."""
    found = [("", "", text) for text in (*words.DENY, *words.CANCEL)]
    found += [("tell", "", text) for text in words.CORRECT] + [("forget", "", text) for text in words.FORGET]
    for topic in TOPICS:
        found += [("", topic.noun, text) for text in (*topic.plan, *topic.dream)]
        found += [("loan", topic.noun, text) for text in topic.loan]
        found += [("tell", topic.noun, text) for text in (*topic.update, *topic.state)]
    persons = (FIRST, third("Whoslot"))
    return tuple(
        (kind, noun, re.compile(f"(?:^|[ :]){_pattern(text, person)}$"))
        for kind, noun, text in found
        for person in persons
    )


@cache
def _questions() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the topic and the pattern of each question."""
    person = third("Whoslot")
    return tuple((topic.noun, re.compile(_pattern(text, person))) for topic in TOPICS for text in topic.ask)


def _key_of(question: str) -> list[str]:
    """Return the key of what is asked for, if the question is understood."""
    asked = ((noun, pattern.search(question)) for noun, pattern in _questions())
    return [f"{match['who']}'s {noun}" for noun, match in asked if match][:1]


def _pattern(template: str, person: dict[str, str]) -> str:
    """Return the pattern of a template, which may stand behind something that leads to it."""
    text = re.escape(say(template, person, **_SLOTS))
    text = re.sub("^(?!\\w+slot)[A-Z](?=[a-z])", lambda match: f"[{match[0]}{match[0].lower()}]", text)
    values = {"Valueslot": f"(?P<v>{_VALUE})", "Wrongslot": _VALUE, "Nounslot": f"(?P<noun>{_NOUN})", "Dayslot": _DAY}
    text = text.replace(r"a\ Valueslot", r"an?\ Valueslot")
    for slot, pattern in values.items():
        text = text.replace(slot, pattern)
    return text.replace("Whoslot", f"(?P<who>{_NAME})", 1).replace("Whoslot", "(?P=who)")


@cache
def _own() -> re.Pattern[str]:
    """Return what is found in sessions and questions of ``lifecycle``, and in no other task's."""
    replies = [text for kind in words.REPLIES.values() for text in kind if len(text) >= _LONG]
    texts = [*words.FRAMES, *replies, *(text for request in words.REQUESTS for text in request)]
    return re.compile("|".join(re.sub(r"\\{\w+\\}", "[a-z ]+", re.escape(text)) for text in texts))
