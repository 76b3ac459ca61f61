"""What a relation of the invented world is, and how it is worded.

Wording rules, on which rendering and independent solvers rely:

- ``{s}`` is the subject: its name, or a stand-in such as "the film" or "she". For people it is a grammatical subject.
- ``{v}`` is the value. No statement of one relation of a kind can be read as a statement of another.
- ``{x}`` in nouns and questions is a name or another noun phrase; ``{a}`` and ``{b}`` are names.
- The words yes and no appear nowhere but in answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relation:
    """A single-valued relation of things of one kind.

    Args:
        name: its name in gold facts, e.g. ``birthplace``.
        target: kind of the value: a kind of ``SCHEMA`` or of ``Inventor.name``, or a key of ``NUMBERS``.
        statements: sentences that state it, with ``{s}`` and ``{v}``.
        asks: questions for the value, with ``{x}``.
        nouns: noun phrases that stand for the value, with ``{x}``; empty if it cannot be a link of a chain.
        less: questions for the one of ``{a}`` and ``{b}`` with the smaller number.
        more: the same for the larger number.
        same: yes/no questions whether ``{a}`` and ``{b}`` share the value.
    """

    name: str
    target: str
    statements: tuple[str, ...]
    asks: tuple[str, ...]
    nouns: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


NUMBERS: dict[str, tuple[int, int]] = {
    "birth year": (1880, 1940),
    "release year": (1955, 2000),
    "company year": (1950, 2000),
    "town year": (1080, 1720),
    "university year": (1560, 1900),
    "team year": (1870, 1950),
    "kilometres": (31, 990),
}
"""Number kinds and their ranges; the upper end is not included."""
