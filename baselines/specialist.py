"""What the best rules here reach: for each kind of task those that know how it speaks."""

from __future__ import annotations

from typing import Protocol

from baselines.diarist import Diarist
from baselines.finder import Finder
from baselines.keeper import Keeper
from baselines.lexical import Lexical
from baselines.log_reader import LogReader
from baselines.needle_matcher import NeedleMatcher
from baselines.researcher import Researcher
from baselines.valet import Valet
from baselines.variable_tracer import VariableTracer
from baselines.word_counter import WordCounter
from memgym import Observation, Policy
from memgym.protocol.observation import Block


class Expert(Protocol):
    """A policy for one kind of task, which it recognises by its wording."""

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a text (a question, or what an observation shows) is of its kind of task."""

    def act(self, observation: str) -> str:
        """Return the action."""


class Specialist(Policy):
    """Hands each observation to the rules that know its kind of task; others to :class:`Lexical`.

    It reads no gold. So it stands between general rules and the ceiling: how far does one get who knows in what words a
    task speaks, but has to remember?
    """

    def __init__(self) -> None:
        self.experts: tuple[Expert, ...] = (
            NeedleMatcher(),
            VariableTracer(),
            WordCounter(),
            Finder(),
            Valet(),
            Keeper(),
            LogReader(),
            Researcher(),
            Diarist(),
        )
        self._others = Lexical()

    def act(self, observation: str) -> str:
        """Let the first expert act that recognises the question, or else what is shown."""
        parsed = Observation.parse(observation)
        shown = "\n".join(_line(block) for block in parsed.blocks if block.tag != "question")
        for text in (parsed.question, shown):
            for expert in self.experts:
                if text and expert.recognises(text):
                    return expert.act(observation)
        return self._others.act(observation)


def _line(block: Block) -> str:
    """Return a block's text, behind who says it, or behind its key."""
    head = block.attributes.get("speaker") or block.attributes.get("key")
    return f"{head}: {block.text}" if head else block.text
