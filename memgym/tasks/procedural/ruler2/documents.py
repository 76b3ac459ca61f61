"""Question answering over documents with numbers of 7 digits: the qa tasks of RULER v2."""

from __future__ import annotations

import numpy as np

from memgym.episodes import Fact, Section
from memgym.tasks.procedural.multihop import Multihop
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.procedural.ruler.parts import Parts, Subtask
from memgym.tokens import get_counter

ASKS = {
    "qa_basic": "Which document of the text says the following? Answer with its number alone.\n{document}",
    "qa_easy": "Which document answers this question? Answer with its number alone.\n{question}",
    "qa_medium": "First copy the documents that tell the answer. Then give it, after an empty line.\n{question}",
    "qa_hard": "{question}",
}
WHICH = ("qa_basic", "qa_easy")
"""The tasks that ask for the number of a document."""


class NumberedDocuments(Subtask):
    """Documents of the task ``multihop`` under other numbers, and a question on one of them or across two."""

    def __init__(self, subtask: str, length: int, counter: str):
        super().__init__(length, get_counter(counter))
        self._ask, self._which = ASKS[subtask], subtask in WHICH
        # no comparisons: some are answered by "no", which is in "unknown"
        options = {"difficulty": "medium", "counter": counter, "hops": 1 if self._which else 2, "comparison": 0.0}
        longer = self._longer(Multihop(length=length, **options).documents())
        self._task = Multihop(length=length - longer, **options)

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the documents of a ``multihop`` episode, and the question which it is, or what it says."""
        episode = self._task.generate(rng, split, index)
        (asked,) = episode.questions
        numbers = symbols.numbers(rng, len(episode.sections), split)
        bodies = {section.id: section.text.partition("\n")[2] for section in episode.sections}
        sections = tuple(
            Section(section.id, f"Document {number}:\n{bodies[section.id]}")
            for number, section in zip(numbers, episode.sections, strict=True)
        )
        first = asked.evidence[0]
        text = self._ask.format(document=bodies[first], question=asked.text)
        if not self._which:
            return Parts(sections, text, asked.answers, asked.evidence, "any", episode.facts)
        title, number = bodies[first].partition("\n")[0], numbers[int(first.removeprefix("doc")) - 1]
        return Parts(sections, text, (number,), (first,), "any", (Fact(title, "document", number, first),))

    def _longer(self, documents: int) -> int:
        """Return by how many tokens the headers of the documents are longer than those of ``multihop``."""
        short = "\n\n".join([f"Document {number}:" for number in range(1, documents + 1)])
        long = "\n\n".join(["Document 1000000:"] * documents)
        return self.counter.count(long) - self.counter.count(short)
