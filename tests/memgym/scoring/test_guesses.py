"""What is one of many claims is guessed; long honest records guess nothing."""

from __future__ import annotations

import pytest

from memgym.episodes import Episode, Fact, Question, Section
from memgym.scoring.support import Support

CUES = ("live", "home")
POOL = ("Porto", "Lisbon", "Rome", "Oslo", "Paris", "Bern")
MIRA = Fact("Mira", "home", "Lisbon", "t1", cues=CUES)
BEN = Fact("Ben", "home", "Rome", "t2", cues=CUES)
ANN = Fact("Ann", "home", "Oslo", "t3", cues=CUES)
TOLD = ("Mira: I live in Lisbon.", "Ben: I live in Rome.", "Ann: I live in Oslo, not in Paris or Bern.")


def answered(memory: list[str], fact: Fact = MIRA) -> bool:
    question = Question("q", "Where?", (fact.value,), needs=(fact,))
    sections = tuple(Section(f"t{i}", text) for i, text in enumerate(TOLD, 1))
    episode = Episode("e", (question,), sections=sections, facts=(MIRA, BEN, ANN))
    return bool(Support(episode, pools={"home": POOL}).answer(question, memory))


@pytest.mark.parametrize(
    "memory",
    [
        ["Mira home: Porto Lisbon Rome Oslo Paris Bern"],
        ["Mira home: Lisbon Porto Rome"],
        [f"Mira home: {place}" for place in POOL],
        ["\n".join(f"Mira home: {place}" for place in POOL)],
        ["\n".join(f"{place} is home of Mira" for place in POOL)],
        [f"Mira Ben Ann home {place}" for place in POOL],  # whoever is named last
        [f"Ann Ben Mira home {place}" for place in POOL],
    ],
)
def test_who_lists_all_values_states_none(memory: list[str]) -> None:
    assert not answered(memory)
    assert not answered([*memory, TOLD[0]])


@pytest.mark.parametrize(
    "memory",
    [
        [TOLD[0]],
        list(TOLD),
        ["\n".join(TOLD)],
        [" ".join(TOLD)],
        ["Mira lives in Lisbon, Ben lives in Rome, Ann lives in Oslo"],
        ["homes: Ben lives in Rome, Ann lives in Oslo, Mira lives in Lisbon"],
        ["Mira: Ben lives in Rome, Ann lives in Oslo, and I live in Lisbon"],
        ["Mira home: Lisbon or Porto"],  # of two, neither is a heap
    ],
)
def test_what_is_told_of_others_is_no_guess(memory: list[str]) -> None:
    assert answered(memory)


def test_what_the_text_itself_puts_so_is_no_guess() -> None:
    assert answered([TOLD[2]], ANN)
    assert not answered(["Ann home: Paris, Oslo, Bern, Porto, Rome"], ANN)


YEAR = Fact("Nelemire", "release year", "1974", "d1", cues=("released", "year"))
PROSE = (
    "Nelemire is a film. It was released in 1974.\n\nSirrelo is a film. It was released in 1968. So was Bavel in 1999."
)


@pytest.mark.parametrize(
    ("memory", "stated"),
    [
        (PROSE, True),
        (PROSE.replace("\n\n", " "), True),  # sentences as they were read
        ("Nelemire was released in 1974. Sirrelo was released in 1968. Bavel was released in 1999.", True),
        ("Sirrelo was released in 1968. Bavel was released in 1999. Nelemire was released in 1974.", True),
        (f"Nelemire year {' '.join(map(str, range(1970, 1980)))}", False),
        (" ".join(f"Nelemire year {year} {year + 1}" for year in range(1970, 1980, 2)), False),
        ("\n\n".join(f"Nelemire year {year}" for year in range(1970, 1980)), False),
        ("\n\n".join(f"{year} is the year of Nelemire" for year in range(1970, 1980)), False),
    ],
)
def test_years_are_not_guessed(memory: str, stated: bool) -> None:
    question = Question("q", "When?", ("1974",), needs=(YEAR,))
    episode = Episode("e", (question,), sections=(Section("d1", PROSE),), facts=(YEAR,))
    assert bool(Support(episode, running=True).answer(question, [memory])) is stated
