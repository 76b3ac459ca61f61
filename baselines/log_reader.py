"""Keep what holds and what was done, and nothing else: reads the logs of ``trajectory``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from baselines.lexical import Lexical
from baselines.notes import read_notes, write_notes
from memgym import Observation
from memgym.operators.reading import write_answer
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
    "f": "|".join(say.FIXES),
}
_TOLD = {
    "set": say.SET,
    "rollback": say.ROLLED_BACK,
    "deployed": say.DEPLOYED,
    "failed": say.FAILED,
    "explained": (*say.EXPLAINED["INC"], *say.EXPLAINED["CHG"]),
    "job": say.JOB_DONE,
    "tried": say.TRIED,
}
_BRIEF = re.compile(re.escape(say.BRIEF).replace(re.escape("{mine}"), r"([a-z, -]+)"))
Notes = dict[str, str]


class LogReader(Lexical):
    """Notes what is done to the services it looks after: values, deploys, jobs in order, fixes; causes of whatever.

    It knows in what words ``trajectory`` tells things, not what is asked. What each revision set is noted apart from
    what holds, so that a rollback brings it back. A bank is handled as in :class:`Lexical`.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a section, session or question is of ``trajectory``."""
        return bool(_BRIEF.search(text)) or any(True for _ in _asked(text)) or any(True for _ in _read(text))

    def read(self, observation: Observation) -> str:
        """Bring the notes up to date with the section's whole lines; the last one may go on in the next section."""
        lines, loose_end = read_notes(observation.memory)
        notes = dict(line.split(": ", 1) for line in lines)
        text = loose_end + observation.section
        whole, end, rest = text.rpartition("\n")
        for kind, told in _read(whole + end):
            _note(notes, kind, told)
        return write_notes((f"{key}: {value}" for key, value in notes.items()), rest)

    def answer(self, observation: Observation) -> str:
        """Answer from the notes; from a bank as :class:`Lexical` does."""
        if "memory" not in {block.tag for block in observation.blocks} or any(m.id for m in observation.memories):
            return super().answer(observation)
        lines, loose_end = read_notes(observation.memory)
        notes = dict(line.split(": ", 1) for line in lines)
        for kind, told in _read(loose_end + "\n"):
            _note(notes, kind, told)
        for kind, asked in _asked(observation.question):
            return write_answer(observation, _look_up(notes, kind, asked) or ABSTENTION)
        return super().answer(observation)


def _note(notes: Notes, kind: str, told: dict[str, str]) -> None:
    """Bring notes up to date with one observation."""
    if kind == "brief":
        notes["mine"] = told["mine"]
        return
    mine = notes.get("mine", "").split(", ")
    name = told.get("x", "")
    if name and name not in mine:
        return
    place = f"#{mine.index(name)}" if name else ""
    if kind == "set":
        notes[f"{name} {told['s']}"] = told["v"]
        notes[f"{place} {told['r']}"] = f"{told['s']} {told['v']}"
    elif kind == "rollback":
        for key, value in list(notes.items()):
            owner, _, revision = key.partition(" ")
            if owner == place and int(revision[1:]) <= int(told["r"][1:]):
                setting, _, held = value.partition(" ")
                notes[f"{name} {setting}"] = held
    elif kind == "deployed":
        notes[f"{name} deploy {told['n']}"] = "ok"
    elif kind == "failed":
        cause = notes.pop(told["ref"], "")
        notes[f"{name} deploy {told['n']}"] = f"failed, {told['ref']}{cause and f', {cause}'}"
    elif kind == "explained":
        _explain(notes, told["ref"], f"cause {told['c']}")
    elif kind == "job":
        done = notes.get(f"{name} jobs")
        notes[f"{name} jobs"] = f"{done + ', ' if done else ''}{told['n']} {told['j']}"
    else:
        tried = notes.get(f"{told['t']} tried")
        notes[f"{told['t']} tried"] = f"{tried + ', ' if tried else ''}{told['f']}"


def _explain(notes: Notes, reference: str, cause: str) -> None:
    """Put a cause behind the failure that refers to it, else keep it apart."""
    for key, value in notes.items():
        if value == f"failed, {reference}":
            notes[key] = f"{value}, {cause}"
            return
    notes[reference] = cause


def _look_up(notes: Notes, kind: str, asked: dict[str, str]) -> str:
    """Return what the notes say to a question, ``""`` if nothing."""
    name = asked["x"]
    if kind == "state":
        return notes.get(f"{name} {asked['s']}", "")
    if kind == "cause":
        return notes.get(f"{name} deploy {asked['n']}", "").partition(", cause ")[2]
    if kind in ("deploys", "failures"):
        outcomes = [value for key, value in notes.items() if key.startswith(f"{name} deploy ")]
        return str(sum(kind == "deploys" or value != "ok" for value in outcomes))
    if kind == "tried":
        return notes.get(f"{asked['t']} tried", "")
    jobs = [job.partition(" ")[2] for job in notes.get(f"{name} jobs", "").split(", ")]
    place = jobs.index(asked["j"]) + (1 if kind == "after" else -1) if asked["j"] in jobs else -1
    return jobs[place] if 0 <= place < len(jobs) else ""


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
