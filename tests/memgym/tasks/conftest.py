"""Reads chains and comparisons about invented worlds: knows the wording of the phrases, never a generator's state."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from memgym.tasks.world.phrases import SCHEMA
from memgym.tasks.world.relation import Relation

Lookup = Callable[[str, str, Relation], str | None]
"""From the name of a thing, its supposed kind and a relation to the value that the text gives, if any."""


def compiled(template: str, **groups: str) -> re.Pattern[str]:
    """Return a pattern for whole sentences in which the slots are replaced by ``groups``."""
    pattern = re.escape(template)
    for slot, group in groups.items():
        pattern = pattern.replace(re.escape(f"{{{slot}}}"), group)
    return re.compile(pattern, re.IGNORECASE)


RELATIONS = [(kind, relation) for kind, relations in SCHEMA.items() for relation in relations]
ASKS = [(kind, r, compiled(ask, x="(.+)")) for kind, r in RELATIONS for ask in r.asks]
NOUNS = [(kind, r, compiled(noun, x="(.+)")) for kind, r in RELATIONS for noun in r.nouns]
PAIRS = [
    (kind, r, sense, compiled(text, a="(.+)", b="(.+)"))
    for kind, r in RELATIONS
    for sense in ("less", "more", "same")
    for text in getattr(r, sense)
]


def read_question(question: str, lookup: Lookup) -> str | None:
    """Return the answer that follows from what ``lookup`` knows; None if nothing follows.

    The text must not be ambiguous: more than one answer is an error.
    """
    answers = {*_compared(question, lookup), *_chained(question, lookup)}
    assert len(answers) <= 1, (question, answers)
    return answers.pop() if answers else None


def _compared(question: str, lookup: Lookup) -> Iterator[str]:
    for kind, relation, sense, pattern in PAIRS:
        match = pattern.fullmatch(question)
        if not match:
            continue
        values = [lookup(name, kind, relation) for name in match.groups()]
        if None in values:
            continue
        if sense == "same":
            yield "yes" if values[0] == values[1] else "no"
        else:
            better = min if sense == "less" else max
            yield better(zip(map(int, values), match.groups(), strict=True))[1]


def _chained(question: str, lookup: Lookup) -> Iterator[str]:
    for kind, relation, pattern in ASKS:
        if match := pattern.fullmatch(question):
            for thing in _things(match[1], lookup):
                value = lookup(thing, kind, relation)
                if value is not None:
                    yield value


def _things(phrase: str, lookup: Lookup) -> Iterator[str]:
    """Yield what a noun phrase can stand for: itself, as a name, or the value at the end of a chain."""
    yield phrase
    for kind, relation, pattern in NOUNS:
        if match := pattern.fullmatch(phrase):
            for thing in _things(match[1], lookup):
                value = lookup(thing, kind, relation)
                if value is not None:
                    yield value


def statements(kind: str, relation: Relation, subject: str) -> list[re.Pattern[str]]:
    """Return patterns for the sentences that state a relation, with ``subject`` as the pattern of its subject."""
    return [compiled(text, s=f"(?P<s>{subject})", v="(?P<v>.+?)") for text in relation.statements]


def output_in_another_process(code: str) -> str:
    """Return what ``code`` prints in a fresh interpreter with another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture(scope="session")
def read() -> Callable[[str, Lookup], str | None]:
    return read_question


@pytest.fixture(scope="session")
def stated() -> Callable[[str, Relation, str], list[re.Pattern[str]]]:
    return statements


@pytest.fixture(scope="session")
def same_elsewhere() -> Callable[[str, dict, str, int], bool]:
    """Whether an episode is the same, byte for byte, in another process."""

    def check(task: str, options: dict, split: str, index: int) -> bool:
        from memgym.tasks import make_task

        code = (
            "import hashlib; from memgym.tasks import make_task; "
            f"episode = make_task({task!r}, **{options!r}).episode({split!r}, {index}); "
            "print(hashlib.sha256(repr(episode).encode()).hexdigest())"
        )
        here = repr(make_task(task, **options).episode(split, index))
        return output_in_another_process(code) == hashlib.sha256(here.encode()).hexdigest()

    return check
