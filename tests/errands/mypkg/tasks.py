"""A task with a score of its own: what is the code of a door, among the codes of others?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Episode, Question, Section
from memgym.tasks import ProceduralConfig, ProceduralTask

COLOURS = ("black", "blue", "brown", "green", "grey", "red", "white", "yellow")
DIGITS = 4


@dataclass(frozen=True)
class CodesConfig(ProceduralConfig):
    """The options of ``codes``.

    Args:
        doors: how many doors are told of, 1 to 8.
    """

    doors: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("doors", self.doors, 1, len(COLOURS))


class Codes(ProceduralTask):
    """What is the code of a door?

    Each section tells the code of another door. The score ``digits`` stands beside the official one.
    """

    name = "codes"
    source = "an example"
    Config = CodesConfig

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode of one question."""
        doors = rng.permutation(COLOURS)[: self.config.doors]
        codes = ["".join(map(str, rng.integers(10, size=DIGITS))) for _ in doors]
        asked = int(rng.integers(len(doors)))
        return Episode(
            id=f"codes-{split}-{index}",
            questions=(
                Question(
                    "q1", f"What is the code of the {doors[asked]} door?", (codes[asked],), evidence=(f"s{asked}",)
                ),
            ),
            sections=tuple(
                Section(f"s{i}", f"The code of the {door} door is {code}.")
                for i, (door, code) in enumerate(zip(doors, codes, strict=True))
            ),
        )

    def score(self, question: Question, answer: str) -> dict[str, float]:
        """Add the share of the digits that are right in their place."""
        right = sum(given == due for given, due in zip(answer, question.answers[0], strict=False))
        return {**super().score(question, answer), "digits": right / DIGITS}
