"""How a hostile file is made of an honest one, and what is said of it.

A file is *refused* (exit code 2, one line on standard error), *not verified* (1), or *verified* (0), and then only for
what a replay can check: what else it says is called a claim.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

REFUSED, NOT_VERIFIED, VERIFIED = 2, 1, 0
Header, Episodes = dict[str, Any], list[dict[str, Any]]
Change = Callable[[Header, Episodes], Any]


@dataclass(frozen=True)
class Honest:
    """Honest results as their lines: of a competitor, and of one that reads the gold."""

    lexical: list[Any]
    oracle: list[Any]


@dataclass(frozen=True)
class Hostile:
    """A file that means harm.

    Args:
        make: its content, in pieces.
        code: with what ``memgym verify`` ends.
        says: a regular expression for what it says.
        suffix: of the file's name.
    """

    make: Callable[[Honest], Iterator[bytes]]
    code: int
    says: str
    suffix: str = ".jsonl"


def lines(content: list[Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in content)


def changed(change: Change, code: int, says: str) -> Hostile:
    """An honest file whose header or episodes were changed."""

    def make(honest: Honest) -> Iterator[bytes]:
        header, *episodes = copy.deepcopy(honest.lexical)
        change(header, episodes)
        yield lines([header, *episodes])

    return Hostile(make, code, says)


def header(code: int, says: str, **values: Any) -> Hostile:
    return changed(lambda h, e: h.update(values), code, says)


def entry(code: int, says: str, number: int = 1, **values: Any) -> Hostile:
    return changed(lambda h, e: h["entries"][number].update(values), code, says)


def argument(code: int, says: str, number: int = 1, **values: Any) -> Hostile:
    return changed(lambda h, e: h["entries"][number]["kwargs"].update(values), code, says)


def step(code: int, says: str, **values: Any) -> Hostile:
    return changed(lambda h, e: e[0]["steps"][0].update(values), code, says)


def written(old: str, new: str, code: int, says: str, line: int = 1) -> Hostile:
    """An honest file in one of whose lines a text was replaced, be it JSON afterwards or not."""

    def make(honest: Honest) -> Iterator[bytes]:
        found = lines(honest.lexical).split(b"\n")
        assert old.encode() in found[line], old
        found[line] = found[line].replace(old.encode(), new.encode("utf-8", "surrogatepass"), 1)
        yield b"\n".join(found)

    return Hostile(make, code, says)


def raw(make: Callable[[bytes], bytes], code: int, says: str, suffix: str = ".jsonl") -> Hostile:
    """What is made of the bytes of an honest file."""
    return Hostile(lambda honest: iter([make(lines(honest.lexical))]), code, says, suffix)


def answers(episodes: Episodes) -> Iterator[dict[str, Any]]:
    return (answer for episode in episodes for step in episode["steps"] for answer in step["answers"])


def claim(change: Change) -> Hostile:
    return changed(change, VERIFIED, r": verified: .*\n  claimed, not checked: policy ")
