"""Generated English prose: grammatical, varied, about nothing that anyone asks for.

It serves as a haystack where no essay text can be shipped. Sentences are drawn from a small grammar (frames that join
clauses, clauses that join noun phrases) over topics whose words go together; neighbouring sentences share a topic, as
the sentences of a paragraph do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from memgym.tasks.procedural.ruler import prose_words as words

CLAUSES = (
    "{A} {V} {O} {L}",
    "{A} {D} {V} {O}",
    "{A} {V} {O} {E}",
    "{A} {V} {O} for {Q}",
    "{A}, who {W} {P}, {V} {O}",
    "{A} {V} {O} and {W} {P}",
    "{A} and {B} {V} {O} {L}",
    "{A} {M} that {B} {V} {O}",
    "{A} had {V} {O}, as {B} {M}",
    "{O} was {V} by {A}",
    "{O} {L} {F} {A}",
    "{O}, {V} by {A} {T}, {F} {B}",
    "the {N} of {O} {F} {A}",
    "there was {O} {L}, and {A} {V} it {E}",
    "neither {A} nor {B} {V} {O}",
    "it was {A} who {V} {O}",
    "what {A} {V} {L} was {O}",
    "{A} asked whether {B} {V} {O}",
    "nobody {L} {V} {O}",
    "{T} {A} {V} {O}",
    "{L} {A} {D} {V} {O}",
    "{A} would have {V} {O} {E}",
    "{A} {V} {O} {T}",
    "{O} was more {J} than {P}",
    "{A} {V} everything but {O}",
    "{A} was the first who {V} {O}",
    "few people {M} that {A} {V} {O}",
)
FRAMES = (
    "{c}.",
    "{c}.",
    "{c}.",
    "{H}, {c}.",
    "{H}, {c}, but {d}.",
    "{c}, and {d}.",
    "{c}, but {d}.",
    "{c}, so {d}.",
    "{c}; {d}.",
    "{S} {c}, {d}.",
    "{c} {S} {d}.",
    "{c}, which {F} {B}.",
    "if {c}, nobody spoke of it {T}.",
    '"{c}," said {B}, "{E}."',
    '"{d}," {B} wrote {T}.',
    "who {V} {O} {L}?",
    "why had {A} {V} {O}?",
    "{A} {M}, rightly or not, that {d}.",
    "in {Y}, {c}.",
    "until {Y} {c}, and {d}.",
    "either {c}, or {d}.",
    "perhaps {c}.",
    "one story says that {c}; another, that {d}.",
    "{c} - or so {B} {M}.",
    "not only had {A} {V} {O}; {d}.",
    "as for {O}, {A} {V} it {L}.",
)
YEARS = tuple(str(year) for year in range(1781, 1994))
TOPIC_RUN = 7
"""How many neighbouring sentences share a topic."""

_SLOT = re.compile(r"{(\w)}")
_DRAWS = 20
"""No frame with its clauses has more slots than this; checked by the tests."""


def sentences(rng: np.random.Generator, n: int) -> list[str]:
    """Return ``n`` sentences, each ending in ``.``, ``?`` or a closing quotation mark; 16 words on average."""
    topics = rng.integers(len(words.TOPICS), size=-(-n // TOPIC_RUN)).tolist()
    draws = rng.random((n, _DRAWS), dtype=np.float32).tolist()
    return [_sentence(_choices(topics[i // TOPIC_RUN]), iter(draw)) for i, draw in enumerate(draws)]


def _sentence(choices: dict[str, Sequence[Any]], draws: Iterator[float]) -> str:
    text = _expand("start", choices, draws)
    first = 1 if text[0] == '"' else 0
    return text[:first] + text[first].upper() + text[first + 1 :]


def _expand(symbol: str, choices: dict[str, Sequence[Any]], draws: Iterator[float]) -> str:
    options = choices[symbol]
    option = options[int(next(draws) * len(options))]
    if isinstance(option, str):
        return option
    pattern, slots = option
    return pattern % tuple([_expand(slot, choices, draws) for slot in slots])


@cache
def _choices(topic: int) -> dict[str, Sequence[Any]]:
    """Return what each symbol of the grammar may become: a text, or a %-pattern with the symbols to fill it."""
    agents, verbs, objects, adjectives, places = words.TOPICS[topic]
    people = _noun_phrases(("the", "a", "another", "one", "our", "their"), words.PEOPLE_ADJECTIVES, agents)
    people += tuple(map(" ".join, product(("Mr", "Mrs", "Miss", "Dr", "old", "young"), words.SURNAMES)))
    determiners = ("the", "a", "this", "that", "another", "his", "her", "their", "one", "the other")
    things = _noun_phrases(determiners, adjectives, objects)
    clauses = tuple(map(_compile, CLAUSES))
    return {
        "start": tuple(map(_compile, FRAMES)),
        **dict.fromkeys("cd", clauses),
        **dict.fromkeys("AB", people),
        **dict.fromkeys("VW", verbs),
        **dict.fromkeys("OP", things),
        "J": adjectives,
        "L": places,
        "D": words.ADVERBS,
        "E": words.TAILS,
        "F": words.EFFECT_VERBS,
        "H": words.OPENERS,
        "M": words.MENTAL_VERBS,
        "N": words.QUALITIES,
        "Q": words.DURATIONS,
        "S": words.SUBORDINATORS,
        "T": words.TIMES,
        "Y": YEARS,
    }


def _noun_phrases(determiners: Sequence[str], adjectives: Sequence[str], nouns: Sequence[str]) -> tuple[str, ...]:
    phrases = []
    bare = ("",) * len(adjectives)  # half of the nouns go without an adjective
    for determiner, adjective, noun in product(determiners, (*bare, *adjectives), nouns):
        rest = f"{adjective} {noun}" if adjective else noun
        article = "an" if determiner == "a" and rest[0] in "aeiou" else determiner
        phrases.append(f"{article} {rest}")
    return tuple(phrases)


def _compile(pattern: str) -> tuple[str, tuple[str, ...]]:
    return _SLOT.sub("%s", pattern), tuple(_SLOT.findall(pattern))
