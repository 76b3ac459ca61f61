"""What ``memgym judge-check`` measured of judges is kept in the cache folder, where leaderboards find it.

It is the reader's own: nothing that a result file says of its judge counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import msgspec

from memgym.errors import DataError
from memgym.folders import cache_folder
from memgym.judging.check import JudgeReport


def keep_report(report: JudgeReport, task: str) -> Path:
    """Keep what was measured, in place of what was measured before of the same judge, prompt and task; return where.

    Args:
        report: is kept.
        task: as environments are told it, a name or ``module:Class``.

    Raises:
        DataError: it cannot be written.
    """
    path = _path(report.judge, report.prompt_hash, task)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.encode(report))
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path}: what was measured cannot be kept: {error.strerror}") from None
    return path


def kept_report(judge: str, prompt_hash: str, task: str) -> JudgeReport | None:
    """Return what was measured here of a judge, by its id and the hash of its prompt, on a task; None if nothing was.

    Raises:
        DataError: what was kept is damaged.
    """
    path = _path(judge, prompt_hash, task)
    try:
        return msgspec.json.decode(path.read_bytes(), type=JudgeReport)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: delete it, and measure the judge again ({error})") from None


def _path(judge: str, prompt_hash: str, task: str) -> Path:
    key = json.dumps([judge, prompt_hash, task])
    return cache_folder() / "judges" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
