"""Keep what holds and what was done, and nothing else: reads the logs of ``trajectory``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from baselines.lexical import Lexical
from baselines.notes import read_notes, write_notes
from memgym import Observation
from memgym.operators.reading import write_answer
from memgym.protocol.actions import to_json
from memgym.scoring.abstention import ABSTENTION
from memgym.tasks.procedural.trajectory import phrases as say

_SLOTS = {
    "x": r"[a-z]+-[a-z]+",
    "s": "|".join(say.SETTINGS),
    "v": r"\d{3}[A-Za-z]*",
    "r": r"r\d+",
    "n": r"\d{3}",
    "ref": r"(?:INC|CHG)-\d+",
    "c": "|".join(say.CAUSES),
    "j": "|".join(say.JOBS),
    "t": r"TCK-\d+",
    "y": "|".join(say.SYMPTOMS),
    "f": "|".join(say.FIXES),
}
_TOLD = {
    "set": say.SET,
    "rollback": say.ROLLED_BACK,
    "deployed": say.DEPLOYED,
    "failed": say.FAILED,
    "explained": (*say.EXPLAINED["INC"], *say.EXPLAINED["CHG"]),
    "job": say.JOB_DONE,
    "opened": say.OPENED,
    "tried": say.TRIED,
}
_BRIEF = re.compile(re.escape(say.BRIEF).replace(re.escape("{mine}"), r"([a-z, -]+)"))
_REVISION = re.compile(rf"r(\d+) ({_SLOTS['v']})(?:, |$)")
_MINE = "services on call for"
_ASK = "?"
"""The value of a candidate that tells nothing: it asks the bank for the record of its key."""
_NOTHING = "nothing yet"
Notes = dict[str, str]


class LogReader(Lexical):
    """Notes what is done to the services it looks after: one note for each setting, deploy, job and ticket.

    It knows in what words ``trajectory`` tells things, not what is asked. What the revisions set is noted apart from
    what holds, so that a rollback brings it back; what explains a failure is put to the failure. In a bank each note is
    a record. Of other teams nothing is kept but what may still explain a failure to come.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a section, a session, a question or what is kept of them is of ``trajectory``."""
        told = bool(_BRIEF.search(text)) or f"{_MINE}: " in text
        return told or any(True for _ in _asked(text)) or any(True for _ in _read(text))

    def extract(self, observation: Observation) -> str:
        """Extract what is told, of whatever service: which are one's own is known in the update."""
        found = [
            {"key": key, "value": value, "source": [turn.id]}
            for turn in observation.turns
            for kind, told in _read(f"{turn.attributes['speaker']}: {turn.text}")
            for key, value in _items(kind, told)
        ]
        return to_json({"memory_list": [{"key": _MINE, "value": _ASK}, *found]})

    def update(self, observation: Observation) -> str:
        """Bring the records up to date with the candidates."""
        extracted = {candidate.attributes.get("key", ""): candidate.id for candidate in observation.candidates}
        if _MINE not in extracted:  # by others
            return super().update(observation)
        known = {memory.attributes.get("key", memory.id): memory for memory in observation.memories}
        notes = {key: memory.text for key, memory in known.items()}
        for candidate in observation.candidates:
            _note(notes, candidate.attributes.get("key", ""), candidate.text)
        operations = [{"id": memory.id, "op": "DELETE"} for key, memory in known.items() if key not in notes]
        for key, value in notes.items():
            if key not in known:
                operations.append({"id": extracted[key], "op": "ADD", "value": value})
            elif value != known[key].text:
                operations.append({"id": known[key].id, "op": "UPDATE", "value": value})
        return to_json({"operations": operations})

    def retrieve(self, observation: Observation) -> str:
        """Select the records from which the answer follows; where none has a key, as :class:`Lexical` does."""
        ids = {memory.attributes.get("key", ""): memory.id for memory in observation.memories}
        for kind, asked in _asked(observation.question):
            if any(ids):
                return to_json([ids[key] for key in _about(ids, kind, asked)])
        return super().retrieve(observation)

    def read(self, observation: Observation) -> str:
        """Bring the notes up to date with the section's whole lines; the last one may go on in the next section."""
        lines, loose_end = read_notes(observation.memory)
        whole, end, rest = (loose_end + observation.section).rpartition("\n")
        notes = _read_on(lines, whole + end)
        return write_notes((f"{key}: {value}" for key, value in notes.items()), rest)

    def answer(self, observation: Observation) -> str:
        """Answer from the notes, or the records; from records of others as :class:`Lexical` does."""
        records = {m.attributes["key"]: m for m in observation.memories if "key" in m.attributes}
        if any(memory.id for memory in observation.memories) and not records:
            return super().answer(observation)
        notes = {key: memory.text for key, memory in records.items()}
        if not records:
            lines, loose_end = read_notes(observation.memory)
            notes = _read_on(lines, f"{loose_end}\n")
        for kind, asked in _asked(observation.question):
            cited = [records[key].id for key in _about(records, kind, asked)]
            return write_answer(observation, _look_up(notes, kind, asked) or ABSTENTION, cited)
        return super().answer(observation)


def _read_on(lines: Iterable[str], text: str) -> Notes:
    """Return the notes in some lines, brought up to date with a text; what a budget cut is no note."""
    notes = {key: value for key, colon, value in (line.partition(": ") for line in lines) if colon}
    for kind, told in _read(text):
        for key, value in _items(kind, told):
            _note(notes, key, value)
    return notes


def _items(kind: str, told: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield key and value of what an observation tells; of what depends on a note before that it asks for the note."""
    name = told.get("x", "")
    if kind == "brief":
        yield _MINE, told["mine"]
    elif kind == "set":
        yield f"{name} {told['s']}", told["v"]
        yield _history(name, told["s"]), f"{told['r']} {told['v']}"
    elif kind == "rollback":
        for setting in say.SETTINGS:
            yield _history(name, setting), _ASK
            yield f"{name} {setting}", f"as of {told['r']}"
    elif kind == "deployed":
        yield f"{name} deploy {told['n']}", "ok"
    elif kind == "failed":
        yield told["ref"], _ASK
        yield f"{name} deploy {told['n']}", f"failed, {told['ref']}"
    elif kind == "explained":
        yield told["ref"], _ASK
        yield told["ref"], f"cause {told['c']}"
    elif kind == "job":
        yield f"{name} job {told['n']}", told["j"]
    elif kind == "opened":
        yield f"{name} tried for {told['t']}", _NOTHING
    else:
        yield told["t"], _ASK
        yield told["t"], told["f"]


def _history(name: str, setting: str) -> str:
    """Return the key of what revisions set, which does not hold of a service: one word, by which a bank finds it."""
    word, _, role = name.partition("-")
    return f"{role}_{word}_{setting}"


def _note(notes: Notes, key: str, value: str) -> None:
    """Bring notes up to date with one thing that is told."""
    mine = notes.get(_MINE, "").split(", ")
    owner, _, what = key.partition(" ")
    if value == _ASK:
        return
    if key == _MINE:
        notes[key] = value
    elif key.endswith(tuple(say.SETTINGS)) and not what:
        if any(key == _history(name, setting) for name in mine for setting in say.SETTINGS):
            notes[key] = f"{notes[key]}, {value}" if key in notes else value
    elif not what:
        _add(notes, key, value)
    elif value.startswith("as of "):
        revisions = _REVISION.findall(notes.get(_history(owner, what), ""))  # a budget may have cut the last
        held = [setting for revision, setting in revisions if int(revision) <= int(value[7:])]
        if held:
            notes[key] = held[-1]
    else:
        cause = notes.pop(value.removeprefix("failed, "), "")
        if owner in mine:
            notes[key] = f"{value}, {cause}" if cause else value


def _add(notes: Notes, name: str, value: str) -> None:
    """Add a fix to what was tried for a ticket, or a cause to the failure that refers to it.

    What explains a failure to come is kept apart; what explains an incident comes after it, or it is of others.
    """
    for key, noted in notes.items():
        if key.endswith(f" tried for {name}"):
            notes[key] = value if noted == _NOTHING else f"{noted}, {value}"
            return
        if noted == f"failed, {name}":
            notes[key] = f"{noted}, {value}"
            return
    if name.startswith("CHG"):
        notes[name] = value


def _about(keys: Iterable[str], kind: str, asked: dict[str, str]) -> list[str]:
    """Return the keys of the notes from which the answer to a question follows."""
    name = asked["x"]
    if kind in ("state", "tried", "cause"):
        own = {"state": asked.get("s"), "tried": f"tried for {asked.get('t')}", "cause": f"deploy {asked.get('n')}"}
        return [key for key in keys if key == f"{name} {own[kind]}"]
    told = "deploy" if kind in ("deploys", "failures") else "job"
    return sorted(key for key in keys if key.startswith(f"{name} {told} "))


def _look_up(notes: Notes, kind: str, asked: dict[str, str]) -> str:
    """Return what the notes say to a question, ``""`` if nothing."""
    found = [notes[key] for key in _about(notes, kind, asked)]
    if kind in ("deploys", "failures"):
        return str(sum(kind == "deploys" or outcome != "ok" for outcome in found))
    if kind in ("after", "before"):
        place = found.index(asked["j"]) + (1 if kind == "after" else -1) if asked["j"] in found else -1
        return found[place] if 0 <= place < len(found) else ""
    value = "".join(found)
    if kind == "cause":
        return value.partition(", cause ")[2]
    return "" if value == _NOTHING else value


def _read(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield kind and parts of what each line tells."""
    for line in text.splitlines():
        if brief := _BRIEF.search(line):
            yield "brief", {"mine": brief[1]}
        elif line.startswith("environment: "):
            yield from _match(_patterns(), line.removeprefix("environment: "))


def _asked(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for line in text.splitlines():
        yield from _match(_questions(), line)


def _match(patterns: list[tuple[str, re.Pattern[str]]], line: str) -> Iterator[tuple[str, dict[str, str]]]:
    for kind, pattern in patterns:
        if found := pattern.fullmatch(line):
            yield kind, found.groupdict()
            return


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, _pattern(text)) for kind, texts in _TOLD.items() for text in texts]


@cache
def _questions() -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, _pattern(text)) for kind, texts in say.ASK.items() for text in texts]


def _pattern(template: str) -> re.Pattern[str]:
    """Return what finds a template of ``trajectory``, its slots as groups."""
    text = re.escape(template)
    for slot, pattern in _SLOTS.items():
        text = text.replace(re.escape(f"{{{slot}}}"), f"(?P<{slot}>{pattern})")
    return re.compile(text)
