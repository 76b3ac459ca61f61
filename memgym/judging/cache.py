"""Verdicts on disk, shared by threads, processes and runs."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from memgym.errors import DataError

_WAIT = 60.0
"""Seconds to wait for another process that is writing."""


class VerdictCache:
    """A table from keys to verdicts in an SQLite file.

    Each call opens the file anew: that is safe in threads and after a fork, and costs little next to a model call. A
    copy uses the same file.

    Args:
        folder: where ``verdicts.sqlite`` lies or is made.

    Raises:
        DataError: the folder cannot be made, or (in any call) the file cannot be read or written.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.path = Path(os.path.abspath(folder), "verdicts.sqlite")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot make the folder of {self.path} ({error}); choose another cache_dir") from None
        self._execute("CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, correct INTEGER) WITHOUT ROWID")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path.parent,)  # which makes the folder where a pickle is loaded

    def get(self, key: str) -> float | None:
        """Return the verdict kept under ``key``, as a score in [0, 1]; None if there is none."""
        rows = self._execute("SELECT correct FROM verdicts WHERE key = ?", key)
        return float(rows[0][0]) if rows else None

    def put(self, key: str, score: float) -> None:
        """Keep a verdict, durably; the first one under a key stays."""
        self._execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", key, float(score))

    def _execute(self, statement: str, *values: str | float) -> list[tuple[float]]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT)) as connection, connection:
                return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise DataError(f"cannot use the verdicts in {self.path} ({error}); choose another cache_dir") from None
