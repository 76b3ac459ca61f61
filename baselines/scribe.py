"""A teacher: what a policy would write down that knows what matters, once it has read it."""

from __future__ import annotations

import re

from baselines.oracle import Oracle, read_gold
from memgym import Observation
from memgym.scoring.phrases import contains

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_HEADER = re.compile(r"Document \d+:\n(.+)\n")


class Scribe(Oracle):
    """Copies from each section the sentences that matter into the memory, one line per passage.

    Of every passage that is evidence it keeps the first sentence and the first one that holds an answer, behind the
    passage's title if it has one. In the other phases it plays like :class:`Oracle`. Unlike the Oracle's, its
    memories can be written by an agent that sees the section only, so it can teach one.
    """

    def read(self, observation: Observation) -> str:
        """Add what the section tells to the memory."""
        gold = read_gold(observation)
        answers = [answer for question in gold["questions"] for answer in question["answers"]]
        lines = observation.memory.splitlines()
        for passage in gold["passages"]:
            title, sentences = _split(passage)
            telling = [sentence for sentence in sentences if any(contains(sentence, answer) for answer in answers)]
            kept = [sentence for sentence in (sentences[:1] + telling[:1]) if sentence in observation.section]
            line = title + " ".join(dict.fromkeys(kept))
            if kept and line not in lines:
                lines.append(line)
        return "\n".join(lines)


def _split(passage: str) -> tuple[str, list[str]]:
    """Return a passage's title with a colon, ``""`` without one, and its sentences."""
    header = _HEADER.match(passage)
    title = f"{header[1]}: " if header else ""
    return title, _SENTENCE.split(passage[header.end() if header else 0 :].strip())
