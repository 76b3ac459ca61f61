"""What is known of a result file: it is a claim until its rewards were recomputed here.

What was checked is noted in the cache folder of whoever checked it, under the digest of the file's content; nothing
that a file says of itself counts.
"""

from __future__ import annotations

import json
import os
from enum import IntEnum
from importlib.metadata import version
from pathlib import Path

from memgym.errors import DataError
from memgym.folders import cache_folder
from memgym.leaderboard.files import Result


class Standing(IntEnum):
    """How much of a result is known, each more than the one before."""

    claimed = 0
    """Drawn from the file."""
    replayed = 1
    """Every reward was recomputed here from the recorded actions."""
    reproduced = 2
    """Besides, the policy itself was played again here on a random part, and did the same."""
    sealed = 3
    """Besides, it was played on a round whose seed nobody knew."""

    def __str__(self) -> str:
        return self.name


def standing_of(result: Result) -> Standing:
    """Return what is known here of a result that was read from a file, by this version of memgym."""
    try:
        noted = json.loads(_note(result.digest).read_text(encoding="utf-8"))
        return Standing[noted["standing"]] if noted["memgym"] == version("memgym") else Standing.claimed
    except (OSError, ValueError, KeyError, TypeError):  # no note, or none of ours: it is checked anew
        return Standing.claimed


def note_standing(result: Result, standing: Standing) -> None:
    """Note what was checked of a result; what was known before is not taken back.

    Raises:
        DataError: the note cannot be written.
    """
    path = _note(result.digest)
    noted = {"standing": str(max(standing, standing_of(result))), "memgym": version("memgym")}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(noted), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: what was checked cannot be noted: {error.strerror}") from None


def _note(digest: str) -> Path:
    return cache_folder() / "checked" / f"{digest}.json"
