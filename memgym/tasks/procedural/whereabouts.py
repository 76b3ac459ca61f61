"""``whereabouts``: a log of things that are carried from place to place; where is one of them in the end?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import ClassVar

import numpy as np

from memgym.checks import check_int
from memgym.episodes import Episode, Fact, Question, Section
from memgym.scoring.guesses import Pools
from memgym.tasks.base import SPLITS
from memgym.tasks.procedural.base import ProceduralConfig, ProceduralTask
from memgym.tasks.world.names import fast_random

THINGS = tuple(
    "anchor axe banjo basket bell book bottle broom bucket button camera candle chair clock coin compass "
    "crown cup drum fan feather fiddle flag flute guitar hammer hat helmet kettle key kite ladder lantern "
    "letter map mask medal mirror necklace painting pearl ring rope saddle sword teapot umbrella vase".split()
)
PLACES = tuple(
    "abbey attic bakery balcony barn basement bridge cabin castle cave cellar chapel cinema cottage dairy "
    "farm ferry forge fountain gallery garage garden harbour hotel island kitchen library lighthouse market "
    "mill museum office orchard palace pantry park pond quarry school shed stable station studio tavern "
    "temple theatre tower well".split()
)
MOVE = "{thing} to {place}."
QUIET = "nothing was moved."
QUESTIONS = (
    "Where is the {thing}?",
    "Where is the {thing} now?",
    "In which place is the {thing}?",
    "Where can one find the {thing}?",
)


@dataclass(frozen=True)
class WhereaboutsConfig(ProceduralConfig):
    """The options of ``whereabouts``.

    Args:
        moves: lines of the log that tell of a move.
        quiet: further lines, in which nothing happens.
        things: things that are moved, each at least once.
        stops: how often at least a thing is moved that is asked for; more than ``moves - things`` cannot be.
        questions: things asked for.

    Raises:
        ConfigError: an option does not fit.
    """

    moves: int = 12
    quiet: int = 0
    things: int = 4
    stops: int = 2
    questions: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("things", self.things, 1, len(THINGS) // 2)
        check_int("quiet", self.quiet, 0)
        check_int("questions", self.questions, 1, self.things)
        check_int("stops", self.stops, 1, len(PLACES))
        least = self.things + self.questions * (self.stops - 1)
        check_int("moves", self.moves, least, self.things * len(PLACES))


class Whereabouts(ProceduralTask):
    """Where is a thing in the end, after it and others were carried from place to place?

    The text is a log: each line, such as ``lantern to attic.``, tells of one move, or of none, and is a section
    ``line1``, ``line2``, ... Later moves overtake earlier ones. Evidence is the last move of the thing asked for; gold
    facts hold until the thing's next move. A thing is never at the same place twice.

    The vocabulary is small and closed (the constants of this module), so that even a model of a million parameters can
    learn the task. Splits are disjoint all the same: **no log has the same things and the same first place as a log of
    another split**.

    The official score ``answer`` is the exact match of the place.
    """

    name = "whereabouts"
    source = "procedural, after the tasks 1 and 2 of bAbI (Weston et al. 2015, arXiv 1502.05698)"
    Config = WhereaboutsConfig
    pools: ClassVar[Pools] = {"place": PLACES}

    def generate(self, rng: np.random.Generator, split: str, index: int) -> Episode:
        """Return an episode whose sections are moves, with gold facts and evidence."""
        draw = fast_random(rng)
        things = draw.sample(THINGS, self.config.things)
        asked = things[: self.config.questions]
        stops = {thing: draw.sample(PLACES, len(PLACES)) for thing in things}
        order = self._order(draw, things, asked)
        _put_first(draw, stops[order[0]], split, things)
        lines = draw.sample([True] * len(order) + [False] * self.config.quiet, len(order) + self.config.quiet)
        sections: list[Section] = []
        facts: dict[str, list[Fact]] = {thing: [] for thing in things}
        moves = iter(order)
        for number, moved in enumerate(lines, 1):
            text = QUIET
            if moved:
                thing = next(moves)
                facts[thing].append(Fact(thing, "place", stops[thing][len(facts[thing])], f"line{number}"))
                text = MOVE.format(thing=thing, place=facts[thing][-1].value)
            sections.append(Section(f"line{number}", text))
        return Episode(
            id=f"{self.name}-{split}-{index}",
            questions=tuple(self.question(draw, f"q{i}", facts[thing]) for i, thing in enumerate(asked, 1)),
            sections=tuple(sections),
            facts=tuple(fact for told in facts.values() for fact in _until_overtaken(told)),
        )

    def question(self, draw: Random, question_id: str, told: list[Fact]) -> Question:
        """Return the question for a thing of which some moves are told, in their order."""
        text = draw.choice(QUESTIONS).format(thing=told[-1].subject)
        return Question(question_id, text, answers=(told[-1].value,), evidence=(told[-1].source,))

    def _order(self, draw: Random, things: list[str], asked: list[str]) -> list[str]:
        """Return which thing each move is about."""
        moved = [*things, *asked * (self.config.stops - 1)]
        spare = [thing for thing in things for _ in range(len(PLACES) - moved.count(thing))]
        moved += draw.sample(spare, self.config.moves - len(moved))
        return draw.sample(moved, len(moved))


def _put_first(draw: Random, places: list[str], split: str, things: list[str]) -> None:
    """Put a place first that belongs to the split: its number and those of the things, modulo three, say which."""
    numbers = sum(map(THINGS.index, things))
    first = draw.choice(PLACES[(SPLITS.index(split) - numbers) % len(SPLITS) :: len(SPLITS)])
    places.remove(first)
    places.insert(0, first)


def _until_overtaken(told: list[Fact]) -> list[Fact]:
    ends = [following.source for _, following in pairwise(told)]
    return [replace(fact, until=end) for fact, end in zip(told, [*ends, None], strict=True)]
