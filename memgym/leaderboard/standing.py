"""What is known of a result file: it is a claim until its rewards were recomputed here.

What was checked is noted in the cache folder of whoever checked it, under the digest of the file's content; nothing
that a file says of itself counts.
"""

from __future__ import annotations

import json
import os
from enum import Flag
from functools import reduce
from importlib.metadata import version
from operator import or_
from pathlib import Path

from memgym.errors import DataError
from memgym.folders import cache_folder
from memgym.leaderboard.files import Result


class Standing(Flag):
    """What is known of a result; of the last two, one says nothing of the other."""

    claimed = 0
    """Drawn from the file."""
    replayed = 1
    """Every reward was recomputed here from the recorded actions."""
    reproduced = 2
    """Besides, the policy itself was played again here on a random part, and did the same."""
    sealed = 4
    """It was replayed, and handed in before the seed of its round was told."""

    def __str__(self) -> str:
        names = [str(one.name) for one in (Standing.reproduced, Standing.sealed) if one in self]
        return ", ".join(names) or str((self & Standing.replayed).name)


def standing_of(result: Result) -> Standing:
    """Return what is known here of a result that was read from a file, by this version of memgym."""
    try:
        noted = json.loads(_note(result.digest).read_text(encoding="utf-8"))
        if noted["memgym"] != version("memgym"):
            return Standing.claimed
        return reduce(or_, (Standing[name] for name in noted["standing"].split(", ")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no note, or none of ours: it is checked anew
        return Standing.claimed


def note_standing(result: Result, standing: Standing) -> None:
    """Note what was checked of a result; what was known before is not taken back.

    Raises:
        DataError: the note cannot be written.
    """
    path = _note(result.digest)
    noted = {"standing": str(standing | standing_of(result)), "memgym": version("memgym")}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(noted), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: what was checked cannot be noted: {error.strerror}") from None


def _note(digest: str) -> Path:
    return cache_folder() / "checked" / f"{digest}.json"
