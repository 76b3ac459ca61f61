"""Pick sentences of a known form out of a text: solves RULER's needles in a haystack."""

from __future__ import annotations

import re

from baselines.notes import read_notes, write_notes
from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.scoring.abstention import ABSTENTION

_NEEDLE = re.compile(r"One of the special magic \w+ for ([^:\n]+) is: ([^.\n]+)\.")
_NOTE = re.compile(r"([^:\n]+): (.+)")
_LONGEST = 160
"""Characters of a needle, at most."""


class NeedleMatcher(PhasePolicy):
    """Notes the values of the keys that the question names (of all keys, if it sees no question) and gives them.

    The end of a section is kept along, as it may hold half a needle.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a text asks for, or tells, a special magic number, word or key."""
        return "special magic" in text

    def read(self, observation: Observation) -> str:
        """Note the section's needles that are asked for."""
        lines, loose_end = read_notes(observation.memory)
        text = loose_end + observation.section
        question = observation.question
        found = [f"{key}: {value}" for key, value in _NEEDLE.findall(text) if not question or names(question, key)]
        return write_notes(dict.fromkeys([*lines, *found]), text[-_LONGEST:])

    def answer(self, observation: Observation) -> str:
        """Give all values noted for the keys in the question."""
        lines, _ = read_notes(observation.memory)
        notes = [match.groups() for match in map(_NOTE.fullmatch, lines) if match]
        values = [value for key, value in notes if names(observation.question, key)]
        return write_answer(observation, ", ".join(values) or ABSTENTION)


def names(question: str, key: str) -> bool:
    """Return whether the question names the key, as a word of its own."""
    return key in question and bool(re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", question))
