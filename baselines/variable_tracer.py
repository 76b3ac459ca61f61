"""Follow assignments from variable to variable: solves RULER's variable tracking."""

from __future__ import annotations

import re

from baselines.notes import read_notes, write_notes
from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.scoring.abstention import ABSTENTION

_ASSIGNMENT = re.compile(r"\bVAR (\w+) = (?:VAR )?(\w+)(?=\s)")
_NOTE = re.compile(r"(\w+) = (\w+)")
_VALUE = re.compile(r"\b\d+\b")
_LONGEST = 60
"""Characters of an assignment, at most."""


class VariableTracer(PhasePolicy):
    """Notes all assignments (``VAR A = 12345``, ``VAR B = VAR A``) and names the variables with the value asked for.

    The assignments may come in any order. The end of a section is kept along, as it may hold half an assignment.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a text asks for variables, or assigns one."""
        return "variables hold the value" in text or bool(_ASSIGNMENT.search(text))

    def read(self, observation: Observation) -> str:
        """Add the section's assignments to the notes."""
        assigned, loose_end = _recall(observation.memory)
        text = loose_end + observation.section
        assigned.update(_ASSIGNMENT.findall(text))
        return write_notes([f"{name} = {held}" for name, held in assigned.items()], text[-_LONGEST:])

    def answer(self, observation: Observation) -> str:
        """Name all variables that hold the number in the question."""
        assigned, loose_end = _recall(observation.memory)
        assigned.update(_ASSIGNMENT.findall(loose_end + "\n"))
        value = _VALUE.search(observation.question)
        names = holders(assigned, value[0]) if value else []
        return write_answer(observation, ", ".join(names) or ABSTENTION)


def holders(assigned: dict[str, str], value: str) -> list[str]:
    """Return the variables that hold ``value``, directly or through others, the direct ones first."""
    found = [value]
    for held in found:  # grows while it is walked through
        found += [name for name, source in assigned.items() if source == held and name not in found]
    return found[1:]


def _recall(memory: str) -> tuple[dict[str, str], str]:
    lines, loose_end = read_notes(memory)
    return {match[1]: match[2] for match in map(_NOTE.fullmatch, lines) if match}, loose_end
