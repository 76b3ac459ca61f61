"""Variable tracking: a chain of assignments scattered over noise."""

from __future__ import annotations

import numpy as np

from memgym.episodes import Fact
from memgym.tasks.procedural.ruler import symbols
from memgym.tasks.procedural.ruler.haystack import NOISE_ENDS, fill, hide, noise, random_places, section_of, sections
from memgym.tasks.procedural.ruler.parts import Parts, Subtask

HOPS = 4


class VariableTracking(Subtask):
    """One chain: a variable gets a number, the next one gets that variable, and so on for four hops."""

    running = False

    def draw(self, rng: np.random.Generator, split: str, index: int) -> Parts:
        """Return the noise with the chain in it, and the question which variables hold its value."""
        names = symbols.variables(rng, HOPS + 1, split)
        (value,) = symbols.short_numbers(rng, 1, split)
        chain = [
            f"VAR {name} = {held}" for name, held in zip(names, [value, *(f"VAR {n}" for n in names)], strict=False)
        ]
        lines = fill(noise, self.length - self.counter.count("\n".join(["", *chain])), self.counter, ends=NOISE_ENDS)
        mixed, found = hide(chain, lines, random_places(rng, len(chain), len(lines)))
        sources = [section_of(line) for line in found]
        return Parts(
            sections=sections(mixed, "\n"),
            question=f"Which variables hold the value {value}, directly or through other variables? Name them all.",
            answers=tuple(names),
            evidence=tuple(dict.fromkeys(sources)),
            facts=tuple(
                Fact(value, "held by", name, source, names=tuple(dict.fromkeys((held, value))))
                for name, held, source in zip(names, [value, *names], sources, strict=False)
            ),
        )
