"""Count words in a bounded memory: solves RULER's common and frequent words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from baselines.notes import read_notes, write_notes
from memgym import Observation, PhasePolicy
from memgym.operators.reading import write_answer
from memgym.operators.text import counter_of
from memgym.scoring.abstention import ABSTENTION

_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_LAST_WORD = re.compile(r"\S*\Z")
_NUMBERS = {word: i for i, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_QUESTION = re.compile(r"words (?:are|appear|occur)[\w ]* (?:the )?most|most (?:common|frequent)")
_ASKED = re.compile(rf"\b(\d+|{'|'.join(_NUMBERS)})\b", re.IGNORECASE)


class WordCounter(PhasePolicy):
    """Counts the lower-case words of the text and answers with the most frequent ones.

    Asked "which three ..." or "the 10 most ...", it answers with so many, else with one. The memory lists the words
    by count, highest first::

        57: lrjbnf
        31: mmlsih nfryjb

    Where not all words fit, the rarest go first, and among these the ones not seen for the longest time: a common word
    comes back before it is forgotten. A word that the end of a section may have cut off is kept along.
    """

    @staticmethod
    def recognises(text: str) -> bool:
        """Return whether a text asks for the most common or frequent words."""
        return bool(_QUESTION.search(text))

    def read(self, observation: Observation) -> str:
        """Add the section's words to the counts."""
        counts, loose_end = _recall(observation.memory)
        text = loose_end + observation.section
        cut = _LAST_WORD.search(text)
        loose_end = cut[0] if cut else ""
        add(counts, text[: len(text) - len(loose_end)])
        ranked = sorted(counts.items(), key=lambda item: -item[1])  # stable: of equals, the one seen last comes first
        if observation.budget is not None:
            ranked = ranked[: self._room(observation, observation.budget, ranked, loose_end)]
        return write_notes(_lines(ranked), loose_end)

    def answer(self, observation: Observation) -> str:
        """Return the words with the highest counts."""
        counts, loose_end = _recall(observation.memory)
        add(counts, loose_end)
        words = sorted(counts, key=lambda word: -counts[word])[: how_many(observation.question)]
        return write_answer(observation, ", ".join(words) or ABSTENTION)

    def _room(self, observation: Observation, budget: int, ranked: list[tuple[str, int]], loose_end: str) -> int:
        """Return how many of the words fit the memory budget."""

        def tokens(size: int) -> int:
            return counter.count(write_notes(_lines(ranked[:size]), loose_end))

        counter = counter_of(observation)
        return bisect_right(range(1, len(ranked) + 1), budget, key=tokens)


def add(counts: dict[str, int], text: str) -> None:
    """Add the words of ``text`` to the counts, so that the words seen last come first."""
    seen = Counter(reversed(_WORD.findall(text)))
    earlier = {word: times for word, times in counts.items() if word not in seen}
    newest = {word: counts.get(word, 0) + times for word, times in seen.items()}
    counts.clear()
    counts.update(newest | earlier)


def how_many(question: str) -> int:
    """Return the number that the question names first, 1 if none."""
    found = _ASKED.search(question)
    return _NUMBERS.get(found[1].lower()) or int(found[1]) if found else 1


def _lines(ranked: Sequence[tuple[str, int]]) -> list[str]:
    return [
        f"{times}: {' '.join([word for word, _ in group])}"
        for times, group in groupby(ranked, key=lambda item: item[1])
    ]


def _recall(memory: str) -> tuple[dict[str, int], str]:
    lines, loose_end = read_notes(memory)
    counts: dict[str, int] = {}
    for line in lines:
        times, _, words = line.partition(": ")
        if times.isdecimal():
            counts.update(dict.fromkeys(words.split(), int(times)))
    return counts, loose_end
