"""Joins the parts of one evaluation that were played apart."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from memgym.errors import DataError
from memgym.leaderboard.episodes import Picked
from memgym.leaderboard.files import Result
from memgym.leaderboard.records import Header, Key


def merge(parts: Mapping[str, Result]) -> Result:
    """Return one result with the episodes of all; where one failed in one part and not in another, it did not fail.

    Args:
        parts: contents of result files, by how messages call them.

    Raises:
        DataError: there are none, they are not of the same evaluation, or an episode was played in two of them.
    """
    if not parts:
        raise DataError("there is nothing to merge")
    (first, result), *others = parts.items()
    for name, other in others:
        difference = header_difference(result.header, other.header)
        if difference:
            raise DataError(f"{first} and {name} are not parts of one evaluation: {difference}")
    found: dict[Key, tuple[str, int, bool]] = {}
    for name, part in parts.items():
        for number, (key, failed) in enumerate(part.keys()):
            if key not in found or found[key][2]:
                found[key] = (name, number, failed)
            elif not failed:
                entry, trial, index = key
                raise DataError(f"episode {index}, trial {trial} of {entry!r} is in both {found[key][0]} and {name}")
    ranks = {entry.name: rank for rank, entry in enumerate(result.header.entries)}
    keys = sorted(found, key=lambda key: (ranks[key[0]], *key[1:]))
    picks = [(parts[found[key][0]].episodes, found[key][1]) for key in keys]
    return Result(result.header, Picked(picks, [(key, found[key][2]) for key in keys]))


def header_difference(first: Header, second: Header) -> str:
    """Return in what two headers are not those of one evaluation, ``""`` if they are.

    The versions of all packages must be the same, and Python's but for its last number.
    """
    for field in Header.__struct_fields__:
        if field == "packages":
            difference = _package_difference(first.packages, second.packages)
        elif field == "entries":
            difference = _entries_difference(first, second)
        else:
            difference = _difference(field, getattr(first, field), getattr(second, field))
        if difference:
            return difference
    return ""


def _package_difference(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    for name in sorted({*first, *second}):
        versions = [packages.get(name) for packages in (first, second)]
        if name == "python":
            versions = [version and version.rpartition(".")[0] for version in versions]
        if versions[0] != versions[1]:
            return _difference(f"the version of {name}", first.get(name), second.get(name))
    return ""


def _entries_difference(first: Header, second: Header) -> str:
    names = [[entry.name for entry in header.entries] for header in (first, second)]
    if names[0] != names[1]:
        return f"the entries are {', '.join(names[0])} and {', '.join(names[1])}"
    for one, other in zip(first.entries, second.entries, strict=True):
        for field in one.__struct_fields__:
            difference = _difference(f"entry {one.name!r}: {field}", getattr(one, field), getattr(other, field))
            if difference:
                return difference
    return ""


def _difference(what: str, first: object, second: object) -> str:
    if first == second:
        return ""
    shown = [repr(msgspec.to_builtins(value)) for value in (first, second)]
    return f"{what} is {shown[0]:.200} and {shown[1]:.200}"
