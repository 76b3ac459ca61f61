"""A ladder for small models, on the log of ``whereabouts``: pairs recalled at a distance, and the n-th place back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from memgym.checks import check_choice, check_int
from memgym.episodes import Episode, Fact, Question
from memgym.errors import ConfigError
from memgym.scoring.statements import Statements
from memgym.scoring.support import Support
from memgym.tasks.procedural.sizing import BY_DIFFICULTY, preset_table
from memgym.tasks.procedural.whereabouts import Whereabouts, WhereaboutsConfig

ASKS = ("Where was the {thing} {back}?", "In which place was the {thing} {back}?")
MOST_BACK = 4


@dataclass(frozen=True)
class LadderConfig(WhereaboutsConfig):
    """The options of a rung; those left at None are set by the difficulty.

    Args:
        difficulty: ``easy``, ``medium`` or ``hard``.
        moves: lines of the log that tell of a move.
        quiet: further lines, in which nothing happens: the distance.
        things: things that are moved, each at least once.
        stops: how often at least a thing is moved that is asked for.

    Raises:
        ConfigError: an option does not fit.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]

    difficulty: str = "easy"
    moves: int = BY_DIFFICULTY
    quiet: int = BY_DIFFICULTY
    things: int = BY_DIFFICULTY
    stops: int = BY_DIFFICULTY

    def __post_init__(self) -> None:
        check_choice("difficulty", self.difficulty, tuple(self.PRESETS))
        for name, value in self.PRESETS[self.difficulty].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        super().__post_init__()


@dataclass(frozen=True)
class RecallConfig(LadderConfig):
    """The options of ``recall``, see :class:`LadderConfig`: as many moves as things, so that each is one pair."""

    PRESETS = preset_table(
        ("moves", "things", "quiet", "stops"), easy=(4, 4, 12, 1), medium=(8, 8, 56, 1), hard=(24, 24, 232, 1)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.moves != self.things or self.stops != 1:
            raise ConfigError(
                f"arguments 'moves' and 'things' must be equal, and 'stops' 1, as recall moves each thing once; not "
                f"{self.moves}, {self.things} and {self.stops} (the task whereabouts moves them more often)"
            )


@dataclass(frozen=True)
class PreviouslyConfig(LadderConfig):
    """The options of ``previously``, see :class:`LadderConfig`.

    Args:
        back: how many places before the last one is asked for, 1 to 4. Easy 1, medium 2, hard 3.
    """

    PRESETS = preset_table(
        ("moves", "things", "quiet", "stops", "back"),
        easy=(8, 2, 4, 3, 1),
        medium=(24, 4, 16, 5, 2),
        hard=(64, 8, 64, 7, 3),
    )

    back: int = BY_DIFFICULTY

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("back", self.back, 1, MOST_BACK)
        if self.stops <= self.back:
            raise ConfigError(f"argument 'stops' must be more than {self.back} for a place that is {self.back} back")


class Recall(Whereabouts):
    """Key-value recall at a distance: each thing is carried to one place, and much later one of them is asked for.

    The log is that of :class:`~memgym.tasks.procedural.whereabouts.Whereabouts`, in its closed vocabulary; nothing is
    overtaken. Evidence is the line of the thing.
    """

    name = "recall"
    source = "procedural; key-value recall as in RULER (arXiv 2404.06654), in the words of whereabouts"
    Config = RecallConfig


class _Ordered(Support):
    """Takes no memory for an answer that has lost in which order a thing was carried about."""

    def answer_from(self, question: Question, memory: Statements) -> list[str]:
        """Return what follows from a memory, nothing if a record has the thing's places in another order."""
        asked = question.needs[0]
        last: dict[int, list[tuple[int, int]]] = {}
        for told in self._versions[asked.subject, asked.relation]:
            for record, place in memory.last_claims(told, self._guessing.holders(told)).items():
                last.setdefault(record, []).append(place)
        kept = all(places == sorted(places) for places in last.values())
        return super().answer_from(question, memory) if kept else []


class Previously(Whereabouts):
    """Where was a thing, some places ago? The n-th of several alike, as in MRCR, counted from the end.

    The log is that of :class:`~memgym.tasks.procedural.whereabouts.Whereabouts`, in its closed vocabulary. A memory of
    the last place alone does not do: as many places are to be kept, in their order, as the question goes back. Evidence
    is the line of the place asked for, and the lines of those after it, which tell how far back it is.
    """

    name = "previously"
    source = "procedural; after MRCR (Vodrahalli et al. 2024, arXiv 2409.12640), in the words of whereabouts"
    Config = PreviouslyConfig

    def support(self, episode: Episode) -> Support:
        """Return what the question of an episode asks of a memory: places in their order."""
        return _Ordered(episode, self.phrases, self.running, self.pools)

    def question(self, draw: Random, question_id: str, told: list[Fact]) -> Question:
        """Return the question for the place that is so many back."""
        later = told[-1 - self.config.back :]
        text = draw.choice(ASKS).format(thing=later[0].subject, back=back_phrase(self.config.back))
        held = replace(later[0], until=later[1].source)
        return Question(
            question_id,
            text,
            answers=(held.value,),
            evidence=tuple(fact.source for fact in later),
            needs=(held, *later[1:]),
        )


def back_phrase(back: int) -> str:
    """Return how a question says that it asks for the place so many before the last one."""
    if back == 1:
        return "previous to now"
    return "previous to " + "the one previous to " * (back - 2) + "the previous place"
