"""Keep the sentences that tell where the thing asked for is: solves ``whereabouts`` and its ladder."""

from __future__ import annotations

import re

import numpy as np

from memgym import Observation, PhasePolicy, StochasticPolicy
from memgym.operators.reading import write_answer
from memgym.scoring.abstention import ABSTENTION
from memgym.words import sentences

_ASKED = re.compile(
    r"^(?:Where|In which place) (?:is|was|can one find) the \w+(?: now| previous [\w ]+)?\?$", re.MULTILINE
)
_THING = re.compile(r"\bthe (\w+)")
_PLACE = re.compile(r"(\w+)\W*\Z")


class Finder(PhasePolicy, StochasticPolicy):
    """Keeps for each question a sentence that mentions the thing asked for, and answers with its last word.

    Of a place that is some places back it keeps as many sentences as that takes.

    Args:
        newest: whether it keeps the newest such sentence, as it should; else any of them, drawn at random: it then
            knows what is asked for, but not that later news overtake earlier ones.
    """

    def __init__(self, newest: bool = True):
        self.newest = newest

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a text asks where a thing is."""
        return bool(_ASKED.search(text))

    def act(self, observation: str, seed: int = 0) -> str:
        """Keep the newest mention, or one drawn by the seed; the other phases draw nothing."""
        parsed = Observation.parse(observation)
        if parsed.phase != "read":
            return super().act(observation)
        draw = np.random.default_rng(seed)
        kept: list[str] = []
        for question in parsed.question.splitlines():
            found = _mentions(question, parsed.memory) + _mentions(question, parsed.section)
            if found and self.newest:
                kept += found[-1 - _back(question) :]
            elif found:
                kept.append(found[draw.integers(len(found))])
        return "\n".join(kept) or parsed.memory

    def answer(self, observation: Observation) -> str:
        """Answer with the last word of the last sentence that mentions the thing, or of one so many before it."""
        found = _mentions(observation.question, observation.memory)
        back = _back(observation.question)
        place = _PLACE.search(found[max(0, len(found) - 1 - back)] if found else observation.memory)
        return write_answer(observation, place[1] if place else ABSTENTION)


def _back(question: str) -> int:
    """Return how many places back the place is that is asked for."""
    return question.count("previous")


def _mentions(question: str, text: str) -> list[str]:
    """Return the sentences of a text that mention the thing asked for."""
    thing = _THING.search(question)
    if not thing:
        return []
    return [line for line in sentences(text) if re.search(rf"\b{thing[1]}\b", line)]
